"""A user's own pictures: types of defects, masks at any depth, and errors that say what to move."""

import pytest

from src.data.layouts import categories, samples_for_testing, samples_for_training
from src.utils import UserError
from tests.support.pictures import mask, names, picture


def test_folder_with_types_and_masks_anywhere(tmp_path):
    base = tmp_path / "lid"
    for i in range(10):
        picture(base / "good" / ("day1" if i < 5 else "day2") / f"{i}.png")
    for kind in ("dent", "scratch"):
        picture(base / "defect" / kind / "0.png")
    picture(base / "defect" / "7.png")
    mask(base / "masks" / "dent" / "0_mask.png")
    mask(base / "defect" / "scratch" / "ground_truth" / "0.png")
    mask(base / "annotations" / "mask" / "7.png")
    mask(base / "masks" / "good" / "3.png")
    assert categories(tmp_path, "folder") == ["lid"]
    train, test = samples_for_training(tmp_path, "lid", "folder"), samples_for_testing(tmp_path, "lid", "folder")
    assert len(train) == 8
    assert names(test)[2:] == ["defect/7", "dent/0", "scratch/0"]
    assert not set(names(train)) & set(names(test))
    assert [s.mask.relative_to(base).as_posix() for s in test[2:]] == [
        "annotations/mask/7.png",
        "masks/dent/0_mask.png",
        "defect/scratch/ground_truth/0.png",
    ]
    assert [s.defect for s in test] == ["good", "good", "defect", "dent", "scratch"]


def test_folder_with_its_own_good_test_pictures(tmp_path):
    for i in range(4):
        picture(tmp_path / "lid" / "good" / f"{i}.png")
        picture(tmp_path / "lid" / "test_good" / f"{i}.png")
    picture(tmp_path / "lid" / "defect" / "0.png")
    assert len(samples_for_training(tmp_path, "lid", "folder")) == 4
    test = samples_for_testing(tmp_path, "lid", "folder")
    assert names(test) == ["good/0", "good/1", "good/2", "good/3", "defect/0"]
    assert test[0].picture == tmp_path / "lid" / "test_good" / "0.png"
    assert test[4].mask is None


def test_folder_errors(tmp_path):
    base = tmp_path / "lid"
    picture(base / "good" / "0.png")
    with pytest.raises(UserError, match=r"no test pictures in .*lid/\{test_good,defect\}; put them there"):
        samples_for_testing(tmp_path, "lid", "folder")
    for kind in ("dent", "scratch"):
        picture(base / "defect" / kind / "5.png")
    stray = mask(base / "masks" / "5.png")
    with pytest.raises(UserError, match=rf"the mask {stray} fits .*dent/5.png and .*scratch/5.png; put it into"):
        samples_for_testing(tmp_path, "lid", "folder")
    stray.unlink()
    mask(base / "masks" / "dent" / "6.png")
    with pytest.raises(UserError, match=r"no picture for the mask .*masks/dent/6.png"):
        samples_for_testing(tmp_path, "lid", "folder")
    (base / "masks" / "dent" / "6.png").unlink()
    mask(base / "masks" / "dent" / "5.png")
    with pytest.raises(UserError, match=r"no mask for the defective picture .*scratch/5.png; add 5_mask.png under"):
        samples_for_testing(tmp_path, "lid", "folder")
    picture(base / "broken" / "1.png")
    with pytest.raises(UserError, match=r"lid/broken is none of good, test_good, defect, masks; move .*defect/broken"):
        samples_for_testing(tmp_path, "lid", "folder")
    (base / "broken").rename(base / "defect" / "good")
    with pytest.raises(UserError, match=r"lid/defect has a folder good; rename it after its defect"):
        samples_for_testing(tmp_path, "lid", "folder")
