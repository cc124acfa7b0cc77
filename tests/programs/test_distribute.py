"""Training with two real processes under msrun: the same losses as one, saving together, errors."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from src import checkpoint
from src.synthetic.category import make_category
from tests.support.programs import ROOT, error_of, files, program, result_of, start, succeed, train_arguments

LAUNCH = "scripts/train_distributed.py"


def distributed(given, cwd):
    """Train with two processes, to the end; the launcher's process."""
    return program(LAUNCH, "--worker_num", 2, "--", *given, cwd=cwd)


def no_worker_is_left(logs):
    """Whether no process has these logs open."""
    found = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    return str(logs) not in found


EPOCHS = 60
OPTIONS = {"num_epochs": EPOCHS, "eval_interval": EPOCHS // 2, "save_interval": 1000, "log_interval": 1}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A generated category: of its training pictures the first process holds 9, two encoder batches, the second 8."""
    root = tmp_path_factory.mktemp("unequal shards")
    make_category(root, "fabric", train=17, good=4, defects=8, image_size=64, seed=3)
    return root


@pytest.fixture(scope="module")
def failing(data, weights, tmp_path_factory):
    """A training with two processes of which the second fails: its folder and the launcher's process.

    Until all have ended takes half a minute, most of it waiting, so other tests go on meanwhile.
    """
    folder = tmp_path_factory.mktemp("failing")
    broken = shutil.copytree(data, folder / "data")
    (broken / "fabric/train/good/001.png").write_text("no picture")  # the second process's
    process = start(LAUNCH, "--worker_num", 2, "--", *train_arguments(broken, weights, folder / "ckpt"), cwd=folder)
    yield folder, process
    process.kill()
    process.communicate()


@pytest.fixture(scope="module")
def alone(failing, data, weights, tmp_path_factory):
    """What one process makes of it; begun after `failing`, to use the time that this one takes."""
    folder = tmp_path_factory.mktemp("alone")
    succeed("train.py", *train_arguments(data, weights, folder, **OPTIONS, shards=2))
    return result_of(folder)


def assert_equal_losses(found, right):
    """To 1e-4 of the largest one; they pass through 0."""
    np.testing.assert_allclose(found["losses"], right["losses"], rtol=0, atol=1e-4 * max(map(abs, right["losses"])))


@pytest.fixture(scope="module")
def stopped(data, weights, tmp_path_factory):
    """A training with two processes that Ctrl-C has stopped after some steps, with the features in files.

    Its folder, with its state in `ckpt`, the launcher's exit status and its standard error.
    """
    folder = tmp_path_factory.mktemp("stopped")
    more = {"num_epochs": 1000, "cache_limit_gb": 0}  # more epochs than it can finish before the signal arrives
    given = train_arguments(data, weights, folder / "ckpt", **(OPTIONS | more))
    process = start(LAUNCH, "--worker_num", 2, "--", *given, cwd=folder)
    assert any("step 4: loss" in line for line in process.stdout)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    return folder, process.returncode, errors


def test_stopped_it_saves_once(stopped):
    folder, status, errors = stopped
    assert status == 130
    assert "--resume goes on with it" in errors
    assert "Traceback" not in errors
    assert files(folder / "ckpt") == ["fastflow_fabric.state.ckpt"]
    assert no_worker_is_left(folder)


def test_two_processes_stopped_and_resumed_give_the_losses_and_figures_of_one(alone, stopped, data, weights, tmp_path):
    folder = shutil.copytree(stopped[0] / "ckpt", tmp_path / "ckpt")
    done = distributed([*train_arguments(data, weights, folder, **OPTIONS), "--resume"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert "resuming after step" in done.stdout
    both = result_of(folder)
    assert len(both["losses"]) == EPOCHS
    assert_equal_losses(both, alone)
    assert both["metrics"]["pixel_auc"] == pytest.approx(alone["metrics"]["pixel_auc"], abs=1e-3)
    assert [record["epoch"] for record in both["history"]] == [EPOCHS // 2, EPOCHS]
    assert files(folder) == ["fastflow_fabric.ckpt", "fastflow_fabric.json", "fastflow_fabric.png"]
    assert "rank 0 of 2" in done.stdout
    assert "features of 9 pictures: " in done.stdout
    assert len(re.findall(rf"^epoch {EPOCHS}/{EPOCHS}, step {both['steps']}: loss", done.stdout, re.M)) == 1
    other = (tmp_path / "logs/workers_fabric/worker_1.log").read_text()
    assert "loss" not in other  # only the first one reports
    checkpoint.load_detector(folder / "fastflow_fabric.ckpt")


@pytest.mark.thorough
def test_what_two_have_begun_one_goes_on_with_and_what_is_finished_is_not_trained_again(
    alone, stopped, data, weights, tmp_path
):
    folder = shutil.copytree(stopped[0] / "ckpt", tmp_path / "one")
    given = [*train_arguments(data, weights, folder, **OPTIONS, cache_limit_gb=0), "--resume"]
    assert "resuming after step" in succeed("train.py", *given, "--shards", 2)
    assert_equal_losses(result_of(folder), alone)
    again = distributed(given, tmp_path)
    assert (again.returncode, "nothing to train" in again.stdout) == (0, True), again.stderr
    succeed("eval.py", "--ckpt_path", folder / "fastflow_fabric.ckpt", "--dataset_path", data)


def test_an_error_of_one_process_ends_all_and_is_one_line(failing):
    folder, process = failing
    _, errors = process.communicate(timeout=300)
    assert (process.returncode, errors.count("\n")) == (2, 1), errors
    assert errors.startswith("error: cannot read the picture ")
    assert "error: cannot read the picture " not in (folder / "logs/workers_fabric/worker_0.log").read_text()
    assert not (folder / "ckpt" / "fastflow_fabric.ckpt").exists()
    assert no_worker_is_left(folder)


def test_without_msrun_and_without_the_option(data, weights, tmp_path):
    given = train_arguments(data, weights, tmp_path / "ckpt")
    assert "scripts/run_distribute_train_<device>.sh" in error_of("train.py", *given, "--distribute")
    assert "give --distribute" in error_of("train.py", *given, env=os.environ | {"MS_ROLE": "MS_WORKER"})
    assert not (tmp_path / "ckpt").exists()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("data", "w.ckpt", "nut"), "arguments, four are needed"),
        (("d", "w", "nut", "x"), "WORKER_NUM x, not a number of"),
    ],
)
def test_the_scripts_usage(arguments, text):
    script = str(ROOT / "scripts/run_distribute_train_cpu.sh")
    done = subprocess.run(["bash", script, "-f", *arguments], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert text in done.stderr
    usage = subprocess.run(["bash", script, "-h"], capture_output=True, text=True)
    assert usage.returncode == 0
    assert "--master_addr" in usage.stdout


@pytest.mark.slow
def test_the_script_trains(data, weights, tmp_path):
    started = time.time()
    command = ["bash", str(ROOT / "scripts/run_distribute_train_cpu.sh"), "-f", str(data), str(weights), "fabric", "2"]
    command += ["--backbone", "efficientnet_lite0", "--im_resize", "64", "--num_epochs", "1"]
    command += ["--train_batch_size", "4", "--flow_step", "1", "--ckpt_dir", str(tmp_path / "out put")]
    command += ["--", "--log_dir", str(tmp_path / "some logs")]
    environment = os.environ | {"PYTHON": sys.executable}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out put/fastflow_fabric.ckpt").stat().st_mtime > started
    assert {"msrun.log", "worker_0.log", "worker_1.log"} <= set(files(tmp_path / "some logs"))
