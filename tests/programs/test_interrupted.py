"""Trainings that Ctrl-C or SIGKILL stops, also while they save, end with the weights of one that nothing stopped."""

import os
import random
import re
import shutil
import signal
import time

import pytest

from src import config
from src.plan import Plan
from src.runtime.device import Device
from src.training import Training, train
from src.utils import UserError
from tests.support.programs import files, result_of, start, succeed, train_arguments

# Three steps and a save each epoch: long enough to be stopped on a busy machine before it ends by itself.
OPTIONS = {"num_epochs": 100, "eval_interval": 0, "save_interval": 1, "log_interval": 1}
FINISHED = ["fastflow_fabric.ckpt", "fastflow_fabric.json", "fastflow_fabric.png"]


@pytest.fixture(scope="module")
def whole(data, weights, tmp_path_factory):
    """The checkpoint and the losses of a training that nothing interrupts."""
    folder = tmp_path_factory.mktemp("whole")
    succeed("train.py", *train_arguments(data, weights, folder, **OPTIONS))
    return outcome(folder)


def outcome(folder):
    """A finished training's checkpoint, to the byte, and its losses."""
    return (folder / "fastflow_fabric.ckpt").read_bytes(), result_of(folder)["losses"]


def wait_for_step(process, step):
    """Read what a training prints until it names this step or a later one; what was printed."""
    said = []
    for line in process.stdout:
        said.append(line)
        found = re.search(r"step (\d+): loss", line)
        if found and int(found[1]) >= step:
            return "".join(said)
    raise AssertionError(f"train.py ended by itself: {process.communicate()[1]}")


def kill_at_step(given, step, delay=0.0):
    """Resume a training, and kill it `delay` seconds after its log names the step; what it printed."""
    process = start("train.py", *given, "--resume")
    said = wait_for_step(process, step)
    time.sleep(delay)
    process.kill()
    rest, errors = process.communicate()
    assert "Traceback" not in errors
    return said + rest


def kill_while_it_saves(given, folder):
    """Resume a training, and kill it when the temporary file of its state is there; whether that file was left."""

    def saving():
        return any(name.startswith(".fastflow_fabric.state.") for name in os.listdir(folder))

    process = start("train.py", *given, "--resume")
    wait_for_step(process, 1)  # it has removed by now what an earlier one had left
    while process.poll() is None:
        if saving():
            process.kill()
    process.communicate()
    return saving()


def kill_before_the_result(given, folder):
    """Resume a training, and kill it as soon as it has replaced or written its checkpoint."""

    def inode():
        path = folder / "fastflow_fabric.ckpt"
        return path.stat().st_ino if path.exists() else None

    before = inode()
    process = start("train.py", *given, "--resume")
    while process.poll() is None and inode() == before:
        time.sleep(0.001)
    process.kill()
    process.communicate()
    assert inode() != before


def parsed(*given):
    return config.parse("train", "", list(map(str, given)))


def test_stopped_in_every_way_it_ends_as_if_nothing_had_stopped_it(whole, trained, data, weights, tmp_path):
    """One training, in the folder of an earlier and finished one, with its features on the disk."""
    folder = tmp_path / "run"
    shutil.copytree(trained[0], folder)
    earlier = (folder / "fastflow_fabric.ckpt").read_bytes()
    given = train_arguments(data, weights, folder, **OPTIONS, cache_features="on", cache_limit_gb=0)

    def features():
        return [name for name in os.listdir(folder) if ".features." in name]

    process = start("train.py", *given)
    wait_for_step(process, 5)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "--resume" in errors
    assert "Traceback" not in errors
    assert set(files(folder)) - set(files(trained[0])) == {"fastflow_fabric.state.ckpt"}

    with pytest.raises(UserError, match="is an unfinished training"):
        Training(Plan.of(parsed(*given), Device("CPU")))
    state = ("--ckpt_path", folder / "fastflow_fabric.state.ckpt", "--dataset_path", data)
    succeed("eval.py", *state, "--result_path", tmp_path / "eval.json")

    assert "resuming after step" in kill_at_step(given, 30)
    assert len(features()) == 1  # what it has left
    assert kill_while_it_saves(given, folder)
    assert len(features()) == 1  # what the earlier one had left is removed
    assert (folder / "fastflow_fabric.ckpt").read_bytes() == earlier
    kill_before_the_result(given, folder)

    succeed("train.py", *given, "--resume")
    assert outcome(folder) == whole
    assert files(folder) == sorted([*FINISHED, "fastflow_fabric_best.ckpt"])  # the last of the earlier training
    assert train(parsed(*given, "--resume"), Device("CPU")) == result_of(folder)  # nothing is trained


@pytest.mark.thorough
def test_killed_at_several_moments_and_resumed(whole, data, weights, tmp_path):
    given = train_arguments(data, weights, tmp_path, **OPTIONS)
    moments = random.Random(5)
    for step in (2, 20, 41, 62):
        saved = (tmp_path / "fastflow_fabric.state.ckpt").exists()
        said = kill_at_step(given, step, moments.uniform(0, 0.05))
        assert not (tmp_path / "fastflow_fabric.ckpt").exists(), "it was finished before it could be killed"
        assert ("resuming after step" in said) == saved, said
    assert "resuming after step" in succeed("train.py", *given, "--resume")
    assert outcome(tmp_path) == whole
    assert files(tmp_path) == FINISHED


@pytest.mark.thorough
def test_killed_while_it_saves_for_the_first_time_and_again(whole, data, weights, tmp_path):
    given = train_arguments(data, weights, tmp_path, **OPTIONS)
    caught = 0
    for _ in range(3):
        caught += kill_while_it_saves(given, tmp_path)
        assert not (tmp_path / "fastflow_fabric.ckpt").exists()
        assert len(files(tmp_path)) <= 3, files(tmp_path)  # the last state, and the leftovers of one save
    assert caught
    succeed("train.py", *given, "--resume")
    assert outcome(tmp_path) == whole
    assert files(tmp_path) == FINISHED
