"""What a rewritten model consists of."""

from mindspore import nn, ops

from src.deploy.mindir.version1 import read_mindir, rewrite_model
from tests.support import mindir_networks as networks


def test_only_what_version_1_knows_is_written(tmp_path):
    source = networks.export(networks.SmallDetector(32), tmp_path / "new.mindir", 2, 3, 32, 32)
    model = read_mindir(source)
    before = model.SerializeToString(deterministic=True)
    rewritten = rewrite_model(model, ("anomaly_map", "score"))
    assert model.SerializeToString(deterministic=True) == before
    assert rewritten.mind_ir_version == 1
    assert rewritten.IsInitialized()
    for primitive in rewritten.primitives:
        assert not primitive.HasField("prim_type")
        assert not primitive.HasField("instance_name")
    used = networks.operations(rewritten)
    assert {"Conv2D", "BatchNorm", "Pad", "MaxPool", "Gather", "StridedSlice", "Concat", "MatMul"} <= set(used)
    assert not {"Load", "Depend", "UpdateState", "Muls", "Divs", "Adds", "Subs", "PadV3", "ReduceMax"} & set(used)
    weights = {entry.name: entry.raw_data for entry in model.graph.parameter}
    assert {entry.name: entry.raw_data for entry in rewritten.graph.parameter} == weights
    assert [list(entry.tensor[0].dims) for entry in rewritten.graph.input] == [[2, 3, 32, 32]]
    names = {node.domain for node in rewritten.graph.node}
    assert {"anomaly_map", "score"} <= names


def test_nothing_unused_is_kept_and_every_name_is_defined(tmp_path):
    rewritten = rewrite_model(
        read_mindir(networks.export(networks.SmallDetector(32), tmp_path / "a.mindir", 1, 3, 32, 32))
    )
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
    rewritten = rewrite_model(read_mindir(networks.export(UnusedSum(), tmp_path / "a.mindir", 1, 2, 4, 4)))
    assert networks.operations(rewritten) == ["ReLU"]
