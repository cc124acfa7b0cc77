"""Mixed precision: which operations are in half precision, and when steps are skipped."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, nn, ops
from mindspore.train import mind_ir_pb2

from src import checkpoint
from src.cell import FlowLoss, TrainStep, adam
from src.encoder import Encoder
from src.fastflow import FastFlow
from src.runtime import precision
from src.runtime.precision import HalfConv, HalfDense, LossScale, half_twin

SHAPES = ((6, 8, 8),)  # one scale, of two flow steps: enough for both kernels, and compiled soon


def small_flow():
    return FastFlow([c for c, _, _ in SHAPES], [h for _, h, _ in SHAPES], flow_step=2)


def features(batch=2, scale=1.0):
    rng = np.random.default_rng(0)
    return [Tensor(rng.normal(scale=scale, size=(batch, *shape)).astype(np.float32)) for shape in SHAPES]


def types_in_graph(cell, inputs, path):
    """Per operation's name the types of its outputs, from the exported graph."""
    ms.export(cell, *inputs, file_name=str(path), file_format="MINDIR")
    model = mind_ir_pb2.ModelProto()
    model.ParseFromString(path.read_bytes())
    found, output = {}, {}
    for graph in [model.graph, *model.functions]:
        for node in graph.node:
            types = {t.data_type for a in node.attribute if a.name == "shape" for t in a.tensors}
            found.setdefault(node.op_type.split("::")[-1].split(":")[0], []).append((types, list(node.input)))
            output[node.name] = output[node.output[0]] = types
    return found, output


HALF = mind_ir_pb2.TensorProto.DataType.FLOAT16


@pytest.mark.parametrize("part", ["flows", "encoder"])
def test_in_the_graph_convolutions_are_half_and_nothing_else_is(tmp_path, part):
    if part == "flows":
        flow = small_flow()
        half = FlowLoss(half_twin(flow, small_flow, ms.float16))
        inputs, convolutions = features(), 2 * 2
    else:
        encoder = Encoder("resnet18")
        half = half_twin(encoder, lambda: Encoder("resnet18"), ms.float16)
        inputs, convolutions = [Tensor(np.ones((1, 3, 32, 32), np.float32))], 15
    found, output = types_in_graph(half, inputs, tmp_path / "half.mindir")
    assert len(found["Conv2D"]) == convolutions
    for types, names in found["Conv2D"]:
        assert types == {HALF}
        assert all(output[name] == {HALF} for name in names[:2])
    assert {name for name, nodes in found.items() if any(HALF in types for types, _ in nodes)} == {"Conv2D", "Cast"}


def test_dense_layers_are_half_too():
    name, grid = "deit_base_distilled_patch16_384", (2,)
    ms.set_seed(1)
    encoder = Encoder(name, grid)
    half = half_twin(encoder, lambda: Encoder(name, grid), ms.float16)
    kinds = [type(cell) for _, cell in half.cells_and_names()]
    assert (kinds.count(HalfDense), kinds.count(HalfConv), nn.Dense in kinds) == (2 * 4, 1, False)
    image = Tensor(np.random.default_rng(0).standard_normal((1, 3, 32, 32), np.float32))
    (exact,), (rounded,) = encoder(image), half(image)
    assert rounded.dtype == ms.float32
    error = np.abs(exact.asnumpy() - rounded.asnumpy()).max()
    assert 0 < error < 0.02 * np.abs(exact.asnumpy()).max()


def test_the_twin_shares_its_parameters_and_computes_nearly_the_same():
    flow = small_flow()
    half = half_twin(flow, small_flow, ms.float16)
    mine, twins = checkpoint.named_parameters(flow), checkpoint.named_parameters(half)
    assert list(mine) == list(twins)
    assert all(mine[name] is twins[name] for name in mine)
    inputs = features()
    gradient = [
        ops.value_and_grad(FlowLoss(network), None, flow.trainable_params())(*inputs) for network in (flow, half)
    ]
    assert gradient[0][0].asnumpy() == pytest.approx(gradient[1][0].asnumpy(), rel=1e-3)
    assert gradient[0][0] != gradient[1][0]  # it was half precision
    for exact, rounded in zip(gradient[0][1], gradient[1][1]):
        assert rounded.dtype == ms.float32
        error = np.linalg.norm(exact.asnumpy() - rounded.asnumpy())
        assert error <= 5e-3 * np.linalg.norm(exact.asnumpy()) + 1e-5


def scaled_step():
    flow = small_flow()
    scale = LossScale()
    step = TrainStep(half_twin(flow, small_flow, ms.float16), adam(flow, 1e-2, 0.0), loss_scale=scale)
    return flow, scale, step


def weights_of(flow):
    return {name: value.asnumpy().copy() for name, value in checkpoint.named_parameters(flow).items()}


def test_overflowing_gradients_skip_the_step_and_halve_the_scale():
    flow, scale, step = scaled_step()
    scale.scale.set_data(Tensor(2.0**40, ms.float32))  # the gradients in float16 are infinite
    before = weights_of(flow)
    loss = float(step(*features()).asnumpy())
    assert np.isfinite(loss)
    assert all((before[name] == value).all() for name, value in weights_of(flow).items())
    assert (float(scale.scale), int(scale.skipped), int(scale.good)) == (2.0**39, 1, 0)
    for _ in range(60):
        step(*features())
        if int(scale.good):
            break
    assert int(scale.good) == 1
    assert float(scale.scale) == 2.0 ** (40 - int(scale.skipped))
    assert any((before[name] != value).any() for name, value in weights_of(flow).items())
    assert float(step(*features()).asnumpy()) < loss


def test_after_many_good_steps_a_larger_scale_is_tried():
    _, scale, step = scaled_step()
    scale.good.set_data(Tensor(precision.GROWTH_STEPS - 2, ms.int32))
    step(*features())
    assert (float(scale.scale), int(scale.good)) == (precision.FIRST_SCALE, precision.GROWTH_STEPS - 1)
    step(*features())
    assert (float(scale.scale), int(scale.good), int(scale.skipped)) == (2 * precision.FIRST_SCALE, 0, 0)


def test_the_scale_does_not_change_what_is_learnt():
    """Powers of two cancel exactly, as long as nothing overflows or vanishes."""
    losses = []
    for value in (1.0, 256.0):
        _, scale, step = scaled_step()
        scale.scale.set_data(Tensor(value, ms.float32))
        losses.append([float(step(*features()).asnumpy()) for _ in range(4)])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4)
