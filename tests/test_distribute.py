"""Training with two real processes under msrun: the same losses as one, saving together, errors."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from src import parallel
from src.msrun import complete_options, option
from src.utils import UserError
from tests.programs import ROOT, files, program, train_arguments

LAUNCH = "scripts/train_distributed.py"


def distributed(given, cwd, workers=2):
    return program(LAUNCH, "--worker_num", workers, "--", *given, cwd=cwd)


def result(folder):
    return json.loads((folder / "fastflow_fabric.json").read_text())


def no_worker_is_left(logs):
    """Whether no process has these logs open."""
    found = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    return str(logs) not in found


@pytest.fixture(scope="module")
def alone(data, weights, tmp_path_factory):
    """What one process makes of it."""
    folder = tmp_path_factory.mktemp("alone")
    done = program("train.py", *train_arguments(data, weights, folder, num_epochs=4, eval_interval=2))
    assert done.returncode == 0, done.stderr
    return result(folder)


def test_two_processes_give_the_losses_and_figures_of_one(alone, data, weights, tmp_path):
    given = train_arguments(data, weights, tmp_path / "ckpt", num_epochs=4, eval_interval=2, log_interval=1)
    done = distributed(given, tmp_path)
    assert done.returncode == 0, done.stderr
    both = result(tmp_path / "ckpt")
    np.testing.assert_allclose(both["losses"], alone["losses"], rtol=1e-4)
    assert both["metrics"]["pixel_auc"] == pytest.approx(alone["metrics"]["pixel_auc"], abs=1e-3)
    assert [record["epoch"] for record in both["history"]] == [2, 4]
    assert files(tmp_path / "ckpt") == ["fastflow_fabric.ckpt", "fastflow_fabric.json", "fastflow_fabric.png"]
    assert "rank 0 of 2" in done.stdout
    assert len(re.findall(r"^epoch 4/4, step 12: loss", done.stdout, re.M)) == 1
    other = (tmp_path / "logs/workers_fabric/worker_1.log").read_text()
    assert "loss" not in other  # only the first one reports
    seen = program("eval.py", "--ckpt_path", tmp_path / "ckpt/fastflow_fabric.ckpt", "--dataset_path", data)
    assert seen.returncode == 0, seen.stderr


def test_stopped_it_saves_once_and_resumes_with_the_same_losses(alone, data, weights, tmp_path):
    given = train_arguments(data, weights, tmp_path / "ckpt", num_epochs=150, eval_interval=0, save_interval=1000)
    given += ["--log_interval", "1"]
    command = [sys.executable, "-u", str(ROOT / LAUNCH), "--worker_num", "2", "--", *map(str, given)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    assert any("step 4: loss" in line for line in process.stdout)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "--resume goes on with it" in errors
    assert "Traceback" not in errors
    assert files(tmp_path / "ckpt") == ["fastflow_fabric.state.ckpt"]
    assert no_worker_is_left(tmp_path)

    done = distributed([*given, "--resume"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert "resuming after step" in done.stdout
    losses = result(tmp_path / "ckpt")["losses"]
    assert len(losses) == 150
    np.testing.assert_allclose(losses[:4], alone["losses"], rtol=1e-4)
    again = distributed([*given, "--resume"], tmp_path)
    assert (again.returncode, "nothing to train" in again.stdout) == (0, True), again.stderr


def test_an_error_ends_all_processes_and_is_one_line(data, weights, tmp_path):
    for change, text in (
        ({"train_batch_size": 3}, "a batch of 3 does not divide by 2 processes; give a multiple"),
        ({"lr": 1e30, "weight_decay": 0, "num_epochs": 50}, "the loss is "),
    ):
        done = distributed(train_arguments(data, weights, tmp_path / "ckpt", **change), tmp_path)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert done.stderr.startswith("error: ")
        assert text in done.stderr
        assert not (tmp_path / "ckpt" / "fastflow_fabric.ckpt").exists()
        assert no_worker_is_left(tmp_path)


def test_without_msrun_and_without_the_option(data, weights, tmp_path):
    given = train_arguments(data, weights, tmp_path / "ckpt")
    done = program("train.py", *given, "--distribute")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "scripts/run_distribute_train_<device>.sh" in done.stderr
    done = program("train.py", *given, env=os.environ | {"MS_ROLE": "MS_WORKER"})
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "give --distribute" in done.stderr
    assert not (tmp_path / "ckpt").exists()


def test_a_process_takes_the_device_that_msrun_gives_it(monkeypatch):
    monkeypatch.setenv("MS_ROLE", "MS_WORKER")
    monkeypatch.setenv("DEVICE_ID", "3")
    assert parallel.local_device(True, "Ascend", 0) == 3
    assert parallel.local_device(True, "CPU", 0) == 0
    with pytest.raises(UserError, match="give --device_target too"):
        parallel.local_device(True, None, 0)


def test_msruns_options_are_completed_for_one_machine_and_passed_on_for_several(tmp_path):
    one = complete_options(["--worker_num", "4"], tmp_path)
    assert option(one, "local_worker_num") == "4"
    assert 1024 <= int(option(one, "master_port")) <= 65535
    given = ["--worker_num=16", "--local_worker_num=8", "--master_addr=10.0.0.1", "--master_port=8118", "--node_rank=1"]
    several = complete_options(given, tmp_path)
    assert several[:5] == given
    assert [option(several, name) for name in ("master_port", "cluster_time_out")] == ["8118", None]
    with pytest.raises(UserError, match="--worker_num is missing or not a number"):
        complete_options(["--worker_num", "two"], tmp_path)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [(("data", "w.ckpt", "nut"), "four arguments are needed"), (("d", "w", "nut", "x"), "x is not a number of")],
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
    command += ["--config", str(ROOT / "configs/efficientnet_lite0.yaml"), "--im_resize", "64", "--num_epochs", "1"]
    command += ["--train_batch_size", "4", "--flow_step", "1", "--ckpt_dir", str(tmp_path / "out put")]
    command += ["--", "--log_dir", str(tmp_path / "some logs")]
    environment = os.environ | {"PYTHON": sys.executable}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out put/fastflow_fabric.ckpt").stat().st_mtime > started
    assert {"msrun.log", "worker_0.log", "worker_1.log"} <= set(files(tmp_path / "some logs"))
