"""Training with two real processes under msrun: the same losses as one, saving together, errors."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from src.runtime import processes
from src.runtime.msrun import complete_options, first_error, option
from src.synthetic.category import make_category
from src.utils import UserError
from tests.support.programs import ROOT, files, program, train_arguments

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
def data(tmp_path_factory):
    """A generated category: of its training pictures the first process holds 9, two encoder batches, the second 8."""
    root = tmp_path_factory.mktemp("unequal shards")
    make_category(root, "fabric", train=17, good=4, defects=8, image_size=64, seed=3)
    return root


@pytest.fixture(scope="module")
def alone(data, weights, tmp_path_factory):
    """What one process makes of it."""
    folder = tmp_path_factory.mktemp("alone")
    done = program("train.py", *train_arguments(data, weights, folder, num_epochs=4, eval_interval=2, shards=2))
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
    assert "features of 9 pictures: " in done.stdout
    assert len(re.findall(r"^epoch 4/4, step 17: loss", done.stdout, re.M)) == 1
    other = (tmp_path / "logs/workers_fabric/worker_1.log").read_text()
    assert "loss" not in other  # only the first one reports
    seen = program("eval.py", "--ckpt_path", tmp_path / "ckpt/fastflow_fabric.ckpt", "--dataset_path", data)
    assert seen.returncode == 0, seen.stderr


def test_stopped_it_saves_once_and_resumes_with_the_same_losses_also_as_one(alone, data, weights, tmp_path):
    given = train_arguments(data, weights, tmp_path / "ckpt", num_epochs=150, eval_interval=0, save_interval=1000)
    given += ["--log_interval", "1", "--cache_limit_gb", "0"]  # the features in files
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
    shutil.copytree(tmp_path / "ckpt", tmp_path / "one")

    given += ["--num_epochs", "60"]
    done = distributed([*given, "--resume"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert "resuming after step" in done.stdout
    losses = result(tmp_path / "ckpt")["losses"]
    assert len(losses) == 60
    np.testing.assert_allclose(losses[:4], alone["losses"], rtol=1e-4)
    one = program("train.py", *given, "--ckpt_dir", tmp_path / "one", "--shards", "2", "--resume")
    assert (one.returncode, "resuming after step" in one.stdout) == (0, True), one.stderr
    np.testing.assert_allclose(result(tmp_path / "one")["losses"], losses, rtol=1e-4)
    again = distributed([*given, "--resume"], tmp_path)
    assert (again.returncode, "nothing to train" in again.stdout) == (0, True), again.stderr


def test_an_error_of_one_process_ends_all_and_is_one_line(data, weights, tmp_path):
    broken, logs = tmp_path / "broken", tmp_path / "logs/workers_fabric"
    shutil.copytree(data, broken)
    (broken / "fabric/train/good/001.png").write_text("no picture")  # the second process's
    done = distributed(train_arguments(broken, weights, tmp_path / "ckpt"), tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert done.stderr.startswith("error: cannot read the picture ")
    assert "error: cannot read the picture " not in (logs / "worker_0.log").read_text()
    assert not (tmp_path / "ckpt" / "fastflow_fabric.ckpt").exists()
    assert no_worker_is_left(tmp_path)


def test_an_error_of_all_processes_is_told_once(tmp_path):
    for rank in range(2):
        (tmp_path / f"worker_{rank}.log").write_text(f"rank {rank} of 2\nerror: the loss is nan; a remedy\n")
    (tmp_path / "worker_2.log").write_text("rank 2 of 3\n")
    assert first_error(tmp_path) == "the loss is nan; a remedy"


def test_processes_with_unequal_work_meet_again():
    """Threads stand for the processes; where one waits for another in vain, its wait is broken off."""
    meeting, values = threading.Barrier(2, timeout=5), [0.0, 0.0]

    class Process(processes.Group):
        def total(self, value):
            values[self.rank] = value
            meeting.wait()
            both = sum(values)
            meeting.wait()
            return both

    def work(rank, items):
        process = Process(rank, 2)
        done[rank] = (list(process.together(items)), process.total(rank + 1))

    for counts in ((2, 1), (0, 3), (2, 2)):
        done = {}
        threads = [threading.Thread(target=work, args=(rank, range(count))) for rank, count in enumerate(counts)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert done == {rank: (list(range(count)), 3) for rank, count in enumerate(counts)}


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
    assert processes.local_device(True, "Ascend", 0) == 3
    assert processes.local_device(True, "CPU", 0) == 0
    with pytest.raises(UserError, match="give --device_target too"):
        processes.local_device(True, None, 0)


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
    command += ["--config", str(ROOT / "configs/efficientnet_lite0.yaml"), "--im_resize", "64", "--num_epochs", "1"]
    command += ["--train_batch_size", "4", "--flow_step", "1", "--ckpt_dir", str(tmp_path / "out put")]
    command += ["--", "--log_dir", str(tmp_path / "some logs")]
    environment = os.environ | {"PYTHON": sys.executable}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out put/fastflow_fabric.ckpt").stat().st_mtime > started
    assert {"msrun.log", "worker_0.log", "worker_1.log"} <= set(files(tmp_path / "some logs"))
