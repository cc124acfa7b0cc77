"""Each layout on a tiny tree of its published form, its order, and its errors word for word."""

import os
import random

import pytest

from src.data import layouts
from src.data.layouts import LAYOUTS, categories, train_samples
from src.data.samples import has_masks
from src.utils import UserError
from tests.support.pictures import mask, mvtec, picture


def names(samples) -> list[str]:
    return [sample.name for sample in samples]


def test_mvtec(tmp_path):
    base = mvtec(tmp_path)
    assert categories(tmp_path) == ["nut"]
    train = train_samples(tmp_path, "nut")
    assert names(train) == ["good/000", "good/001", "good/002"]
    assert all((s.label, s.defect, s.mask) == (0, "good", None) for s in train)
    test = layouts.test_samples(str(tmp_path), "nut")
    assert names(test) == ["good/000", "good/001", "cut/000", "cut/001"]
    assert test[3].image == base / "test" / "cut" / "001.png"
    assert test[3].mask == base / "ground_truth" / "cut" / "001_mask.png"
    assert (test[3].label, test[3].defect) == (1, "cut")


def test_order_does_not_depend_on_creation_or_on_the_file_system(tmp_path, monkeypatch):
    files = [f"{kind}/{i:03d}.png" for kind in ("good", "hole", "crack") for i in range(5)]
    random.Random(0).shuffle(files)
    picture(tmp_path / "nut" / "train" / "good" / "0.png")
    for file in files:
        picture(tmp_path / "nut" / "test" / file)
    first = names(layouts.test_samples(tmp_path, "nut"))
    assert first == [f"{kind}/{i:03d}" for kind in ("good", "crack", "hole") for i in range(5)]
    real = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: sorted(real(path), reverse=True))
    assert names(layouts.test_samples(tmp_path, "nut")) == first


def test_masks_pair_by_name_with_any_suffix(tmp_path):
    base = mvtec(tmp_path)
    picture(base / "test" / "cut" / "002.JPG")
    mask(base / "ground_truth" / "cut" / "002.BMP")  # same stem
    picture(base / "test" / "cut" / "10.png")
    mask(base / "ground_truth" / "cut" / "10_MASK.PNG")
    (base / "test" / "cut" / "notes.txt").write_text("no picture")
    (base / "test" / "cut" / ".hidden.png").write_text("no picture")
    mask(base / "ground_truth" / "good" / "000_mask.png")  # black masks of good pictures are not needed
    pairs = {s.name: s.mask.name for s in layouts.test_samples(tmp_path, "nut") if s.mask}
    assert pairs == {
        "cut/000": "000_mask.png",
        "cut/001": "001_mask.png",
        "cut/002": "002.BMP",
        "cut/10": "10_MASK.PNG",
    }


def test_no_ground_truth_folder_means_no_masks(tmp_path):
    picture(tmp_path / "nut" / "test" / "cut" / "0.png")
    samples = layouts.test_samples(tmp_path, "nut")  # evaluation needs no train/ either
    assert [s.mask for s in samples] == [None]
    assert not has_masks(samples)
    with pytest.raises(UserError, match=r"no training pictures in .*nut/train/good; put the good pictures there"):
        train_samples(tmp_path, "nut")


def test_pairing_errors_name_the_file(tmp_path):
    base = mvtec(tmp_path)
    lonely = picture(base / "test" / "cut" / "009.png")
    with pytest.raises(
        UserError,
        match=rf"no mask for the defective picture {lonely}; add 009_mask.png under .*ground_truth, or",
    ):
        layouts.test_samples(tmp_path, "nut")
    lonely.unlink()
    stray = mask(base / "ground_truth" / "hole" / "000_mask.png")
    with pytest.raises(UserError, match=rf"no picture for the mask {stray}; add the defective picture or"):
        layouts.test_samples(tmp_path, "nut")
    stray.unlink()
    mask(base / "ground_truth" / "cut" / "001.png")
    with pytest.raises(UserError, match=r"two masks for .*cut/001.png: .*001.png and .*001_mask.png; remove one"):
        layouts.test_samples(tmp_path, "nut")


def test_two_pictures_of_one_name(tmp_path):
    base = mvtec(tmp_path)
    picture(base / "train" / "good" / "001.bmp")
    with pytest.raises(UserError, match=r"001.bmp and .*001.png have the same name; rename or remove one"):
        train_samples(tmp_path, "nut")


def test_missing_folder_category_and_pictures(tmp_path):
    with pytest.raises(UserError, match=r"no folder .*nowhere; give the folder that holds the data set's"):
        train_samples(tmp_path / "nowhere", "nut")
    base = mvtec(tmp_path)
    mvtec(tmp_path, "bolt")
    with pytest.raises(UserError, match=r"no category 'nutt' in .*: layout mvtec looks .*; there are bolt, nut$"):
        train_samples(tmp_path, "nutt")
    with pytest.raises(
        UserError, match=r"no categories in .*nut; .* it is a category itself: give .* and category nut"
    ):
        train_samples(base, "nut")
    for path in (base / "train" / "good").iterdir():
        path.unlink()
    with pytest.raises(UserError, match=r"no training pictures in .*nut/train/good; put the good pictures there"):
        train_samples(tmp_path, "nut")
    (tmp_path / "empty" / "test").mkdir(parents=True)
    with pytest.raises(UserError, match=r"no test pictures in .*empty/test/<good or the defect type>; put them"):
        layouts.test_samples(tmp_path, "empty")
    with pytest.raises(UserError, match=r"unknown data set layout 'coco'; choose from mvtec, visa, btad, mtd, folder"):
        categories(tmp_path, "coco")
    with pytest.raises(UserError, match=r"a list of training pictures is for layout mtd, not for mvtec"):
        train_samples(tmp_path, "nut", train_list="list.txt")
    assert set(LAYOUTS) == {"mvtec", "visa", "btad", "mtd", "folder"}


def test_btad(tmp_path):
    mvtec(tmp_path, "01", good="ok", bad="ko")
    base = mvtec(tmp_path, "03", good="ok", bad="ko")
    picture(base / "test" / "ko" / "0007.bmp")
    mask(base / "ground_truth" / "ko" / "0007.png")
    assert categories(tmp_path, "btad") == ["01", "03"]
    assert names(train_samples(tmp_path, "03", "btad")) == ["ok/000", "ok/001", "ok/002"]
    test = layouts.test_samples(tmp_path, "03", "btad")
    assert names(test) == ["ok/000", "ok/001", "ko/000", "ko/0007", "ko/001"]
    assert [(s.label, s.defect) for s in test[1:3]] == [(0, "good"), (1, "ko")]
    assert test[3].mask.name == "0007.png"


def visa(root, rows: list[str]) -> None:
    (root / "split_csv").mkdir(exist_ok=True)
    (root / "split_csv" / "1cls.csv").write_text("object,split,label,image,mask\n" + "\n".join(rows) + "\n")


def test_visa(tmp_path):
    rows = []
    for i in (3, 1, 2):
        path = picture(tmp_path / "pcb1" / "Data" / "Images" / "Normal" / f"{i:04d}.JPG")
        rows.append(f"pcb1,{'test' if i == 2 else 'train'},normal,{path.relative_to(tmp_path)},")
    picture(tmp_path / "pcb1" / "Data" / "Images" / "Anomaly" / "000.JPG")
    mask(tmp_path / "pcb1" / "Data" / "Masks" / "Anomaly" / "000.png")
    bad = "pcb1,test,anomaly,pcb1/Data/Images/Anomaly/000.JPG,pcb1/Data/Masks/Anomaly/000.png"
    visa(tmp_path, [*rows, bad])
    assert categories(tmp_path, "visa") == ["pcb1"]
    assert names(train_samples(tmp_path, "pcb1", "visa")) == ["good/0001", "good/0003"]
    test = layouts.test_samples(tmp_path, "pcb1", "visa")
    assert names(test) == ["good/0002", "anomaly/000"]
    assert test[1].mask == tmp_path / "pcb1" / "Data" / "Masks" / "Anomaly" / "000.png"

    visa(tmp_path, [*rows, bad.replace("000.png", "009.png")])
    with pytest.raises(UserError, match=r"1cls.csv names .*Masks/Anomaly/009.png, which is missing; complete"):
        layouts.test_samples(tmp_path, "pcb1", "visa")
    visa(tmp_path, [*rows, bad.replace("test,anomaly", "train,anomaly")])
    with pytest.raises(UserError, match=r"1cls.csv trains on the defective .*000.JPG; give the 1cls split"):
        train_samples(tmp_path, "pcb1", "visa")
    visa(tmp_path, ["pcb1,middle,normal,x.png,"])
    with pytest.raises(UserError, match=r"1cls.csv line 2 is not object,split,label,image,mask with train\|test"):
        categories(tmp_path, "visa")
    (tmp_path / "split_csv" / "1cls.csv").unlink()
    with pytest.raises(UserError, match=r"cannot read .*1cls.csv: No such file or directory; put VisA's file"):
        categories(tmp_path, "visa")


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
    train, test = train_samples(tiles, "mtd", "mtd"), layouts.test_samples(tiles, "mtd", "mtd")
    good = [s for s in test if not s.label]
    assert (len(train), len(good), len(test)) == (8, 2, 4)
    assert sorted(names(train) + names(good)) == [f"MT_Free/exp1_num_{i}" for i in range(10)]
    assert names(test)[2:] == ["MT_Blowhole/exp2_num_5", "MT_Crack/exp2_num_5"]
    assert test[2].mask == tiles / "MT_Blowhole" / "Imgs" / "exp2_num_5.png"
    assert test[2].defect == "MT_Blowhole"
    splits = {tuple(names(train_samples(tiles, "mtd", "mtd", seed=seed))) for seed in range(5)}
    assert len(splits) > 1
    assert train_samples(tiles, "mtd", "mtd", seed=3) == train_samples(tiles, "mtd", "mtd", seed=3)


def test_mtd_published_list(tiles):
    listed = tiles / "train.txt"
    listed.write_text("exp1_num_7.jpg\nexp1_num_2.jpg\n")
    assert names(train_samples(tiles, "mtd", "mtd", train_list=listed)) == [
        "MT_Free/exp1_num_2",
        "MT_Free/exp1_num_7",
    ]
    test = layouts.test_samples(tiles, "mtd", "mtd", train_list=listed)
    assert len([s for s in test if not s.label]) == 8
    listed.write_text("exp1_num_7.jpg\nexp9_num_1.jpg\n")
    with pytest.raises(UserError, match=r"train.txt names 1 pictures that are not in .*, such as exp9_num_1.jpg"):
        train_samples(tiles, "mtd", "mtd", train_list=listed)
    with pytest.raises(UserError, match=r"cannot read .*gone.txt: .*; give a text file of picture names"):
        train_samples(tiles, "mtd", "mtd", train_list=tiles / "gone.txt")


def test_mtd_errors(tiles):
    stray = tiles / "MT_Crack" / "Imgs" / "exp2_num_5.jpg"
    stray.unlink()
    with pytest.raises(UserError, match=r"no picture for the mask .*MT_Crack/Imgs/exp2_num_5.png"):
        layouts.test_samples(tiles, "mtd", "mtd")
    with pytest.raises(UserError, match=r"no categories in .*MT_Crack; layout mtd looks for the one category mtd"):
        categories(tiles / "MT_Crack", "mtd")


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
    train, test = train_samples(tmp_path, "lid", "folder"), layouts.test_samples(tmp_path, "lid", "folder")
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
    assert len(train_samples(tmp_path, "lid", "folder")) == 4
    test = layouts.test_samples(tmp_path, "lid", "folder")
    assert names(test) == ["good/0", "good/1", "good/2", "good/3", "defect/0"]
    assert test[0].image == tmp_path / "lid" / "test_good" / "0.png"
    assert test[4].mask is None


def test_folder_errors(tmp_path):
    base = tmp_path / "lid"
    picture(base / "good" / "0.png")
    with pytest.raises(UserError, match=r"no test pictures in .*lid/\{test_good,defect\}; put them there"):
        layouts.test_samples(tmp_path, "lid", "folder")
    for kind in ("dent", "scratch"):
        picture(base / "defect" / kind / "5.png")
    stray = mask(base / "masks" / "5.png")
    with pytest.raises(UserError, match=rf"the mask {stray} fits .*dent/5.png and .*scratch/5.png; put it into"):
        layouts.test_samples(tmp_path, "lid", "folder")
    stray.unlink()
    mask(base / "masks" / "dent" / "6.png")
    with pytest.raises(UserError, match=r"no picture for the mask .*masks/dent/6.png"):
        layouts.test_samples(tmp_path, "lid", "folder")
    (base / "masks" / "dent" / "6.png").unlink()
    mask(base / "masks" / "dent" / "5.png")
    with pytest.raises(UserError, match=r"no mask for the defective picture .*scratch/5.png; add 5_mask.png under"):
        layouts.test_samples(tmp_path, "lid", "folder")
    picture(base / "broken" / "1.png")
    with pytest.raises(UserError, match=r"lid/broken is none of good, test_good, defect, masks; move .*defect/broken"):
        layouts.test_samples(tmp_path, "lid", "folder")
    (base / "broken").rename(base / "defect" / "good")
    with pytest.raises(UserError, match=r"lid/defect has a folder good; rename it after its defect"):
        layouts.test_samples(tmp_path, "lid", "folder")
