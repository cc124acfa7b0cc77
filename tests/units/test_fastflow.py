"""The flow, its loss, its gradients and its map: mathematics, and parity with PyTorch."""

import mindspore as ms
import numpy as np
import pytest
import torch
from mindspore import Tensor, nn, ops

from src import checkpoint
from src.cell import FlowLoss, TrainStep, adam
from src.convert.convert import convert
from src.encoder import ENCODERS
from src.fastflow import Flow, FlowStep
from tests.support import torch_reference

SIZE = 32
BACKBONE = "efficientnet_lite0"


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """The PyTorch model and ours with the same weights, through the converter."""
    torch.manual_seed(0)
    reference = torch_reference.FastFlow(BACKBONE, ENCODERS[BACKBONE].channels, SIZE, flow_steps=2).shake()
    folder = tmp_path_factory.mktemp("pair")
    torch.save(reference.state_dict(), folder / "model.pth")
    convert(folder / "model.pth", folder / "model.ckpt", None, "thing", None)
    detector, metadata = checkpoint.load_detector(folder / "model.ckpt")
    assert metadata.category == "thing"
    return reference, detector


def pictures(seed=0, count=2):
    return np.random.default_rng(seed).uniform(-1, 1, (count, 3, SIZE, SIZE)).astype(np.float32)


def our_name(theirs):
    """fast_flow_blocks.0.module_list.1.subnet.4.weight -> fastflow.flows.0.steps.1.conv2.weight"""
    name = theirs.replace("fast_flow_blocks", "fastflow.flows").replace("module_list", "steps")
    name = name.replace("subnet.1", "conv1").replace("subnet.4", "conv2")
    return f"fastflow.{name}" if name.startswith("norms") else name


def test_latents_log_determinants_loss_and_map_are_pytorchs(pair):
    reference, detector = pair
    image = pictures()
    with torch.no_grad():
        features = reference.features(torch.from_numpy(image))
        latents, log_dets = reference.flow(features)
        loss = reference.loss(features).item()
        anomaly_map = reference.anomaly_map(latents).numpy()
    standard = detector.encoder(Tensor(image))
    our_latents, our_log_dets = detector.fastflow(*standard)
    for ours, theirs in zip((*our_latents, *our_log_dets), (*latents, *log_dets)):
        np.testing.assert_allclose(ours.asnumpy(), theirs.numpy(), rtol=1e-3, atol=1e-3)
    assert FlowLoss(detector.fastflow)(*standard).asnumpy() == pytest.approx(loss, rel=1e-4)
    our_map, score = detector(Tensor(image))
    np.testing.assert_allclose(our_map.asnumpy(), anomaly_map, atol=1e-5)
    np.testing.assert_allclose(score.asnumpy(), anomaly_map.max((1, 2, 3)), atol=1e-5)


def test_gradients_are_pytorchs(pair):
    reference, detector = pair
    image = pictures(1)
    reference.zero_grad()
    reference.loss(reference.features(torch.from_numpy(image))).backward()
    wanted = {our_name(n): p.grad for n, p in reference.named_parameters() if p.grad is not None}
    weights = ms.ParameterTuple(detector.fastflow.trainable_params())
    gradients = ops.GradOperation(get_by_list=True)(FlowLoss(detector.fastflow), weights)
    found = gradients(*detector.encoder(Tensor(image)))
    assert {weight.name for weight in weights} == set(wanted)
    for weight, ours in zip(weights, found):
        theirs = wanted[weight.name].numpy()
        np.testing.assert_allclose(
            ours.asnumpy(), theirs, rtol=1e-3, atol=1e-3 * np.abs(theirs).max(), err_msg=weight.name
        )


def test_twenty_adam_steps_follow_pytorch(pair, tmp_path):
    reference, detector = pair
    checkpoint.save_detector(tmp_path / "copy.ckpt", detector)
    detector, _ = checkpoint.load_detector(tmp_path / "copy.ckpt")  # the other tests keep theirs
    state = {name: value.clone() for name, value in reference.state_dict().items()}
    optimizer = torch.optim.Adam(
        [p for part in (reference.norms, reference.fast_flow_blocks) for p in part.parameters() if p.requires_grad],
        lr=1e-3,
        weight_decay=1e-2,  # large, so that leaving it out anywhere would be seen
    )
    step = TrainStep(detector.fastflow, adam(detector.fastflow, 1e-3, 1e-2))
    ours, theirs = [], []
    for i in range(20):
        image = pictures(10 + i)
        loss = reference.loss(reference.features(torch.from_numpy(image)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        theirs.append(loss.item())
        ours.append(float(step(*detector.encoder(Tensor(image))).asnumpy()))
    trained = {our_name(name): value.numpy().copy() for name, value in reference.state_dict().items()}
    reference.load_state_dict(state)
    assert theirs[-1] < theirs[0]
    np.testing.assert_allclose(ours, theirs, rtol=1e-3)
    for parameter in detector.fastflow.trainable_params():
        np.testing.assert_allclose(parameter.asnumpy(), trained[parameter.name], atol=2e-3, err_msg=parameter.name)


@pytest.mark.parametrize(("channels", "conv3x3_only", "hidden_ratio"), [(6, False, 1.0), (7, True, 0.5)])
@pytest.mark.usefixtures("pynative")
def test_inverse(channels, conv3x3_only, hidden_ratio):
    rng = np.random.default_rng(2)
    flow = Flow(channels, 8, conv3x3_only, hidden_ratio, rng)
    for parameter in flow.trainable_params():
        parameter.set_data(parameter + Tensor(0.2 * rng.standard_normal(parameter.shape, np.float32)))
    x = rng.standard_normal((2, channels, 5, 4), np.float32)
    z, _ = flow(Tensor(x))
    assert np.abs(z.asnumpy() - x).max() > 0.1
    np.testing.assert_allclose(flow.inverse(z).asnumpy(), x, atol=1e-4)


def test_log_determinant_is_that_of_the_jacobian():
    """Against the determinant of the whole Jacobian, one row per output by autograd, in a tiny space."""
    rng = np.random.default_rng(4)
    flow = Flow(4, 2, True, 1.0, rng)
    for parameter in flow.trainable_params():
        parameter.set_data(parameter + Tensor(0.3 * rng.standard_normal(parameter.shape, np.float32)))
    x = Tensor(rng.standard_normal((1, 4, 2, 2), np.float32))

    class Output(nn.Cell):
        def __init__(self):
            super().__init__(auto_prefix=False)
            self.flow = flow

        def construct(self, x, direction):
            z, _ = self.flow(x)
            return (z * direction).sum()

    gradient = ops.GradOperation()(Output())
    rows = [gradient(x, Tensor(row.reshape(1, 4, 2, 2))).asnumpy().ravel() for row in np.eye(16, dtype=np.float32)]
    sign, wanted = np.linalg.slogdet(np.array(rows, np.float64))
    _, log_det = flow(x)
    assert sign != 0
    assert log_det.asnumpy()[0] == pytest.approx(wanted, abs=1e-4)


def test_graph_mode_and_pynative_agree(pair, request):
    _, detector = pair
    image = Tensor(pictures(5))
    graph, _ = detector(image)
    request.getfixturevalue("pynative")
    pynative, _ = detector(image)
    np.testing.assert_allclose(graph.asnumpy(), pynative.asnumpy(), atol=1e-5)


def test_initial_weights_are_drawn_as_pytorch_draws_them():
    step = FlowStep(64, 3, 1.0, np.random.default_rng(0))
    bound = 1 / np.sqrt(32 * 9)
    for weights in (step.conv1.weight.asnumpy(), step.conv1.bias.asnumpy()):
        assert bound * 0.8 < np.abs(weights).max() <= bound
    assert step.conv1.weight.asnumpy().std() == pytest.approx(bound / np.sqrt(3), rel=0.02)
    np.testing.assert_allclose(step.channel_scale().asnumpy(), 1, atol=1e-6)
    assert sorted(step.permutation.asnumpy()) == list(range(64))


def test_seeds_draw_the_same_and_different_flows():
    draw = [FlowStep(8, 1, 1.0, np.random.default_rng(seed)).conv1.weight.asnumpy() for seed in (1, 1, 2)]
    np.testing.assert_array_equal(draw[0], draw[1])
    assert np.abs(draw[0] - draw[2]).max() > 0.01
