"""train.py and eval.py as processes on each data set layout."""

import csv
import json
import shutil

import pytest
from PIL import Image

from tests.support.programs import error_of, result_of, succeed, train_arguments


def pictures(data, part):
    return sorted((data / "fabric" / part).rglob("*.png"))


def as_mtd(data, root):
    """The fabric as Magnetic Tile: MT_Free and MT_Crack, JPEG pictures, PNG masks beside them."""
    for kind, files in (("Free", pictures(data, "train")), ("Crack", pictures(data, "ground_truth"))):
        folder = root / f"MT_{kind}" / "Imgs"
        folder.mkdir(parents=True)
        for number, path in enumerate(files):
            name = f"exp{number}_num_{number}"
            source = path
            if kind == "Crack":
                shutil.copy(path, folder / f"{name}.png")
                source = data / "fabric" / "test" / path.parent.name / path.name.replace("_mask", "")
            Image.open(source).save(folder / f"{name}.jpg", quality=95)
    return "mtd"


def as_btad(data, root):
    """The fabric as BTAD's product 01: ok and ko."""
    for number, path in enumerate(pictures(data, "test")):
        good = path.parent.name == "good"
        target = root / "01" / "test" / ("ok" if good else "ko") / f"{number:04d}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
        if not good:
            truth = root / "01" / "ground_truth" / "ko" / target.name
            truth.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(data / "fabric" / "ground_truth" / path.parent.name / f"{path.stem}_mask.png", truth)
    shutil.copytree(data / "fabric" / "train" / "good", root / "01" / "train" / "ok")
    return "01"


def as_visa(data, root):
    """The fabric as VisA's object cloth, with its CSV of the split."""
    rows = []
    for part, files in (("train", pictures(data, "train")), ("test", pictures(data, "test"))):
        for path in files:
            good = path.parent.name == "good"
            name = f"{part}_{path.parent.name}_{path.name}"
            image = f"cloth/Data/Images/{'Normal' if good else 'Anomaly'}/{name}"
            mask = "" if good else f"cloth/Data/Masks/Anomaly/{name}"
            (root / image).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, root / image)
            if mask:
                (root / mask).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(data / "fabric" / "ground_truth" / path.parent.name / f"{path.stem}_mask.png", root / mask)
            rows.append(("cloth", part, "normal" if good else "anomaly", image, mask))
    (root / "split_csv").mkdir()
    with (root / "split_csv" / "1cls.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("object", "split", "label", "image", "mask"), *rows])
    return "cloth"


def as_folder(data, root):
    """The fabric as a user's own pictures."""
    base = root / "fabric"
    shutil.copytree(data / "fabric" / "train" / "good", base / "good")
    shutil.copytree(data / "fabric" / "test", base / "defect", ignore=shutil.ignore_patterns("good"))
    shutil.copytree(data / "fabric" / "ground_truth", base / "masks")
    return "fabric"


LAYOUTS = {"mtd": as_mtd, "btad": as_btad, "visa": as_visa, "folder": as_folder}
TRAINED_ON = {"mtd": 9, "btad": 12, "visa": 12, "folder": 9}  # of 12: mtd and folder keep a fifth for the test


@pytest.mark.parametrize(
    "layout", ["folder", *(pytest.param(name, marks=pytest.mark.thorough) for name in ("mtd", "btad", "visa"))]
)
def test_a_layout_trains_and_evaluates_with_its_own_split(data, weights, tmp_path, layout):
    """What each layout reads is tested in units/data; here, that its split goes from train.py to eval.py."""
    category, folder = LAYOUTS[layout](data, tmp_path / "data"), tmp_path / "ckpt"
    options = {"dataset": layout, "category": category, "num_epochs": 1}
    if layout in ("mtd", "folder"):
        options["split_seed"] = 5
    succeed("train.py", *train_arguments(tmp_path / "data", weights, folder, **options))
    result = result_of(folder, category)
    assert result["train_pictures"] == TRAINED_ON[layout]
    assert result["options"]["dataset"] == layout
    ckpt = ("--ckpt_path", folder / f"fastflow_{category}.ckpt", "--dataset_path", tmp_path / "data")
    succeed("eval.py", *ckpt)  # layout and split come from the checkpoint
    evaluated = json.loads((folder / f"fastflow_{category}_eval.json").read_text())
    assert evaluated["metrics"]["pixel_auc"] == pytest.approx(result["metrics"]["pixel_auc"], abs=1e-6)
    assert set(evaluated["per_defect"]) == set(result["per_defect"])


def test_the_published_list_of_training_pictures(data, weights, tmp_path):
    as_mtd(data, tmp_path / "data")
    listed = tmp_path / "list.txt"
    listed.write_text("".join(f"exp{n}_num_{n}.jpg\n" for n in range(7)))
    options = {"dataset": "mtd", "category": "mtd", "num_epochs": 1, "train_list": listed}
    succeed("train.py", *train_arguments(tmp_path / "data", weights, tmp_path / "ckpt", **options))
    assert result_of(tmp_path / "ckpt", "mtd")["train_pictures"] == 7

    ckpt = ("--ckpt_path", tmp_path / "ckpt/fastflow_mtd.ckpt", "--dataset_path", tmp_path / "data")
    listed.rename(tmp_path / "moved.txt")
    assert "list.txt" in error_of("eval.py", *ckpt)
    succeed("eval.py", *ckpt, "--train_list", tmp_path / "moved.txt")
