"""The rewrite of MindIR to version 1. MindSpore 2.10 also reads version 1, so the numbers are compared by itself."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, nn, ops

from src.deploy.mindir.version1 import read_mindir, rewrite_model, rewrite_to_version_1
from src.utils import UserError
from tests.support import mindir_networks as networks

NETWORKS = {
    "resnet": (networks.ResNetStyle, (2, 3, 32, 32)),
    "efficientnet": (networks.EfficientNetStyle, (2, 3, 32, 32)),
    "asymmetric_convolution": (lambda: networks.EfficientNetStyle(asymmetric_conv=True), (2, 3, 32, 32)),
    "layer_norm": (lambda: networks.LayerNorm((8, 6, 6)), (2, 8, 6, 6)),
    "flow_step": (lambda: networks.FlowStep(7, 3), (2, 7, 8, 8)),
    "flow_step_by_split": (lambda: networks.FlowStep(8, 1, use_split=True), (2, 8, 8, 8)),
    "detector": (lambda: networks.SmallDetector(32), (2, 3, 32, 32)),
}


def draw(*shape):
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def export(cell, path, *shape):
    ms.export(networks.frozen(cell), Tensor(np.zeros(shape, np.float32)), file_name=str(path), file_format="MINDIR")
    return path


def operations(model):
    names = {primitive.name: primitive.op_type for primitive in model.primitives}
    return [names[node.op_type.removeprefix("REF::")] for node in model.graph.node if node.op_type != "Constant"]


class Resize(nn.Cell):
    def construct(self, x):
        return ops.interpolate(x, size=(8, 8), mode="bilinear")


class Softplus(nn.Cell):
    def construct(self, x):
        return ops.softplus(x)


class PadByHalf(nn.Cell):
    def construct(self, x):
        return ops.pad(x, (1, 1), value=0.5)


class Half(nn.Cell):
    def construct(self, x):
        return ops.cast(ops.cast(x, ms.float16) + 1, ms.float32)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_rewritten_network_computes_the_same(name, tmp_path):
    make, shape = NETWORKS[name]
    ms.set_seed(1)
    source = export(make(), tmp_path / "new.mindir", *shape)
    target = tmp_path / "old.mindir"
    rewrite_to_version_1(source, target)
    image = Tensor(draw(*shape))
    expected = nn.GraphCell(ms.load(str(source)))(image)
    actual = nn.GraphCell(ms.load(str(target)))(image)
    if not isinstance(expected, tuple):
        expected, actual = (expected,), (actual,)
    assert len(actual) == len(expected)
    for got, wanted in zip(actual, expected):
        assert np.ptp(wanted.asnumpy()) > 0.001
        np.testing.assert_allclose(got.asnumpy(), wanted.asnumpy(), atol=1e-6, rtol=1e-6)


def test_only_what_version_1_knows_is_written(tmp_path):
    source = export(networks.SmallDetector(32), tmp_path / "new.mindir", 2, 3, 32, 32)
    model = read_mindir(source)
    before = model.SerializeToString(deterministic=True)
    rewritten = rewrite_model(model, ("anomaly_map", "score"))
    assert model.SerializeToString(deterministic=True) == before
    assert rewritten.mind_ir_version == 1
    assert rewritten.IsInitialized()
    for primitive in rewritten.primitives:
        assert not primitive.HasField("prim_type")
        assert not primitive.HasField("instance_name")
    used = operations(rewritten)
    assert {"Conv2D", "BatchNorm", "Pad", "MaxPool", "Gather", "StridedSlice", "Concat", "MatMul"} <= set(used)
    assert not {"Load", "Depend", "UpdateState", "Muls", "Divs", "Adds", "Subs", "PadV3", "ReduceMax"} & set(used)
    weights = {entry.name: entry.raw_data for entry in model.graph.parameter}
    assert {entry.name: entry.raw_data for entry in rewritten.graph.parameter} == weights
    assert [list(entry.tensor[0].dims) for entry in rewritten.graph.input] == [[2, 3, 32, 32]]
    names = {node.domain for node in rewritten.graph.node}
    assert {"anomaly_map", "score"} <= names


def test_nothing_unused_is_kept_and_every_name_is_defined(tmp_path):
    rewritten = rewrite_model(read_mindir(export(networks.SmallDetector(32), tmp_path / "a.mindir", 1, 3, 32, 32)))
    graph = rewritten.graph
    defined = [node.output[0] for node in graph.node]
    defined += [entry.name for entry in (*graph.parameter, *graph.input)]
    read = {name for node in graph.node for name in node.input} | {graph.output[0].name}
    assert len(defined) == len(set(defined))
    assert read == set(defined)
    seen = {entry.name for entry in (*graph.parameter, *graph.input)}
    for node in graph.node:  # producers come first
        assert set(node.input) <= seen
        seen.add(node.output[0])
    assert {p.name for p in rewritten.primitives} == {
        node.op_type.removeprefix("REF::") for node in graph.node if node.op_type != "Constant"
    }


def test_the_rewrite_is_repeatable_and_keeps_version_1(tmp_path):
    source = export(networks.FlowStep(6, 3), tmp_path / "new.mindir", 1, 6, 4, 4)
    once, twice, again = (tmp_path / f"{name}.mindir" for name in ("once", "twice", "again"))
    rewrite_to_version_1(source, once)
    rewrite_to_version_1(source, again)
    rewrite_to_version_1(once, twice)
    assert once.read_bytes() == again.read_bytes() == twice.read_bytes()
    rewrite_to_version_1(source, source)
    assert source.read_bytes() == once.read_bytes()


@pytest.mark.parametrize(
    ("cell", "named"),
    [
        (Resize, "operation ResizeBilinearV2"),
        (Softplus, "operation Greater"),
        (PadByHalf, "pads by other than 0"),
        (Half, "operation Cast"),
    ],
)
def test_an_operation_without_a_rule_is_named_and_nothing_written(cell, named, tmp_path):
    source = export(cell(), tmp_path / "new.mindir", 1, 2, 4, 4)
    with pytest.raises(UserError, match=named) as caught:
        rewrite_to_version_1(source, tmp_path / "old.mindir")
    assert "new.mindir" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["new.mindir"]


class UnusedSum(nn.Cell):
    """A branch that no output needs, as the log-determinant is in a map's export."""

    def __init__(self):
        super().__init__()
        self.relu = nn.ReLU()

    def branch(self, x):
        return self.relu(x), ops.softplus(x).sum()

    def construct(self, x):
        first, _ = self.branch(x)
        return first


def test_what_no_output_needs_needs_no_rule(tmp_path):
    rewritten = rewrite_model(read_mindir(export(UnusedSum(), tmp_path / "a.mindir", 1, 2, 4, 4)))
    assert operations(rewritten) == ["ReLU"]


class SumInPlace(nn.Cell):
    def construct(self, x):
        total = x * 2
        total += x
        total += ops.exp(x)
        return total


class SharedInPlace(nn.Cell):
    """The changed tensor is read again: as a plain sum this would compute something else."""

    def construct(self, x):
        first = x * 2
        total = first
        total += x
        return ops.exp(first), total


def test_sums_in_place_become_plain_ones(tmp_path):
    source = export(SumInPlace(), tmp_path / "new.mindir", 1, 2, 4, 4)
    assert "InplaceAddExt" in operations(read_mindir(source))
    rewrite_to_version_1(source, tmp_path / "old.mindir")
    assert operations(read_mindir(tmp_path / "old.mindir")).count("Add") == 2
    x = draw(1, 2, 4, 4)
    result = nn.GraphCell(ms.load(str(tmp_path / "old.mindir")))(Tensor(x)).asnumpy()
    np.testing.assert_allclose(result, 3 * x + np.exp(x), rtol=1e-5)


def test_a_shared_tensor_changed_in_place_is_an_error(tmp_path):
    model = read_mindir(export(SharedInPlace(), tmp_path / "new.mindir", 1, 2, 4, 4))
    with pytest.raises(UserError, match=r"InplaceAddExt .* write a = a \+ b"):
        rewrite_model(model)


def test_an_unknown_argument_is_an_error(tmp_path):
    model = read_mindir(export(networks.FlowStep(6, 3), tmp_path / "a.mindir", 1, 6, 4, 4))
    primitive = next(p.name for p in model.primitives if p.op_type == "Tanh")
    node = next(n for n in model.graph.node if n.op_type == f"REF::{primitive}")
    node.input.append(node.input[0])
    with pytest.raises(UserError, match=r"Tanh .* has 2 arguments where its rule knows 1"):
        rewrite_model(model)


def test_output_names_must_fit(tmp_path):
    model = read_mindir(export(networks.FlowStep(6, 3), tmp_path / "a.mindir", 1, 6, 4, 4))
    with pytest.raises(UserError, match="1 outputs where 2 names"):
        rewrite_model(model, ("anomaly_map", "score"))


def test_files_that_are_no_mindir_are_named(tmp_path):
    with pytest.raises(UserError, match=r"none\.mindir: No such file"):
        rewrite_to_version_1(tmp_path / "none.mindir", tmp_path / "old.mindir")
    for content in (b"", b"\x0a\xff not a protobuf", b"PK\x03\x04"):
        (tmp_path / "bad.mindir").write_bytes(content)
        with pytest.raises(UserError, match=r"bad\.mindir"):
            rewrite_to_version_1(tmp_path / "bad.mindir", tmp_path / "old.mindir")
    assert [path.name for path in tmp_path.iterdir()] == ["bad.mindir"]
