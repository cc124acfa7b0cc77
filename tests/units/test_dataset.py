"""The pictures and masks of several samples as arrays, and their normalisation."""

import numpy as np
import pytest

from src.data.samples import Sample
from src.data.several import together
from src.dataset import load_images, normalize
from src.labelled import TestSet, load_masks
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
    masks, _ = load_masks([good(paths[0]), defective(paths[1], mask(tmp_path / "m.png"))], 8, workers=2)
    assert masks.dtype == bool
    assert masks.sum(axis=(1, 2)).tolist() == [0, 32]
    assert load_images([], 4).shape == (0, 4, 4, 3)


def test_all_unreadable_pictures_are_named_in_the_order_of_the_samples(tmp_path):
    paths = [picture(tmp_path / f"{i}.png") for i in range(30)]
    for broken in (7, 20):
        paths[broken].write_bytes(b"x")
    with pytest.raises(UserError, match=r"^2 files cannot be used: [^;]*/7\.png: [^;]*; [^;]*; [^;]*/20\.png: "):
        load_images([good(path) for path in paths], 4, workers=4)


def test_all_that_is_unusable_is_named_over_all_sets(tmp_path):
    samples, bad = [], ("p3", "p70", "m1", "m2")
    for i in range(80):
        path, marked = picture(tmp_path / f"p{i}.png"), mask(tmp_path / f"m{i}.png")
        samples.append(good(path) if i > 2 else defective(path, marked))
    for name in bad:
        (tmp_path / f"{name}.png").write_bytes(b"x")
    for keep in (False, True):
        with pytest.raises(UserError, match=r"^4 files cannot be used: ") as caught:
            TestSet.load(samples, 4, "nearest", 2, keep)
        assert [name for name in bad if f"/{name}.png: " in str(caught.value)] == list(bad)
    for name in ("m1", "m2"):
        mask(tmp_path / f"{name}.png")
    test = TestSet.load(samples, 4, "nearest", 2, keep=False)
    assert test.images[[0, 1]].shape == (2, 4, 4, 3)
    with pytest.raises(UserError, match=r"^2 files cannot be used: .*/p3\.png: .*/p70\.png: "):  # also what comes later
        test.images[[2, 3]]
    with pytest.raises(UserError, match=r"^3 files cannot be used: .*/p3\.png: .*/p70\.png: .*/x\.png: "):
        together(test.images.check, lambda: load_images([good(tmp_path / "x.png")], 4), lambda: 1)
    assert together(lambda: 1, lambda: 2) == [1, 2]


def test_many_unusable_files_are_named_in_short(tmp_path):
    paths = [tmp_path / "a folder with a long name" / "y" / f"{i}.png" for i in range(60)]
    with pytest.raises(UserError, match=r"^60 files under .*/a folder with a long name/y cannot be used: ") as caught:
        load_images([good(path) for path in paths], 4)
    names = ", ".join(f"{i}.png" for i in range(60))
    assert str(caught.value).endswith(
        f": {names}. The first: cannot read the picture {paths[0]}: No such file or directory; replace or remove it"
    )


def test_a_mask_must_have_the_size_of_its_picture(tmp_path):
    sample = defective(picture(tmp_path / "a.png", size=(8, 6)), mask(tmp_path / "a_mask.png", size=(6, 8)))
    with pytest.raises(UserError, match=r"a_mask\.png is 6x8 and its picture .*a\.png is 8x6; make the mask"):
        load_masks([sample], 16)


def test_masks_of_a_defective_picture_without_one(tmp_path):
    sample = defective(picture(tmp_path / "a.png"), None)
    with pytest.raises(UserError, match=r"no mask for .*a\.png; add one, or take all masks away to get image-level"):
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
