"""train.py and eval.py on each data set layout, and options from files, as subprocesses."""

import csv
import json
import shutil

import pytest
from PIL import Image

from tests.support.programs import program, train_arguments


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


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_trains_and_evaluates_with_its_own_split(data, weights, tmp_path, layout):
    category = LAYOUTS[layout](data, tmp_path / "data")
    arguments = train_arguments(
        *(tmp_path / "data", weights, tmp_path / "ckpt"), dataset=layout, category=category, num_epochs=1
    )
    split = ["--split_seed", "5"] if layout in ("mtd", "folder") else []
    done = program("train.py", *arguments, *split)
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "ckpt" / f"fastflow_{category}.json").read_text())
    assert result["train_pictures"] == TRAINED_ON[layout]
    assert result["options"]["dataset"] == layout
    done = program(
        *("eval.py", "--ckpt_path", tmp_path / "ckpt" / f"fastflow_{category}.ckpt"),
        *("--dataset_path", tmp_path / "data"),
    )
    assert done.returncode == 0, done.stderr  # layout and split come from the checkpoint
    evaluated = json.loads((tmp_path / "ckpt" / f"fastflow_{category}_eval.json").read_text())
    assert evaluated["metrics"]["pixel_auc"] == pytest.approx(result["metrics"]["pixel_auc"], abs=1e-6)
    assert set(evaluated["per_defect"]) == set(result["per_defect"])


def test_the_published_list_of_training_pictures(data, weights, tmp_path):
    as_mtd(data, tmp_path / "data")
    listed = tmp_path / "list.txt"
    listed.write_text("".join(f"exp{n}_num_{n}.jpg\n" for n in range(7)))
    options = {"dataset": "mtd", "category": "mtd", "num_epochs": 1}
    arguments = train_arguments(tmp_path / "data", weights, tmp_path / "ckpt", **options, train_list=listed)
    done = program("train.py", *arguments)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "ckpt/fastflow_mtd.json").read_text())["train_pictures"] == 7

    ckpt = ("--ckpt_path", tmp_path / "ckpt/fastflow_mtd.ckpt", "--dataset_path", tmp_path / "data")
    listed.rename(tmp_path / "moved.txt")
    lost = program("eval.py", *ckpt)
    assert (lost.returncode, lost.stderr.count("\n")) == (2, 1), lost.stderr
    assert "list.txt" in lost.stderr
    moved = program("eval.py", *ckpt, "--train_list", tmp_path / "moved.txt")
    assert moved.returncode == 0, moved.stderr


def test_a_layout_that_does_not_fit_and_a_list_that_is_not_wanted(data, weights, tmp_path):
    for change, text in (
        ({"dataset": "btad"}, "no training pictures in"),
        ({"dataset": "visa"}, "split_csv/1cls.csv"),
        ({"train_list": "list.txt"}, "a list of training pictures is for layout mtd, not for mvtec"),
        ({"dataset": "coco"}, "choose one of mvtec, visa, btad, mtd, folder"),
    ):
        done = program("train.py", *train_arguments(data, weights, tmp_path / "ckpt", **change))
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert done.stderr.startswith("error: ")
        assert text in done.stderr


def test_a_result_gives_its_options_back(data, weights, tmp_path):
    first = tmp_path / "first" / "fastflow_fabric.json"
    arguments = train_arguments(
        *(data, weights, tmp_path / "first"), num_epochs=1, lr=2e-5, seed=4, norm_affine="false", result_path=first
    )
    done = program("train.py", *arguments, "--resume")
    assert done.returncode == 0, done.stderr
    before = first.read_bytes()
    again = program("train.py", "--config", first, "--ckpt_dir", tmp_path / "again")
    assert again.returncode == 0, again.stderr
    assert first.read_bytes() == before
    assert (tmp_path / "again/fastflow_fabric.ckpt").read_bytes() == first.with_suffix(".ckpt").read_bytes()
    options = [json.loads(path.read_text())["options"] for path in (first, tmp_path / "again/fastflow_fabric.json")]
    for name in ("resume", "result_path", "ckpt_dir"):
        assert options[0].pop(name) != options[1].pop(name)
    assert options[0] == options[1]


def test_eval_takes_the_options_of_a_training_and_gives_its_own_back(data, weights, tmp_path):
    done = program("train.py", *train_arguments(data, weights, tmp_path, num_epochs=1, gt_protocol="original"))
    assert done.returncode == 0, done.stderr
    ckpt = tmp_path / "fastflow_fabric.ckpt"
    done = program("eval.py", "--config", tmp_path / "fastflow_fabric.json", "--ckpt_path", ckpt)
    assert done.returncode == 0, done.stderr
    result = tmp_path / "fastflow_fabric_eval.json"
    assert json.loads(result.read_text())["gt_protocol"] == "original"
    again = program("eval.py", "--config", result, "--gt_protocol", "nearest")
    assert again.returncode == 0, again.stderr
    assert json.loads(result.read_text())["gt_protocol"] == "nearest"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("flow_stepp: 3", "has the unknown option 'flow_stepp'"),
        ("flow_step: many", "flow_step: 'many' is not valid"),
        ("flow_step: 0", "--flow_step 0: must be 1 or more"),
        ("- flow_step", "must hold lines of the form `option: value`"),
        ("a: [", "is not YAML"),
        (None, "cannot read --config"),
    ],
)
def test_a_wrong_option_file_is_one_error_line(data, weights, tmp_path, text, wanted):
    config = tmp_path / "options.yaml"
    if text is not None:
        config.write_text(text)
    done = program("train.py", *train_arguments(data, weights, tmp_path / "ckpt", flow_step=None), "--config", config)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert wanted in done.stderr
