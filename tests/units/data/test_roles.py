"""Pictures, masks and good ones are told apart by names and folders; else one line says what was found."""

import numpy as np
import pytest
from PIL import Image

from src.data.layout import Split
from src.data.layouts import categories, files_passed_over, samples_for_testing, samples_for_training
from src.data.listing import passed_over_by, pictures_under
from src.data.roles import without_mask_ending
from src.data.samples import files_of
from src.utils import UserError
from tests.support.pictures import load_mask, mask, mvtec, names, picture

ENDINGS = ["_mask", "-mask", ".mask", "_MASK", "_masks", "_gt", "_label", "_ground_truth"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_endings(ending):
    assert without_mask_ending(f"cut/000{ending}") == "cut/000"


def test_names_that_are_no_masks():
    for name in ("000mask", "mask", "mask_000", "gt", "000_masked", "label7"):
        assert without_mask_ending(name) == name


@pytest.mark.parametrize("ending", ENDINGS)
def test_masks_beside_their_pictures_are_masks_in_mvtecs_folders(tmp_path, ending):
    base = mvtec(tmp_path)
    for path in (base / "ground_truth/cut").iterdir():
        path.rename(base / "test/cut" / f"{path.stem.removesuffix('_mask')}{ending}.png")
    (base / "ground_truth/cut").rmdir()
    (base / "ground_truth").rmdir()
    mask(base / "train/good" / f"000{ending}.png")
    mask(base / "test/good" / f"000{ending}.png")
    train, test = samples_for_training(tmp_path, "nut", "mvtec"), samples_for_testing(tmp_path, "nut", "mvtec")
    assert names(train) == ["good/000", "good/001", "good/002"]
    assert names(test) == ["good/000", "good/001", "cut/000", "cut/001"]
    assert [sample.mask for sample in test[2:]] == [base / f"test/cut/{i}{ending}.png" for i in ("000", "001")]
    assert files_passed_over(tmp_path, "nut", "mvtec", train, Split()) == {".png mask": 2}


def test_masks_beside_their_pictures_in_the_other_layouts(tmp_path):
    for place in ("lid/good/1", "lid/good/2", "lid/defect/1", "lid/defect/dent/1"):
        picture(tmp_path / f"{place}.jpg")
        mask(tmp_path / f"{place}_gt.png")
    for place in ("MT_Free/Imgs/1", "MT_Free/Imgs/2", "MT_Crack/Imgs/3"):
        picture(tmp_path / f"{place}.jpg")
        mask(tmp_path / f"{place}_label.jpg")
    picture(tmp_path / "01/train/ok/1.bmp")
    picture(tmp_path / "01/test/ko/1.bmp")
    mask(tmp_path / "01/test/ko/1-mask.bmp")
    expected = {
        ("lid", "folder"): (1, {"defect/1": "lid/defect/1_gt.png", "dent/1": "lid/defect/dent/1_gt.png"}),
        ("mtd", "mtd"): (1, {"MT_Crack/3": "MT_Crack/Imgs/3_label.jpg"}),
        ("01", "btad"): (1, {"ko/1": "01/test/ko/1-mask.bmp"}),
    }
    for (category, layout), (trained, masks) in expected.items():
        assert len(samples_for_training(tmp_path, category, layout)) == trained
        test = [sample for sample in samples_for_testing(tmp_path, category, layout) if sample.label]
        assert {s.name: s.mask.relative_to(tmp_path).as_posix() for s in test} == masks


def test_some_masks_beside_and_none_for_others(tmp_path):
    picture(tmp_path / "nut/test/cut/0.png")
    picture(tmp_path / "nut/test/cut/1.png")
    mask(tmp_path / "nut/test/cut/1_mask.png")
    with pytest.raises(UserError, match=r"no mask for the defective picture .*cut/0.png"):
        samples_for_testing(tmp_path, "nut", "mvtec")


@pytest.mark.parametrize("layout", ["mvtec", "folder"])
def test_masks_of_two_levels_are_merged(tmp_path, layout):
    """MVTec LOCO has a folder of masks for each picture, one for each defect in it."""
    if layout == "mvtec":
        picture(tmp_path / "nut/train/good/0.png")
        place, truth = tmp_path / "nut/test/logical", tmp_path / "nut/ground_truth/logical"
    else:
        picture(tmp_path / "nut/good/0.png")
        place, truth = tmp_path / "nut/defect/logical", tmp_path / "nut/masks/logical"
    for name, columns in (("000", (0, 5)), ("001", (2,))):
        picture(place / f"{name}.png")
        (truth / name).mkdir(parents=True)
        for number, column in enumerate(columns):
            marked = np.zeros((6, 8), np.uint8)
            marked[:, column] = 255
            Image.fromarray(marked).save(truth / name / f"{number:03d}.png")
    samples = [sample for sample in samples_for_testing(tmp_path, "nut", layout) if sample.label]
    assert [sample.mask for sample in samples] == [truth / "000", truth / "001"]
    assert len(files_of(samples)) == 5
    marked = [load_mask(sample.mask, 8, picture_path=sample.picture) for sample in samples]
    assert [each.all(axis=0).nonzero()[0].tolist() for each in marked] == [[0, 5], [2]]
    assert [each.sum() for each in marked] == [16, 8]
    assert files_passed_over(tmp_path, "nut", layout, samples, Split()) == {}
    (truth / "000").rename(truth / "007")
    with pytest.raises(UserError, match=r"^no (picture for the mask .*logical/007|mask for the .*logical/000\.png)"):
        samples_for_testing(tmp_path, "nut", layout)


@pytest.mark.parametrize("word", ["Good", "ok", "OK", "normal"])
def test_another_word_for_good(tmp_path, word):
    mvtec(tmp_path, good=word)
    assert len(samples_for_training(tmp_path, "nut", "mvtec")) == 3
    test = samples_for_testing(tmp_path, "nut", "mvtec")
    assert [sample.label for sample in test] == [0, 0, 1, 1]
    assert (test[0].name, test[0].defect) == (f"{word}/000", "good")


def test_a_data_set_with_its_own_word_for_good_has_no_other(tmp_path):
    mvtec(tmp_path)
    with pytest.raises(UserError, match=r"no training pictures in .*/train/ok; .*: .*, train/good 3$"):
        samples_for_training(tmp_path, "nut", "btad")


def test_numbers_for_classes(tmp_path):
    base = mvtec(tmp_path, good="0", bad="1")
    assert len(samples_for_training(tmp_path, "nut", "mvtec")) == 3
    assert [(s.label, s.defect) for s in samples_for_testing(tmp_path, "nut", "mvtec")] == 2 * [(0, "good")] + 2 * [
        (1, "1")
    ]
    (base / "train/0").rename(base / "train/good")
    with pytest.raises(
        UserError, match=r"nut/test has the folders 0, 1, and none is called good; rename the one with good pictures to"
    ):
        samples_for_testing(tmp_path, "nut", "mvtec")
    (base / "test/0").rename(base / "test/good")
    assert [s.defect for s in samples_for_testing(tmp_path, "nut", "mvtec")] == ["good", "good", "1", "1"]
    (base / "train/good").rename(base / "train/0")
    picture(base / "train/1/0.png")
    with pytest.raises(UserError, match=r"nut/train has the folders 0, 1, and none is called good"):
        samples_for_training(tmp_path, "nut", "mvtec")


@pytest.mark.parametrize("layout", ["mvtec", "folder"])
def test_a_doubled_folder(tmp_path, layout):
    mvtec(tmp_path / "nut") if layout == "mvtec" else picture(tmp_path / "nut/nut/good/0.png")
    (tmp_path / "nut/notes.txt").write_text("x")
    assert categories(tmp_path, layout) == ["nut"]
    train = samples_for_training(tmp_path, "nut", layout)
    assert train[0].picture.is_relative_to(tmp_path / "nut/nut")
    assert samples_for_testing(tmp_path, "nut", layout, required=False) is not None
    mvtec(tmp_path, "bolt") if layout == "mvtec" else picture(tmp_path / "bolt/good/0.png")
    assert categories(tmp_path, layout) == ["bolt", "nut"]


def test_errors_say_what_was_found(tmp_path):
    mvtec(tmp_path / "archive/mvtec")
    with pytest.raises(UserError, match=r"no categories in .*; .*/archive/mvtec holds nut: give that$"):
        categories(tmp_path / "archive", "mvtec")
    with pytest.raises(UserError, match=r"layout folder looks for .*; folders found: archive$"):
        categories(tmp_path, "folder")
    with pytest.raises(UserError, match=r"no categories in .*; layout mvtec finds categories there: give --dataset"):
        categories(tmp_path / "archive/mvtec", "folder")
    (tmp_path / "new").mkdir()
    for name in ("a.heic", "b.heic", "c.txt", ".hidden.png"):
        (tmp_path / "new" / name).write_bytes(b"x")
    with pytest.raises(UserError, match=r"no pictures in .* --img_dir \(files found: \.heic 2, \.txt 1, hidden 1\)$"):
        pictures_under(str(tmp_path / "new"), "img_dir")
    (tmp_path / "flat/train").mkdir(parents=True)
    picture(tmp_path / "flat/train/0.png")
    picture(tmp_path / "flat/train/new/0.png")
    with pytest.raises(UserError, match=r"no training pictures in .*train/good; .*/flat: train 1, train/new 1$"):
        samples_for_training(tmp_path, "flat", "mvtec")


def test_what_systems_make_is_passed_over(tmp_path):
    base = mvtec(tmp_path)
    for folder in ("@eaDir", "$RECYCLE.BIN", "__MACOSX", ".AppleDouble", "#recycle", "lost+found"):
        for place in (tmp_path, base, base / "test", base / "train/good", base / "ground_truth/cut"):
            picture(place / folder / "train/good/000.png")
            picture(place / folder / "000.png")
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", "._000.png"):
        (base / "train/good" / name).write_bytes(b"x")
    assert categories(tmp_path, "mvtec") == ["nut"]
    train, test = samples_for_training(tmp_path, "nut", "mvtec"), samples_for_testing(tmp_path, "nut", "mvtec")
    assert (len(train), len(test)) == (3, 4)
    assert set(files_passed_over(tmp_path, "nut", "mvtec", train, Split())) == {"hidden"}
    assert len(pictures_under(str(base / "train"), "img_dir")) == 3
    assert len(pictures_under(str(base / "train/**/*.png"), "img_dir")) == 3


def test_predictions_leave_masks_out(tmp_path):
    mvtec(tmp_path)
    for place in ("new/000", "new/day/001", "new/face"):
        picture(tmp_path / f"{place}.png")
    for place in ("new/000_mask", "new/day/001.gt", "new/gas_mask", "new/masks/paper"):
        mask(tmp_path / f"{place}.png")
    for given in (tmp_path / "new", tmp_path / "new/**/*.png"):
        found = pictures_under(str(given), "img_dir")
        assert set(found) == {"000", "day/001", "face", "gas_mask", "masks/paper"}  # of the last, there is no picture
        assert passed_over_by(str(given), found.values()) == {".png mask": 2}
    found = pictures_under(str(tmp_path / "nut"), "img_dir")
    assert len(found) == 7
    assert not any("ground_truth" in name for name in found)
    assert pictures_under(str(tmp_path / "new/000_mask.png"), "img_dir")  # one that is named is scored
    (tmp_path / "list.txt").write_text("new/000.png\nnew/000_mask.png\n")
    assert len(pictures_under(str(tmp_path / "list.txt"), "img_dir")) == 2
