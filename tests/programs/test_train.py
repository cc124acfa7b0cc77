"""train.py as a process: what a training leaves, that it repeats itself, and how it answers a mistake.

Interrupted trainings have a file of their own, and the mistakes that need no process are in units/test_training.py.
"""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.support.programs import FIGURES, error_of, files, result_of, succeed, train_arguments


def printed_figures(text):
    """`name: value` lines."""
    return {name: float(value) for name, value in re.findall(r"^(\w+): (\d\.\d+)$", text, re.M)}


def test_training_leaves_a_checkpoint_its_json_and_curves(trained):
    folder, text = trained
    ends = (".ckpt", ".json", ".png", "_best.ckpt")  # the last because of --save_best
    assert files(folder) == [f"fastflow_fabric{end}" for end in ends]
    result = result_of(folder)
    assert "category is fabric" in text
    printed = printed_figures(text)
    for name in FIGURES:
        assert printed[name] == pytest.approx(result["metrics"][name], abs=1e-5)
    assert [record["epoch"] for record in result["history"]] == [1, 2]
    assert result["history"][-1]["pixel_auc"] == result["metrics"]["pixel_auc"]  # the last epoch's, not the best's
    assert result["best_on_test"]["pixel_auc"] == max(record["pixel_auc"] for record in result["history"])
    assert "best_pixel_auc (chosen on the test set)" in text
    assert len(result["losses"]) == 2
    assert result["losses"][1] < result["losses"][0]
    assert result["options"]["conv3x3_only"] is False
    assert set(result["per_defect"]) == {
        path.name for path in (Path(result["options"]["dataset_path"]) / "fabric" / "test").iterdir()
    } - {"good"}


def test_the_best_on_the_test_set_is_kept_apart(trained, data, tmp_path):
    best = ("--ckpt_path", trained[0] / "fastflow_fabric_best.ckpt", "--dataset_path", data)
    printed = printed_figures(succeed("eval.py", *best, "--result_path", tmp_path / "eval.json"))
    assert printed["pixel_auc"] == pytest.approx(result_of(trained[0])["best_on_test"]["pixel_auc"], abs=1e-5)


def test_a_loss_that_runs_away_stops_the_program(data, weights, tmp_path):
    given = train_arguments(data, weights, tmp_path, lr=1e30, weight_decay=0, num_epochs=50)
    message = error_of("train.py", *given)
    assert message.startswith("error: the loss is ")
    assert "--lr" in message
    assert files(tmp_path) == []


def test_bad_data_is_one_error_line_and_nothing_is_written(data, weights, tmp_path):
    broken = shutil.copytree(data, tmp_path / "data")
    (broken / "fabric/train/good/001.png").write_text("no picture")
    message = error_of("train.py", *train_arguments(broken, weights, tmp_path / "ckpt"))
    assert str(broken) in message
    assert files(tmp_path / "ckpt") == []


def test_a_wrong_option_is_one_error_line(data, weights, tmp_path):
    message = error_of("train.py", *train_arguments(data, weights, tmp_path / "ckpt", num_epochs=0))
    assert message == "error: --num_epochs 0: must be 1 or more\n"
    assert not (tmp_path / "ckpt").exists()


@pytest.mark.thorough
def test_another_seed_gives_another_run(data, weights, tmp_path):
    losses = []
    for seed in (1, 2):
        succeed("train.py", *train_arguments(data, weights, tmp_path / str(seed), seed=seed, eval_interval=0))
        losses.append(result_of(tmp_path / str(seed))["losses"])
    assert losses[0] != losses[1]


@pytest.mark.thorough
def test_with_and_without_the_feature_cache_the_losses_are_the_same(data, weights, tmp_path):
    losses = {}
    choices = {
        "in memory": ("--cache_features", "auto"),
        "off": ("--cache_features", "off"),
        "on the disk": ("--cache_features", "on", "--cache_limit_gb", "0"),
    }
    for name, choice in choices.items():
        target = tmp_path / name
        said = succeed("train.py", *train_arguments(data, weights, target, eval_interval=0), *choice)
        assert ("cached in memory" in said) == (name == "in memory")
        losses[name] = result_of(target)["losses"]
        assert not [path for path in files(target) if "features" in path]
    np.testing.assert_allclose(losses["off"], losses["in memory"], rtol=1e-4)
    np.testing.assert_allclose(losses["on the disk"], losses["in memory"], rtol=1e-4)
