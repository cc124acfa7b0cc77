"""Every encoder through every exported format, with random weights: written, loaded again, and the same to 1e-4."""

import json
from argparse import Namespace

import numpy as np
import pytest
from mindspore import Tensor

from src import checkpoint
from src.deploy import export as exporting
from src.deploy.mindir.version1 import read_mindir
from src.detector import Architecture, Detector
from src.encoder import ENCODERS
from tests.support.programs import files

FORMATS = {"MindIR 3": ("MINDIR", 3), "MindIR 1": ("MINDIR", 1), "ONNX": ("ONNX", 3)}


def export(folder, file_format="MINDIR", mindir_version=3, **architecture):
    """Write a checkpoint of random weights and export it; the description, and the exported file."""
    folder = folder / "a folder"
    detector = Detector(Architecture(im_resize=32, **architecture))
    rng = np.random.default_rng(1)
    for parameter in detector.fastflow.trainable_params():  # away from their initial zeros and ones
        parameter.set_data(parameter + Tensor(0.05 * rng.standard_normal(parameter.shape, np.float32)))
    checkpoint.save_detector(folder / "random.ckpt", detector, {"category": "nut"})
    description = exporting.export_checkpoint(
        Namespace(
            ckpt_file=folder / "random.ckpt",
            output_dir=folder / "out",
            file_format=file_format,
            mindir_version=mindir_version,
            outputs="map",
            batch_size=2,
        )
    )
    return description, folder / "out" / f"fastflow_nut.{file_format.lower()}"


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("backbone", ENCODERS)
def test_every_encoder_in_every_format(backbone, name, tmp_path):
    file_format, version = FORMATS[name]
    description, file = export(tmp_path, file_format, version, backbone=backbone, flow_step=2)
    assert description["largest_difference"] <= exporting.LIMIT
    assert description["architecture"]["backbone"] == backbone
    assert [output["shape"] for output in description["outputs"]] == [[2, 1, 32, 32], [2]]
    assert json.loads(file.with_name(file.name + ".json").read_text())["file"] == file.name
    assert files(file.parent) == [file.name, file.name + ".json"]
    if version == 1:
        assert read_mindir(file).mind_ir_version == 1


@pytest.mark.parametrize("option", [{"conv3x3_only": True}, {"norm_affine": False}, {"hidden_ratio": 0.5}])
def test_the_flows_options(option, tmp_path):
    description, _ = export(tmp_path, "MINDIR", 1, backbone="resnet18", flow_step=1, **option)
    assert description["largest_difference"] <= exporting.LIMIT
    assert option.items() <= description["architecture"].items()
