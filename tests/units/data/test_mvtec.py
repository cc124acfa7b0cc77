"""MVTec's folders: their samples in order, masks by name, and the errors word for word."""

import os
import random

import pytest

from src.data.layouts import categories, samples_for_testing, samples_for_training
from src.data.samples import has_masks
from src.utils import UserError
from tests.support.pictures import mask, mvtec, names, picture


def test_mvtec(tmp_path):
    base = mvtec(tmp_path)
    assert categories(tmp_path, "mvtec") == ["nut"]
    train = samples_for_training(tmp_path, "nut", "mvtec")
    assert names(train) == ["good/000", "good/001", "good/002"]
    assert all((s.label, s.defect, s.mask) == (0, "good", None) for s in train)
    test = samples_for_testing(str(tmp_path), "nut", "mvtec")
    assert names(test) == ["good/000", "good/001", "cut/000", "cut/001"]
    assert test[3].picture == base / "test" / "cut" / "001.png"
    assert test[3].mask == base / "ground_truth" / "cut" / "001_mask.png"
    assert (test[3].label, test[3].defect) == (1, "cut")


def test_order_does_not_depend_on_creation_or_on_the_file_system(tmp_path, monkeypatch):
    files = [f"{kind}/{i:03d}.png" for kind in ("good", "hole", "crack") for i in range(5)]
    random.Random(0).shuffle(files)
    picture(tmp_path / "nut" / "train" / "good" / "0.png")
    for file in files:
        picture(tmp_path / "nut" / "test" / file)
    first = names(samples_for_testing(tmp_path, "nut", "mvtec"))
    assert first == [f"{kind}/{i:03d}" for kind in ("good", "crack", "hole") for i in range(5)]
    real = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: sorted(real(path), reverse=True))
    assert names(samples_for_testing(tmp_path, "nut", "mvtec")) == first


def test_masks_pair_by_name_with_any_suffix(tmp_path):
    base = mvtec(tmp_path)
    picture(base / "test" / "cut" / "002.JPG")
    mask(base / "ground_truth" / "cut" / "002.BMP")  # same stem
    picture(base / "test" / "cut" / "10.png")
    mask(base / "ground_truth" / "cut" / "10_MASK.PNG")
    (base / "test" / "cut" / "notes.txt").write_text("no picture")
    (base / "test" / "cut" / ".hidden.png").write_text("no picture")
    mask(base / "ground_truth" / "good" / "000_mask.png")  # black masks of good pictures are not needed
    pairs = {s.name: s.mask.name for s in samples_for_testing(tmp_path, "nut", "mvtec") if s.mask}
    assert pairs == {
        "cut/000": "000_mask.png",
        "cut/001": "001_mask.png",
        "cut/002": "002.BMP",
        "cut/10": "10_MASK.PNG",
    }


def test_no_ground_truth_folder_means_no_masks(tmp_path):
    picture(tmp_path / "nut" / "test" / "cut" / "0.png")
    samples = samples_for_testing(tmp_path, "nut", "mvtec")  # evaluation needs no train/ either
    assert [s.mask for s in samples] == [None]
    assert not has_masks(samples)
    with pytest.raises(UserError, match=r"no training pictures in .*nut/train/good; put the good pictures there"):
        samples_for_training(tmp_path, "nut", "mvtec")


def test_pairing_errors_name_the_file(tmp_path):
    base = mvtec(tmp_path)
    lonely = picture(base / "test" / "cut" / "009.png")
    with pytest.raises(
        UserError,
        match=rf"no mask for the defective picture {lonely}; add 009_mask.png under .*ground_truth, or",
    ):
        samples_for_testing(tmp_path, "nut", "mvtec")
    lonely.unlink()
    stray = mask(base / "ground_truth" / "hole" / "000_mask.png")
    with pytest.raises(UserError, match=rf"no picture for the mask {stray}; add the defective picture or"):
        samples_for_testing(tmp_path, "nut", "mvtec")
    stray.unlink()
    mask(base / "ground_truth" / "cut" / "001.png")
    with pytest.raises(UserError, match=r"two masks for .*cut/001.png: .*001.png and .*001_mask.png; remove one"):
        samples_for_testing(tmp_path, "nut", "mvtec")


def test_two_pictures_of_one_name(tmp_path):
    base = mvtec(tmp_path)
    picture(base / "train" / "good" / "001.bmp")
    with pytest.raises(UserError, match=r"001.bmp and .*001.png have the same name; rename or remove one"):
        samples_for_training(tmp_path, "nut", "mvtec")
