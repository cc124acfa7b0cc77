"""A trained checkpoint exported by the real export.py, and descriptions of exported files that were never made."""

import subprocess
from pathlib import Path

import pytest

from src.deploy.description import ANOMALY_MAP, SCORE, Description, ModelInput, ModelOutput
from tests.support.programs import made_once, program


def export(trained: tuple[Path, str], folder: Path, *options: object) -> subprocess.CompletedProcess:
    """Run export.py on the finished training `trained`."""
    checkpoint = trained[0] / "fastflow_fabric.ckpt"
    return program("export.py", "--ckpt_file", checkpoint, "--output_dir", folder, "--device_target", "CPU", *options)


@pytest.fixture(scope="session")
def exported(trained, tmp_path_factory):
    """A checkpoint exported for old runtimes, two pictures per call, in a folder with a space."""
    folder = tmp_path_factory.mktemp("an export")
    done = export(trained, folder, "--mindir_version", 1, "--batch_size", 2)
    assert done.returncode == 0, done.stderr
    return folder / "fastflow_fabric.mindir"


@pytest.fixture(scope="session")
def exported_onnx(trained, tmp_path_factory):
    """The checkpoint exported as ONNX, one picture per call."""

    def make(folder):
        done = export(trained, folder, "--file_format", "ONNX")
        assert done.returncode == 0, done.stderr

    return made_once(tmp_path_factory, "an ONNX export", make)[0] / "fastflow_fabric.onnx"


def description(size: int = 32, **changes: object) -> Description:
    """The description of a detector for one picture of this size."""
    values = {
        "file": "fastflow_nut.mindir",
        "format": "MINDIR",
        "mindir_version": 3,
        "category": "nut",
        "split": None,
        "bit_depth": None,
        "input": ModelInput(shape=[1, 3, size, size], mean=[0.5, 0.4, 0.3], std=[0.25, 0.5, 1.0]),
        "outputs": [
            ModelOutput(name=ANOMALY_MAP, shape=[1, 1, size, size]),
            ModelOutput(name=SCORE, shape=[1]),
        ],
        "thresholds": {"image_threshold": -0.25, "pixel_threshold": -0.5, "image_threshold_f1_max": -0.125},
        "reading": {
            "image_typical": -0.75,
            "pixel_typical": -0.75,
            "source": "held out",
            "pictures": 21,
            "false_alarms": 0.01,
        },
        "architecture": {"backbone": "resnet18", "im_resize": size},
        "checkpoint": "fastflow_nut.ckpt",
        "checkpoint_sha256": "0" * 64,
        "file_sha256": None,
        "largest_difference": 1e-6,
        "versions": {"numpy": "1.26.4"},
    }
    return Description(**(values | changes))
