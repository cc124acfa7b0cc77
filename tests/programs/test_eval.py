"""eval.py as a process: the figures of the training, panels, and checkpoints that it refuses."""

import csv
import json

import pytest
from PIL import Image

from tests.support.programs import FIGURES, error_of, files, result_of, succeed


def test_evaluation_repeats_the_trainings_figures_and_draws_panels(trained, data, tmp_path):
    folder, _ = trained
    succeed(
        *("eval.py", "--ckpt_path", folder / "fastflow_fabric.ckpt", "--dataset_path", data),
        *("--save_imgs", "--output_dir", tmp_path / "panels", "--result_path", tmp_path / "eval.json"),
    )
    result = json.loads((tmp_path / "eval.json").read_text())
    for name in FIGURES:
        assert result["metrics"][name] == pytest.approx(result_of(folder)["metrics"][name], abs=1e-6)
    pictures = {
        str(p.relative_to(data / "fabric/test").with_suffix(".png")) for p in (data / "fabric/test").rglob("*.png")
    }
    assert set(files(tmp_path / "panels" / "fabric")) == pictures | {"scores.csv"}
    table = list(csv.DictReader((tmp_path / "panels/fabric/scores.csv").open()))
    columns = "file score anomaly verdict margin regions largest_area milliseconds truth defect"
    assert list(table[0]) == columns.split()
    assert [float(row["score"]) for row in table] == list(result["scores"].values())
    for row, said in zip(table, result["pictures"].values()):
        assert (row["file"], row["verdict"], int(row["regions"])) == (
            *(said["file"], said["verdict"]),
            len(said["regions"]),
        )
        assert row["truth"] == ("good" if "/good/" in row["file"] else "defective")
    assert set(result["scores"]) == {name.removesuffix(".png") for name in pictures}
    panel = Image.open(tmp_path / "panels" / "fabric" / sorted(pictures)[0])
    assert panel.width > 4 * 64


def test_the_original_mask_protocol_is_named(trained, data, tmp_path):
    given = ("--ckpt_path", trained[0] / "fastflow_fabric.ckpt", "--dataset_path", data, "--gt_protocol", "original")
    assert "masks resized as: original" in succeed("eval.py", *given, "--result_path", tmp_path / "eval.json")
    assert json.loads((tmp_path / "eval.json").read_text())["gt_protocol"] == "original"


def test_a_checkpoint_of_another_kind_is_one_error_line(data, weights, tmp_path):
    """What else can be wrong with a checkpoint is tried in units/test_checkpoint.py."""
    given = ("--ckpt_path", weights, "--dataset_path", data, "--result_path", tmp_path / "eval.json")
    assert "ImageNet weights" in error_of("eval.py", *given, cwd=tmp_path)
    assert files(tmp_path) == []
