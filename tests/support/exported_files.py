"""Exported files: of a trained checkpoint by the real export.py, of random weights, and descriptions of none."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from mindspore import Tensor

from src import checkpoint
from src.anomaly_map import Weight
from src.config import parse
from src.deploy import export as exporting
from src.deploy.description import ANOMALY_MAP, SCORE, Description, ModelInput, ModelOutput
from src.detector import Architecture, Detector
from src.encoder import Centring, Whitening
from src.runtime.device import Device
from tests.support.programs import arguments, made_once, program


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


def export_random(
    folder: Path,
    file_format: str = "MINDIR",
    mindir_version: int | None = None,
    batch_size: int = 2,
    outputs: str = "map",
    dynamic: bool = False,
    takes: str = "float32",
    **architecture: object,
) -> tuple[Description, Path]:
    """Write a checkpoint of random weights, `random.ckpt`, and export it; the description, and the exported file."""
    folder = folder / "a folder"
    detector = Detector(Architecture(**{"im_resize": 32} | architecture))
    rng = np.random.default_rng(1)
    fitted = [cell for _, cell in detector.cells_and_names() if isinstance(cell, Centring | Whitening | Weight)]
    parameters = [*detector.fastflow.trainable_params(), *(one for cell in fitted for one in cell.get_parameters())]
    for parameter in parameters:  # away from their initial zeros and ones
        parameter.set_data(parameter + Tensor(0.05 * rng.standard_normal(parameter.shape, np.float32)))
    checkpoint.save_detector(folder / "random.ckpt", detector, category="nut")
    given = arguments(
        ckpt_file=folder / "random.ckpt",
        output_dir=folder / "out",
        file_format=file_format,
        mindir_version=mindir_version,
        batch_size=batch_size,
        outputs=outputs,
        input=takes,
        dynamic_batch=dynamic,
    )
    exported = exporting.export_checkpoint(parse("export", "", given), Device("CPU"))
    return exported, folder / "out" / f"fastflow_nut.{file_format.lower()}"


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
