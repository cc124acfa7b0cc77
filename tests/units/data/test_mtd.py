"""Magnetic Tile: good pictures divided by the seed or by a list, masks beside the pictures."""

import pytest

from src.data.layouts import categories, samples_for_testing, samples_for_training
from src.utils import UserError
from tests.support.pictures import mask, names, picture


@pytest.fixture
def tiles(tmp_path):
    for i in range(10):
        picture(tmp_path / "MT_Free" / "Imgs" / f"exp1_num_{i}.jpg")
        mask(tmp_path / "MT_Free" / "Imgs" / f"exp1_num_{i}.png")
    for kind in ("Blowhole", "Crack"):
        picture(tmp_path / f"MT_{kind}" / "Imgs" / "exp2_num_5.jpg")
        mask(tmp_path / f"MT_{kind}" / "Imgs" / "exp2_num_5.png")
    return tmp_path


def test_mtd_seeded_split(tiles):
    assert categories(tiles, "mtd") == ["mtd"]
    train, test = samples_for_training(tiles, "mtd", "mtd"), samples_for_testing(tiles, "mtd", "mtd")
    good = [s for s in test if not s.label]
    assert (len(train), len(good), len(test)) == (8, 2, 4)
    assert sorted(names(train) + names(good)) == [f"MT_Free/exp1_num_{i}" for i in range(10)]
    assert names(test)[2:] == ["MT_Blowhole/exp2_num_5", "MT_Crack/exp2_num_5"]
    assert test[2].mask == tiles / "MT_Blowhole" / "Imgs" / "exp2_num_5.png"
    assert test[2].defect == "MT_Blowhole"
    splits = {tuple(names(samples_for_training(tiles, "mtd", "mtd", seed=seed))) for seed in range(5)}
    assert len(splits) > 1
    assert samples_for_training(tiles, "mtd", "mtd", seed=3) == samples_for_training(tiles, "mtd", "mtd", seed=3)


def test_mtd_published_list(tiles):
    listed = tiles / "train.txt"
    listed.write_text("exp1_num_7.jpg\nexp1_num_2.jpg\n")
    assert names(samples_for_training(tiles, "mtd", "mtd", train_list=listed)) == [
        "MT_Free/exp1_num_2",
        "MT_Free/exp1_num_7",
    ]
    test = samples_for_testing(tiles, "mtd", "mtd", train_list=listed)
    assert len([s for s in test if not s.label]) == 8
    listed.write_text("exp1_num_7.jpg\nexp9_num_1.jpg\n")
    with pytest.raises(UserError, match=r"train.txt names 1 pictures that are not in .*, such as exp9_num_1.jpg"):
        samples_for_training(tiles, "mtd", "mtd", train_list=listed)
    with pytest.raises(UserError, match=r"cannot read .*gone.txt: .*; give a text file of picture names"):
        samples_for_training(tiles, "mtd", "mtd", train_list=tiles / "gone.txt")


def test_mtd_errors(tiles):
    stray = tiles / "MT_Crack" / "Imgs" / "exp2_num_5.jpg"
    stray.unlink()
    with pytest.raises(UserError, match=r"no picture for the mask .*MT_Crack/Imgs/exp2_num_5.png"):
        samples_for_testing(tiles, "mtd", "mtd")
    with pytest.raises(UserError, match=r"no categories in .*MT_Crack; layout mtd looks for the one category mtd"):
        categories(tiles / "MT_Crack", "mtd")
