"""The table of the data sets, and the errors that all of them share."""

import subprocess
import sys

import pytest

from src import ROOT
from src.data.layouts import LAYOUTS, categories, samples_for_testing, samples_for_training
from src.utils import UserError
from tests.support.pictures import mvtec, picture


def test_table():
    assert list(LAYOUTS) == ["mvtec", "visa", "btad", "mtd", "folder"]
    assert [name for name, layout in LAYOUTS.items() if layout.takes_train_list] == ["mtd"]
    for name, layout in LAYOUTS.items():
        assert layout.name == name
        assert layout.description
        assert "\n" not in layout.description


def test_the_table_is_there_without_the_large_libraries():
    code = "import sys, src.data.layouts; print({'mindspore', 'numpy', 'cv2', 'PIL'} & set(sys.modules) or 'none')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "none\n"


def test_missing_folder_category_and_pictures(tmp_path):
    with pytest.raises(UserError, match=r"no folder .*nowhere; give the folder that holds the data set's"):
        samples_for_training(tmp_path / "nowhere", "nut", "mvtec")
    base = mvtec(tmp_path)
    mvtec(tmp_path, "bolt")
    with pytest.raises(UserError, match=r"no category 'nutt' in .*: layout mvtec looks .*; there are bolt, nut$"):
        samples_for_training(tmp_path, "nutt", "mvtec")
    with pytest.raises(
        UserError, match=r"no categories in .*nut; .* it is a category itself: give .* and category nut"
    ):
        samples_for_training(base, "nut", "mvtec")
    for path in (base / "train" / "good").iterdir():
        path.unlink()
    with pytest.raises(UserError, match=r"no training pictures in .*nut/train/good; put the good pictures there"):
        samples_for_training(tmp_path, "nut", "mvtec")
    (tmp_path / "empty" / "test").mkdir(parents=True)
    with pytest.raises(UserError, match=r"no test pictures in .*empty/test/<good or the defect type>; put them"):
        samples_for_testing(tmp_path, "empty", "mvtec")
    with pytest.raises(UserError, match=r"unknown data set layout 'coco'; choose from mvtec, visa, btad, mtd, folder"):
        categories(tmp_path, "coco")
    with pytest.raises(UserError, match=r"a list of training pictures is for layout mtd, not for mvtec"):
        samples_for_training(tmp_path, "nut", "mvtec", train_list="list.txt")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_category_without_test_pictures_can_be_trained_only(tmp_path, layout):
    category = {"mtd": "mtd"}.get(layout, "nut")
    places = {
        "mvtec": "nut/train/good",
        "btad": "nut/train/ok",
        "mtd": "MT_Free/Imgs",
        "visa": "nut/Data/Images/Normal",
        "folder": "nut/good",
    }
    place = picture(tmp_path / places[layout] / "0.jpg")
    if layout == "visa":
        (tmp_path / "split_csv").mkdir()
        row = f"nut,train,normal,{place.relative_to(tmp_path)},"
        (tmp_path / "split_csv/1cls.csv").write_text(f"object,split,label,image,mask\n{row}\n")
    assert len(samples_for_training(tmp_path, category, layout)) == 1
    assert samples_for_testing(tmp_path, category, layout, required=False) == []
    with pytest.raises(UserError, match=r"^no test pictures in .*; put them there"):
        samples_for_testing(tmp_path, category, layout)
