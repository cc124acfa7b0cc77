"""The rewrite of MindIR to version 1. MindSpore 2.10 also reads version 1, so the numbers are compared by itself."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, nn, ops
from mindspore.train import mind_ir_pb2 as ir

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
    source = networks.export(make(), tmp_path / "new.mindir", *shape)
    target = tmp_path / "old.mindir"
    rewrite_to_version_1(source, target)
    image = Tensor(np.random.default_rng(0).standard_normal(shape).astype(np.float32))
    expected = nn.GraphCell(ms.load(str(source)))(image)
    actual = nn.GraphCell(ms.load(str(target)))(image)
    if not isinstance(expected, tuple):
        expected, actual = (expected,), (actual,)
    assert len(actual) == len(expected)
    for got, wanted in zip(actual, expected):
        assert np.ptp(wanted.asnumpy()) > 0.001
        np.testing.assert_allclose(got.asnumpy(), wanted.asnumpy(), atol=1e-6, rtol=1e-6)


def test_the_rewrite_is_repeatable_and_keeps_version_1(tmp_path):
    source = networks.export(networks.FlowStep(6, 3), tmp_path / "new.mindir", 1, 6, 4, 4)
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
    source = networks.export(cell(), tmp_path / "new.mindir", 1, 2, 4, 4)
    with pytest.raises(UserError, match=named) as caught:
        rewrite_to_version_1(source, tmp_path / "old.mindir")
    assert "new.mindir" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["new.mindir"]


def test_output_names_must_fit(tmp_path):
    model = read_mindir(networks.export(networks.FlowStep(6, 3), tmp_path / "a.mindir", 1, 6, 4, 4))
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


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda graph: graph.node[-1].input.__setitem__(0, "nobody"), "a node takes what no node before it gives"),
        (lambda graph: graph.node[-1].output.__setitem__(0, graph.node[0].output[0]), "two nodes have the same name"),
        (lambda graph: setattr(graph.parameter[0], "name", graph.input[0].name), "have the same name"),
        (lambda graph: setattr(graph.output[0], "name", "nobody"), "an output is no node's"),
    ],
)
def test_names_that_refer_to_nothing_are_damage(damage, reason, tmp_path):
    source = networks.export(networks.FlowStep(6, 3), tmp_path / "new.mindir", 1, 6, 4, 4)
    model = ir.ModelProto.FromString(source.read_bytes())
    damage(model.graph)
    (tmp_path / "bad.mindir").write_bytes(model.SerializeToString())
    with pytest.raises(UserError, match=f"bad.mindir is damaged: .*{reason}"):
        rewrite_to_version_1(tmp_path / "bad.mindir", tmp_path / "old.mindir")
    assert not (tmp_path / "old.mindir").exists()
