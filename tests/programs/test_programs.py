"""The real programs as subprocesses on a small generated data set: results, repeatability, interruption, errors."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from mindspore import Tensor
from PIL import Image

from src import checkpoint, config
from src.training import Training
from src.utils import UserError
from tests.support.programs import FIGURES, ROOT, files, program, train_arguments


def printed_figures(text):
    """`name: value` lines."""
    return {name: float(value) for name, value in re.findall(r"^(\w+): (\d\.\d+)$", text, re.M)}


def test_training_leaves_a_checkpoint_its_json_and_curves(trained):
    folder, text = trained
    assert files(folder) == ["fastflow_fabric.ckpt", "fastflow_fabric.json", "fastflow_fabric.png"]
    result = json.loads((folder / "fastflow_fabric.json").read_text())
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


def test_evaluation_repeats_the_trainings_figures_and_draws_panels(trained, data, tmp_path):
    folder, _ = trained
    done = program(
        *("eval.py", "--ckpt_path", folder / "fastflow_fabric.ckpt", "--dataset_path", data),
        *("--save_imgs", "--output_dir", tmp_path / "panels", "--result_path", tmp_path / "eval.json"),
    )
    assert done.returncode == 0, done.stderr
    trained_result = json.loads((folder / "fastflow_fabric.json").read_text())
    result = json.loads((tmp_path / "eval.json").read_text())
    for name in FIGURES:
        assert result["metrics"][name] == pytest.approx(trained_result["metrics"][name], abs=1e-6)
    pictures = {
        str(p.relative_to(data / "fabric/test").with_suffix(".png")) for p in (data / "fabric/test").rglob("*.png")
    }
    assert set(files(tmp_path / "panels" / "fabric")) == pictures
    assert set(result["scores"]) == {name.removesuffix(".png") for name in pictures}
    panel = Image.open(tmp_path / "panels" / "fabric" / sorted(pictures)[0])
    assert panel.width > 4 * 64


def test_the_original_mask_protocol_is_named_and_differs(trained, data, tmp_path):
    folder, _ = trained
    done = program(
        *("eval.py", "--ckpt_path", folder / "fastflow_fabric.ckpt", "--dataset_path", data),
        *("--gt_protocol", "original", "--result_path", tmp_path / "eval.json"),
    )
    assert done.returncode == 0, done.stderr
    assert "masks resized as: original" in done.stdout
    assert json.loads((tmp_path / "eval.json").read_text())["gt_protocol"] == "original"


def test_a_seed_gives_the_same_run_twice_and_another_seed_does_not(trained, data, weights, tmp_path):
    folder, _ = trained
    losses = [json.loads((folder / "fastflow_fabric.json").read_text())["losses"]]
    for seed in (1, 2):
        done = program("train.py", *train_arguments(data, weights, tmp_path / str(seed), seed=seed, eval_interval=0))
        assert done.returncode == 0, done.stderr
        losses.append(json.loads((tmp_path / str(seed) / "fastflow_fabric.json").read_text())["losses"])
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]
    same = [(f / "fastflow_fabric.ckpt").read_bytes() for f in (folder, tmp_path / "1")]
    assert same[0] == same[1]


def test_with_and_without_the_feature_cache_the_losses_are_the_same(trained, data, weights, tmp_path):
    folder, text = trained
    assert "cached in memory" in text
    wanted = json.loads((folder / "fastflow_fabric.json").read_text())["losses"]
    for choice in (("--cache_features", "off"), ("--cache_features", "on", "--cache_limit_gb", "0")):
        target = tmp_path / choice[-1]
        done = program("train.py", *train_arguments(data, weights, target, eval_interval=0), *choice)
        assert done.returncode == 0, done.stderr
        assert "cached in memory" not in done.stdout
        result = json.loads((target / "fastflow_fabric.json").read_text())
        np.testing.assert_allclose(result["losses"], wanted, rtol=1e-4)
        assert not [name for name in files(target) if "features" in name]


def start_training(arguments, until):
    """Start train.py and wait for a line; the running process."""
    command = [sys.executable, "-u", str(ROOT / "train.py"), *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for line in process.stdout:
        if until in line:
            return process
    raise AssertionError(f"train.py ended: {process.communicate()[1]}")


def test_ctrl_c_saves_and_resume_ends_with_the_same_weights(data, weights, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    options = {"num_epochs": 40, "eval_interval": 0, "save_interval": 100}
    done = program("train.py", *train_arguments(data, weights, whole, **options))
    assert done.returncode == 0, done.stderr

    process = start_training(train_arguments(data, weights, parts, **options, log_interval=5), "step 5:")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "--resume" in errors
    assert "Traceback" not in errors
    assert files(parts) == ["fastflow_fabric.state.ckpt"]

    again = program("train.py", *train_arguments(data, weights, parts, **options))
    assert (again.returncode, again.stderr.count("\n")) == (2, 1)
    assert "is an unfinished training" in again.stderr
    evaluated = program("eval.py", "--ckpt_path", parts / "fastflow_fabric.state.ckpt", "--dataset_path", data)
    assert evaluated.returncode == 0, evaluated.stderr

    resumed = program("train.py", *train_arguments(data, weights, parts, **options), "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert "resuming after step" in resumed.stdout
    assert (parts / "fastflow_fabric.ckpt").read_bytes() == (whole / "fastflow_fabric.ckpt").read_bytes()
    assert not (parts / "fastflow_fabric.state.ckpt").exists()

    finished = program("train.py", *train_arguments(data, weights, parts, **options), "--resume")
    assert "nothing to train" in finished.stdout
    assert printed_figures(finished.stdout) == printed_figures(resumed.stdout)


def test_a_loss_that_runs_away_stops_the_program(data, weights, tmp_path):
    done = program("train.py", *train_arguments(data, weights, tmp_path, lr=1e30, weight_decay=0, num_epochs=50))
    assert done.returncode == 2
    assert done.stderr.startswith("error: the loss is ")
    assert done.stderr.count("\n") == 1
    assert "--lr" in done.stderr
    assert files(tmp_path) == []


class _RunsAway:
    """A training step that goes wrong once: its seventh loss is not finite, or its ninth update ruins a weight."""

    def __init__(self, step, ruin_weight):
        self.step, self.ruin_weight, self.calls = step, ruin_weight, 0

    def __getattr__(self, name):
        return getattr(self.step, name)

    def __call__(self, *features):
        self.calls += 1
        loss = self.step(*features)
        if self.calls == 7 and not self.ruin_weight:
            return Tensor(float("nan"))
        if self.calls == 9:
            weight = self.step.optimizer.parameters[0]
            weight.set_data(Tensor(np.full(weight.shape, np.inf, np.float32)))
        return loss


@pytest.mark.parametrize("ruin_weight", [False, True])
def test_the_last_good_state_stays(data, weights, tmp_path, ruin_weight):
    """Three steps are an epoch. The state after the second epoch must stay, and be good, whether the loss shows the
    fault or, at the end of the third epoch, only the weights do.
    """
    arguments = train_arguments(data, weights, tmp_path, num_epochs=9, save_interval=1, eval_interval=0, shards=1)
    training = Training(config.parse("train", "", list(map(str, arguments))))
    training.step = _RunsAway(training.step, ruin_weight)
    with pytest.raises(UserError, match=r"not finite|loss is nan") as caught:
        training.run()
    assert f"the last good state is {tmp_path}/fastflow_fabric.state.ckpt" in str(caught.value)
    assert files(tmp_path) == ["fastflow_fabric.state.ckpt"]
    arrays, meta = checkpoint.read(tmp_path / "fastflow_fabric.state.ckpt", ("state",))
    assert meta["progress"]["step"] == 6
    assert all(np.isfinite(array).all() for array in arrays.values())


def test_a_state_beyond_the_wanted_epochs_is_refused(data, weights, tmp_path):
    arguments = train_arguments(data, weights, tmp_path, num_epochs=9, save_interval=1, eval_interval=0, shards=1)
    training = Training(config.parse("train", "", list(map(str, arguments))))
    training.step = _RunsAway(training.step, ruin_weight=False)
    with pytest.raises(UserError):
        training.run()
    done = program("train.py", *train_arguments(data, weights, tmp_path, num_epochs=1), "--resume")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert "is beyond that" in done.stderr
    assert files(tmp_path) == ["fastflow_fabric.state.ckpt"]


def test_the_best_on_the_test_set_is_kept_apart(data, weights, tmp_path):
    done = program("train.py", *train_arguments(data, weights, tmp_path, eval_interval=1), "--save_best")
    assert done.returncode == 0, done.stderr
    assert "fastflow_fabric_best.ckpt" in files(tmp_path)
    assert not [name for name in files(tmp_path) if "state" in name]
    best = json.loads((tmp_path / "fastflow_fabric.json").read_text())["best_on_test"]
    done = program("eval.py", "--ckpt_path", tmp_path / "fastflow_fabric_best.ckpt", "--dataset_path", data)
    assert printed_figures(done.stdout)["pixel_auc"] == pytest.approx(best["pixel_auc"], abs=1e-5)


def test_predict_scores_every_picture_and_spares_the_users_own(trained, data, tmp_path):
    shutil.copytree(data / "fabric/test", tmp_path / "new")
    before = {name: (tmp_path / "new" / name).read_bytes() for name in files(tmp_path / "new")}
    arguments = ("predict.py", "--ckpt_path", trained[0] / "fastflow_fabric.ckpt", "--img_dir", tmp_path / "new")
    for inside in (tmp_path / "new", tmp_path / "new" / "results"):
        done = program(*arguments, "--output_dir", inside, "--save_imgs")
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert "among the pictures" in done.stderr
    done = program(*arguments, "--output_dir", tmp_path / "out", "--save_imgs", "--test_batch_size", 5)
    assert done.returncode == 0, done.stderr
    assert {name: (tmp_path / "new" / name).read_bytes() for name in files(tmp_path / "new")} == before
    found = json.loads((tmp_path / "out/scores.json").read_text())
    assert set(found["pictures"]) == {name.removesuffix(".png") for name in before}
    assert all(entry["defective"] == (entry["score"] >= found["threshold"]) for entry in found["pictures"].values())
    assert set(files(tmp_path / "out")) == {*before, "scores.json"}
    scores = {name: entry["score"] for name, entry in found["pictures"].items()}
    evaluated = program(
        *("eval.py", "--ckpt_path", trained[0] / "fastflow_fabric.ckpt", "--dataset_path", data),
        *("--result_path", tmp_path / "eval.json"),
    )
    assert evaluated.returncode == 0
    wanted = json.loads((tmp_path / "eval.json").read_text())["scores"]
    assert scores == pytest.approx(wanted, abs=1e-5)


def test_the_networks_options_reach_the_checkpoint(data, weights, tmp_path):
    changes = {"hidden_ratio": 0.5, "conv3x3_only": "true", "norm_affine": "false", "im_resize": 96, "num_epochs": 1}
    done = program("train.py", *train_arguments(data, weights, tmp_path, **changes))
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "fastflow_fabric.json").read_text())
    assert result["options"]["conv3x3_only"] is True
    done = program("eval.py", "--ckpt_path", tmp_path / "fastflow_fabric.ckpt", "--dataset_path", data)
    assert done.returncode == 0, done.stderr
    assert printed_figures(done.stdout)["pixel_auc"] == pytest.approx(result["metrics"]["pixel_auc"], abs=1e-5)


def test_a_category_smaller_than_the_batch_trains_with_a_smaller_batch_and_says_so(data, weights, tmp_path):
    done = program("train.py", *train_arguments(data, weights, tmp_path, train_batch_size=64, num_epochs=1))
    assert done.returncode == 0, done.stderr
    assert "12 training pictures: the batch is 12 instead of 64" in done.stdout


def damaged(data, target, change):
    """A copy of the data set with something wrong."""
    shutil.copytree(data, target)
    change(target / "fabric")
    return target


def first(folder, pattern="*.png"):
    return sorted(folder.rglob(pattern))[0]


def swap(path, make):
    """Replace a picture with what `make` gives for its size."""
    with Image.open(path) as image:
        new = make(image.size)
    new.save(path)


DAMAGES = {
    "no training pictures": lambda c: shutil.rmtree(c / "train/good") or (c / "train/good").mkdir(),
    "no test pictures": lambda c: shutil.rmtree(c / "test") or (c / "test").mkdir(),
    "a picture without mask": lambda c: first(c / "ground_truth").unlink(),
    "a mask without picture": lambda c: first(
        c / "test" / sorted(p.name for p in (c / "ground_truth").iterdir())[0]
    ).unlink(),
    "a mask of another size": lambda c: swap(
        first(c / "ground_truth"), lambda s: Image.new("L", (s[0] + 1, s[1]), 255)
    ),
    "a truncated picture": lambda c: first(c / "train").write_bytes(first(c / "train").read_bytes()[:200]),
    "a picture that is none": lambda c: first(c / "train").write_text("no picture"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_bad_data_is_one_error_line_and_nothing_is_written(data, weights, tmp_path, damage):
    root = damaged(data, tmp_path / "data", DAMAGES[damage])
    done = program("train.py", *train_arguments(root, weights, tmp_path / "ckpt"))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert done.stderr.startswith("error: ")
    assert str(root) in done.stderr
    assert not (tmp_path / "ckpt").exists() or files(tmp_path / "ckpt") == []


MISTAKES = {
    "dataset_path": ("/nowhere/at/all", "/nowhere/at/all"),
    "category": ("bottle", "there are fabric"),
    "pre_ckpt_path": ("/nowhere/lite0.ckpt", "efficientnet-lite0-57934424.pth"),
    "backbone": ("resnet18", "holds weights of efficientnet_lite0"),
    "im_resize": (100, "multiple of 16"),
    "train_batch_size": (0, "must be 1 or more"),
    "num_epochs": (0, "must be 1 or more"),
    "gt_protocol": ("bilinear", "choose one of nearest, original"),
    "device_target": ("GPU", "GPU"),
    "ckpt_dir": ("/proc/nowhere", "cannot write in /proc/nowhere"),
}


@pytest.mark.parametrize("option", MISTAKES)
def test_a_wrong_option_is_one_error_line(data, weights, tmp_path, option):
    value, text = MISTAKES[option]
    done = program("train.py", *train_arguments(data, weights, tmp_path / "ckpt", **{option: value}))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert done.stderr.startswith("error: ")
    assert text in done.stderr
    assert not (tmp_path / "ckpt").exists() or files(tmp_path / "ckpt") == []


def test_eval_refuses_foreign_and_wrong_checkpoints(data, weights, tmp_path):
    (tmp_path / "text.ckpt").write_text("not a checkpoint")
    for path, text in (
        (weights, "ImageNet weights"),
        (tmp_path / "text.ckpt", "not a MindSpore checkpoint"),
        (tmp_path / "missing.ckpt", "no checkpoint"),
    ):
        done = program("eval.py", "--ckpt_path", path, "--dataset_path", data, cwd=tmp_path)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert text in done.stderr


def test_an_existing_checkpoint_survives_a_failed_training(trained, data, weights, tmp_path):
    shutil.copytree(trained[0], tmp_path / "ckpt")
    before = (tmp_path / "ckpt/fastflow_fabric.ckpt").read_bytes()
    process = start_training(train_arguments(data, weights, tmp_path / "ckpt", num_epochs=500), "first step")
    time.sleep(0.5)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert (tmp_path / "ckpt/fastflow_fabric.ckpt").read_bytes() == before
