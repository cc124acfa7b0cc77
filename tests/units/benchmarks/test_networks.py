"""The contestants' networks compute what this project's network computes."""

import numpy as np
import pytest
import torch
from mindspore import Tensor

from benchmarks import torch_fastflow
from benchmarks.workers import pytorch, worker
from benchmarks.workers.mindspore2022 import DenseFlowStep, Network2022, host_maps
from src import checkpoint
from src.cell import FlowLoss
from src.convert.convert import convert
from src.detector import Architecture, Detector
from src.encoder import ENCODERS
from src.fastflow import FlowStep
from tests.support import torch_reference

pytestmark = pytest.mark.usefixtures("pynative")

SIZE = 32
BACKBONE = "efficientnet_lite0"


def batch(count=2):
    return np.random.default_rng(0).standard_normal((count, 3, SIZE, SIZE), np.float32)


@pytest.mark.parametrize("channels", [6, 7])
def test_the_dense_permutation_gives_the_flow_steps_output(channels):
    step, dense = (cls(channels, 3, 1.0, np.random.default_rng(1)) for cls in (FlowStep, DenseFlowStep))
    for each in (step, dense):
        each.global_scale.set_data(each.global_scale * 1.3)
        each.global_offset.set_data(each.global_offset + 0.2)
    x = Tensor(np.random.default_rng(2).standard_normal((2, channels, 5, 4), np.float32))
    for ours, theirs in zip(step(x), dense(x)):
        np.testing.assert_allclose(theirs.asnumpy(), ours.asnumpy(), rtol=1e-4, atol=1e-4)
    assert "dense.weight" not in {parameter.name for parameter in dense.trainable_params()}


@pytest.mark.parametrize("backbone", ["efficientnet_lite0", "resnet18"])
def test_the_2022_way_has_this_projects_loss_and_map(backbone):
    architecture = Architecture(backbone, SIZE, flow_step=1)
    detector = Detector(architecture)
    image = Tensor(batch())
    loss = FlowLoss(detector.fastflow)(*detector.encoder(image)).asnumpy()
    maps, _ = detector(image)
    network = Network2022(architecture, detector.encoder)  # changes the encoder
    assert FlowLoss(network)(image).asnumpy() == pytest.approx(loss, rel=1e-4)
    latents, _ = network(image)
    found = host_maps(tuple(z.asnumpy() for z in latents), SIZE)
    np.testing.assert_allclose(found, maps.asnumpy()[:, 0], atol=1e-5)
    weights = [sum(p.size for p in part.trainable_params()) for part in (network, detector.fastflow)]
    assert weights[0] == weights[1]


def test_pytorchs_network_has_this_projects_loss(tmp_path):
    """The network with permutations by index, against a file of the reference, whose permutations are dense."""
    torch.manual_seed(0)
    channels = ENCODERS[BACKBONE].channels
    reference = torch_reference.FastFlow(BACKBONE, channels, SIZE, zero_pad_cells=False, flow_steps=2).shake()
    torch.save(reference.state_dict(), tmp_path / "model.pth")
    convert(tmp_path / "model.pth", tmp_path / "model.ckpt", None, "thing", None)
    detector, _ = checkpoint.load_detector(tmp_path / "model.ckpt")
    loss = FlowLoss(detector.fastflow)(*detector.encoder(Tensor(batch()))).asnumpy()
    model = torch_fastflow.FastFlow(BACKBONE, channels, SIZE, flow_steps=2)
    missing, unexpected = model.load_state_dict(reference.state_dict(), strict=False)
    assert missing == []
    assert {name.rpartition(".")[2] for name in unexpected} == {"w_perm", "w_perm_inv"}
    for flow, saved in zip(model.fast_flow_blocks, reference.fast_flow_blocks):
        for block, dense in zip(flow.module_list, saved.module_list):
            block.permutation = dense.w_perm[:, :, 0, 0].argmax(1)
    with torch.no_grad():
        assert model.loss(model.features(torch.from_numpy(batch()))).item() == pytest.approx(float(loss), rel=1e-4)


def test_pytorch_and_anomalib_are_built_with_this_projects_defaults():
    convolutional = {name: spec for name, spec in ENCODERS.items() if spec.grid is None}
    assert {name: spec.channels for name, spec in convolutional.items()} == pytorch.CHANNELS
    assert {name: spec.conv3x3_only for name, spec in convolutional.items()} == worker.CONV3X3_ONLY
