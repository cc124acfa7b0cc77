"""Trainings killed with SIGKILL at several moments, also while they save, end with the weights of one that was not.

And a training goes on only with the shards that it began with.
"""

import json
import os
import random
import re
import shutil
import subprocess
import sys
import time

import pytest
from mindspore import Tensor
from src.run import finished_result

from src import checkpoint, config
from src.training import Training
from src.utils import UserError, remove_leftovers
from tests.support.programs import ROOT, files, program, train_arguments

OPTIONS = {"num_epochs": 30, "eval_interval": 0, "save_interval": 1, "log_interval": 1, "flow_step": 2}


@pytest.fixture(scope="module")
def whole(data, weights, tmp_path_factory):
    """The checkpoint and the losses of a training that nothing interrupts."""
    folder = tmp_path_factory.mktemp("whole")
    done = program("train.py", *train_arguments(data, weights, folder, **OPTIONS))
    assert done.returncode == 0, done.stderr
    return (folder / "fastflow_fabric.ckpt").read_bytes(), losses(folder)


def losses(folder):
    return json.loads((folder / "fastflow_fabric.json").read_text())["losses"]


def train(*given):
    command = [sys.executable, "-u", str(ROOT / "train.py"), *map(str, given), "--resume"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def kill_at_step(process, step, delay):
    """Kill when the log names the step, `delay` seconds later; what was printed till then."""
    said = []
    for line in process.stdout:
        said.append(line)
        found = re.search(r"step (\d+): loss", line)
        if found and int(found[1]) >= step:
            time.sleep(delay)
            break
    process.kill()
    said.append(process.communicate()[0] or "")
    return "".join(said)


def test_killed_at_several_moments_and_resumed(whole, data, weights, tmp_path):
    given = train_arguments(data, weights, tmp_path, **OPTIONS)
    moments = random.Random(5)
    for step in (2, 20, 41, 62):
        saved = (tmp_path / "fastflow_fabric.state.ckpt").exists()
        said = kill_at_step(train(*given), step, moments.uniform(0, 0.05))
        assert "Traceback" not in said
        assert not (tmp_path / "fastflow_fabric.ckpt").exists(), "it was finished before it could be killed"
        assert ("resuming after step" in said) == saved, said
    done = program("train.py", *given, "--resume")
    assert done.returncode == 0, done.stderr
    assert "resuming after step" in done.stdout
    assert ((tmp_path / "fastflow_fabric.ckpt").read_bytes(), losses(tmp_path)) == whole
    assert files(tmp_path) == ["fastflow_fabric.ckpt", "fastflow_fabric.json", "fastflow_fabric.png"]


def test_killed_while_it_saves(whole, data, weights, tmp_path):
    """Each time the moment when the temporary file of the save is there."""
    given = train_arguments(data, weights, tmp_path, **OPTIONS)
    caught = 0
    for _ in range(3):
        process = train(*given)
        while process.poll() is None:
            saving = [name for name in os.listdir(tmp_path) if name.startswith(".fastflow_fabric.state.")]
            if saving and (caught == 0 or (tmp_path / "fastflow_fabric.state.ckpt").exists()):
                process.kill()
        process.communicate()
        caught += any(name.startswith(".fastflow_fabric.state.") for name in os.listdir(tmp_path))
        assert not (tmp_path / "fastflow_fabric.ckpt").exists()
        assert len(files(tmp_path)) <= 3, files(tmp_path)  # the last state, and the leftovers of one save
    assert caught
    done = program("train.py", *given, "--resume")
    assert done.returncode == 0, done.stderr
    assert ((tmp_path / "fastflow_fabric.ckpt").read_bytes(), losses(tmp_path)) == whole
    assert files(tmp_path) == ["fastflow_fabric.ckpt", "fastflow_fabric.json", "fastflow_fabric.png"]


def test_killed_between_the_checkpoint_and_its_result(whole, data, weights, tmp_path):
    given = train_arguments(data, weights, tmp_path, **OPTIONS)
    process = train(*given)
    while process.poll() is None and not (tmp_path / "fastflow_fabric.ckpt").exists():
        time.sleep(0.001)
    process.kill()
    process.communicate()
    done = program("train.py", *given, "--resume")
    assert done.returncode == 0, done.stderr
    assert ((tmp_path / "fastflow_fabric.ckpt").read_bytes(), losses(tmp_path)) == whole
    assert files(tmp_path) == ["fastflow_fabric.ckpt", "fastflow_fabric.json", "fastflow_fabric.png"]


def test_features_on_disk_of_a_killed_run_are_removed(data, weights, tmp_path):
    given = train_arguments(data, weights, tmp_path, **OPTIONS, cache_features="on", cache_limit_gb=0)
    kill_at_step(train(*given), 1, 0)
    assert len([name for name in os.listdir(tmp_path) if name.endswith(".features")]) == 1
    kill_at_step(train(*given), 2, 0)
    assert len([name for name in os.listdir(tmp_path) if name.endswith(".features")]) == 1


def parsed(*given):
    return config.parse("train", "", list(map(str, given)))


def forget_shards(path):
    """Make a checkpoint one from before there were shards."""
    arrays, meta = checkpoint.read(path)
    assert meta["options"].pop("shards") == 1
    checkpoint.save(path, {name: Tensor(array) for name, array in arrays.items()}, meta["kind"], meta)


def test_an_unfinished_run_goes_on_with_its_shards_only(data, weights, tmp_path):
    given = train_arguments(data, weights, tmp_path)
    Training(parsed(*given, "--shards", 1)).save_state()
    with pytest.raises(
        UserError, match=r"--shards 2: .*\.state\.ckpt was trained with 1; give --shards 1, or remove it"
    ):
        Training(parsed(*given, "--shards", 2, "--resume"))
    forget_shards(tmp_path / "fastflow_fabric.state.ckpt")
    Training(parsed(*given, "--shards", 1, "--resume"))


def test_a_finished_run_is_known_by_its_shards(trained, data, weights, tmp_path):
    given = train_arguments(data, weights, shutil.copytree(trained[0], tmp_path / "run"))
    for change in (lambda path: None, forget_shards):
        change(tmp_path / "run/fastflow_fabric.ckpt")
        assert finished_result(parsed(*given, "--shards", 1))["train_pictures"] == 12
        with pytest.raises(
            UserError, match=r"\.ckpt was trained with --shards 1; give the same, or leave out --resume"
        ):
            finished_result(parsed(*given, "--shards", 2))


def test_only_this_runs_leftovers_are_removed(tmp_path):
    ours = (".fastflow_a.abcd_123.ckpt", ".fastflow_a.abcd_123.tmp", ".fastflow_a.state.abcd_123.ckpt")
    others = (
        ".fastflow_ab.abcd_123.ckpt",
        ".fastflow_a.abcdefgh.abcd_123.ckpt",  # of a category named a.abcdefgh
        ".fastflow_a.ckpt",
        ".fastflow_a.abcd_123.json",
        "fastflow_a.ckpt",
    )
    for name in (*ours, *others):
        (tmp_path / name).write_text("")
    remove_leftovers(tmp_path / "fastflow_a.ckpt", tmp_path / "fastflow_a.state.ckpt")
    assert set(os.listdir(tmp_path)) == set(others)
