"""The pictures and masks of several samples as arrays, and their normalisation."""

import numpy as np
import pytest

from src.data.samples import Sample
from src.dataset import load_images, load_masks, normalize
from src.utils import UserError
from tests.support.pictures import mask, picture


def good(path) -> Sample:
    return Sample(path, 0, "good", None, path.stem)


def defective(path, mask_path) -> Sample:
    return Sample(path, 1, "cut", mask_path, path.stem)


def test_arrays_are_in_the_order_of_the_samples(tmp_path):
    paths = [picture(tmp_path / f"{i}.png", value=i) for i in range(40)]
    images = load_images([good(path) for path in paths], 4, workers=8)
    assert images.shape == (40, 4, 4, 3)
    assert images.dtype == np.uint8
    assert images[:, 0, 0, 0].tolist() == list(range(40))
    masks = load_masks([good(paths[0]), defective(paths[1], mask(tmp_path / "m.png"))], 8, workers=2)
    assert masks.dtype == bool
    assert masks.sum(axis=(1, 2)).tolist() == [0, 32]
    assert load_images([], 4).shape == (0, 4, 4, 3)


def test_all_unreadable_pictures_are_named_in_the_order_of_the_samples(tmp_path):
    paths = [picture(tmp_path / f"{i}.png") for i in range(30)]
    for broken in (7, 20):
        paths[broken].write_bytes(b"x")
    with pytest.raises(UserError, match=r"^2 files cannot be used: [^;]*/7\.png: [^;]*; [^;]*; [^;]*/20\.png: "):
        load_images([good(path) for path in paths], 4, workers=4)


def test_a_mask_must_have_the_size_of_its_picture(tmp_path):
    sample = defective(picture(tmp_path / "a.png", size=(8, 6)), mask(tmp_path / "a_mask.png", size=(6, 8)))
    with pytest.raises(UserError, match=r"a_mask\.png is 6x8 and its picture .*a\.png is 8x6; make the mask"):
        load_masks([sample], 16)


def test_masks_of_a_defective_picture_without_one(tmp_path):
    sample = defective(picture(tmp_path / "a.png"), None)
    with pytest.raises(UserError, match=r"no mask for .*a\.png; add one, or ask for image-level figures only"):
        load_masks([sample], 8)


def test_normalize():
    images = np.random.default_rng(0).integers(0, 256, (2, 5, 5, 3), dtype=np.uint8)
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    got = normalize(images, mean, std)
    assert got.dtype == np.float32
    assert got.flags.c_contiguous
    np.testing.assert_allclose(got, ((images / 255 - mean) / std).transpose(0, 3, 1, 2), rtol=1e-6, atol=1e-6)
    with pytest.raises(ValueError, match="uint8"):
        normalize(got, mean, std)
