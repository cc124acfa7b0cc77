"""Odd data sets through train.py, eval.py and preprocess.py: what is said of them, and what all programs agree on."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from tests.support.programs import error_of, files, result_of, succeed, train_arguments

LONG = "n" * 241  # with _mask.png, 250 bytes


@pytest.fixture
def copy(data, tmp_path):
    """The category in a folder of its own, to be changed: `copy/fabric`."""
    shutil.copytree(data, tmp_path / "data")
    return tmp_path / "data"


def one_of_each(copy):
    """A training picture, good and defective test pictures, and the mask of the latter."""
    base = copy / "fabric"
    mask = sorted((base / "ground_truth").rglob("*.png"))[0]
    defective = base / "test" / mask.parent.name / mask.name.replace("_mask", "")
    return next((base / "train/good").iterdir()), next((base / "test/good").iterdir()), defective, mask


def test_all_unusable_files_are_named_at_once(trained, exported, weights, copy, tmp_path):
    train, good, defective, mask = one_of_each(copy)
    others = [path for path in sorted((copy / "fabric/ground_truth").rglob("*.png")) if path != mask]
    bad = [train, good, defective, others[0]]
    for path in bad:
        path.write_bytes(b"x")
    before = files(tmp_path)
    of_test = ("--dataset_path", copy)
    said = {
        "train.py": error_of("train.py", *train_arguments(copy, weights, tmp_path / "ckpt")),
        "eval.py": error_of("eval.py", *of_test, "--ckpt_path", trained[0] / "fastflow_fabric.ckpt", cwd=tmp_path),
        "preprocess.py": error_of("preprocess.py", *of_test, "--mindir_path", exported, "--img_dir", tmp_path / "in"),
    }
    for name, line in said.items():
        expected = bad if name == "train.py" else bad[1:]
        assert f"error: {len(expected)} files cannot be used: " in line
        assert line.count("cannot read the picture") == len(expected)
        assert all(f"cannot read the picture {path}: no known picture format, or damaged" in line for path in expected)
    assert files(tmp_path) == before


def test_names_of_250_bytes_and_masks_that_mark_nothing(trained, exported, copy, tmp_path):
    train, good, defective, mask = one_of_each(copy)
    for path, ending in ((train, ""), (good, ""), (defective, ""), (mask, "_mask")):
        path.rename(path.with_name(f"{LONG}{ending}.png"))
    longest = mask.with_name(f"{LONG}_mask.png")
    Image.new("L", (64, 64)).save(longest)  # marks nothing
    other = next(path for path in sorted((copy / "fabric/ground_truth").rglob("*.png")) if path != longest)
    Image.fromarray(255 - np.asarray(Image.open(other))).save(other)  # inverted
    name = f"{defective.parent.name}/{LONG}"
    inverted = f"{other.parent.name}/{other.stem.removesuffix('_mask')}"
    lines = [
        f"warning: 1 of 8 masks mark no pixel (first: that of {name})",
        f"warning: 1 of 8 masks mark nearly everything; are they inverted? (first: that of {inverted})",
    ]
    given = ("--ckpt_path", trained[0] / "fastflow_fabric.ckpt", "--dataset_path", copy, "--save_imgs")
    said = succeed("eval.py", *given, "--output_dir", tmp_path / "out", "--result_path", tmp_path / "eval.json")
    assert [line for line in said.splitlines() if line.startswith("warning")] == lines
    result = json.loads((tmp_path / "eval.json").read_text())
    assert result["doubtful_masks"] == {
        "empty": {"count": 1, "first": name},
        "nearly_all": {"count": 1, "first": inverted},
    }
    assert f"fabric/{name}.png" in files(tmp_path / "out")

    given = ("--mindir_path", exported, "--dataset_path", copy)
    said = succeed("preprocess.py", *given, "--img_dir", tmp_path / "in")
    assert [line for line in said.splitlines() if line.startswith("warning")] == lines
    manifest = json.loads((tmp_path / "in/manifest.json").read_text())
    assert [entry["name"] for entry in manifest["samples"]].count(name) == 1
    outputs = tmp_path / "runner"
    outputs.mkdir()
    for entry in manifest["samples"]:
        assert (tmp_path / "in" / entry["file"]).stat().st_size == 4 * 3 * 64 * 64
        stem = entry["file"].removesuffix(".bin")
        np.linspace(-1, 0, 64 * 64, dtype="<f4").tofile(outputs / f"{stem}_anomaly_map.bin")
        np.full(1, -0.5, "<f4").tofile(outputs / f"{stem}_score.bin")
    given = ("--label_dir", tmp_path / "in", "--result_dir", outputs, "--output_dir", tmp_path / "post", "--save_imgs")
    said = succeed("postprocess.py", *given)
    assert [line for line in said.splitlines() if line.startswith("warning")] == lines
    assert json.loads((tmp_path / "post/acc_fabric.json").read_text())["doubtful_masks"] == result["doubtful_masks"]
    assert f"fabric/{name}.png" in files(tmp_path / "post")


@pytest.mark.thorough
def test_a_training_with_long_names_and_masks_beside_their_pictures(weights, copy, tmp_path):
    """As a labelling tool leaves them; the programs' own files are named after neither."""
    train, _, _, _ = one_of_each(copy)
    train.rename(train.with_name(f"{'é' * 123}.png"))  # 250 bytes
    base = copy / "fabric"
    for mask in sorted((base / "ground_truth").rglob("*.png")):
        mask.rename(base / "test" / mask.parent.name / mask.name.replace("_mask", "-label"))
    shutil.rmtree(base / "ground_truth")
    another = next(path for path in (base / "train/good").iterdir() if "é" not in path.name)
    Image.new("L", (64, 64)).save(another.with_name(f"{another.stem}-label.png"))
    said = succeed("train.py", *train_arguments(copy, weights, tmp_path / "ckpt", num_epochs=1))
    assert "8 masks" in said
    assert "pixel_auc: " in said
    result = result_of(tmp_path / "ckpt")
    assert (result["train_pictures"], result["doubtful_masks"]) == (12, {})
    assert result["found"]["passed_over"] == {".png mask": 1}
