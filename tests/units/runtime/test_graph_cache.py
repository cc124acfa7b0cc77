"""Kept graphs: the same numbers as without, no graph for another shape or constant, nothing else removed."""

import os
import subprocess
import sys

import numpy as np
import pytest
from mindspore import Tensor, nn

from src.runtime import graph_cache
from src.runtime.device import Device
from src.runtime.graph_cache import GraphCache
from src.utils import UserError
from tests.support.programs import ROOT

CPU = Device("CPU")
SCRIPT = """
import sys
from src.runtime import device
used = device.prepare("CPU")
import numpy as np
from mindspore import Tensor, nn
from src.runtime.graph_cache import GraphCache

folder, size, factor, weight = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])

class Scaled(nn.Cell):
    def __init__(self):
        super().__init__()
        self.dense = nn.Dense(3, 1, weight_init=weight, bias_init="zeros")

    def construct(self, x):
        return factor * self.dense(x).sum()

cell, x = Scaled(), Tensor(np.ones((size, 3), np.float32))
GraphCache.of(folder, used).prepare(cell, x, shaped_by={"factor": factor})
print("result", cell(x))
"""


@pytest.fixture
def compute(tmp_path):
    """Run a small network with kept graphs: size of its batch, a constant in its graph, its weights -> its output."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)

    def run(size, factor, weight):
        command = [sys.executable, str(script), str(tmp_path / "graphs"), *map(str, (size, factor, weight))]
        done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
        assert done.returncode == 0, done.stderr
        return float(done.stdout.split("result")[1])

    return run


def kept(folder):
    return {path.name for path in folder.iterdir()}


def test_a_kept_graph_takes_the_weights_of_its_cell_and_a_changed_one_is_compiled_anew(compute, tmp_path):
    graphs = tmp_path / "graphs"
    assert compute(2, 2.0, 1.0) == 12
    first = kept(graphs)
    assert len(first) == 2
    assert ".key" in first
    assert compute(2, 2.0, 5.0) == 60
    assert kept(graphs) == first
    (file,) = graphs.rglob("*.mindir")
    model = ir.ModelProto.FromString(file.read_bytes())
    assert file.read_bytes().count(struct.pack("<f", 2.0)) > 0
    file.chmod(0o600)
    file.write_bytes(file.read_bytes().replace(struct.pack("<f", 2.0), struct.pack("<f", 7.0)))
    assert model != ir.ModelProto.FromString(file.read_bytes())
    done = compute.raw(2, 2.0, 1.0)
    assert float(done.stdout.split("result")[1]) == 12
    assert "is not as it was kept; compiled anew" in done.stdout
    assert kept(graphs) == first
    assert "compiled anew" not in compute.raw(2, 2.0, 1.0).stdout


@pytest.mark.thorough
def test_a_kept_graph_serves_no_other_shape_or_constant(compute, tmp_path):
    assert compute(2, 1.0, 1.0) == 6
    assert compute(4, 1.0, 1.0) == 12
    assert compute(2, 10.0, 1.0) == 60
    assert len(kept(tmp_path / "graphs")) == 3


def test_every_shape_constant_and_type_of_parameter_has_a_graph_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(graph_cache, "_compile", lambda cell, inputs, folder: None)

    def folder_of(size=2, weights=3, factor=1.0, training=False):
        cell = nn.Dense(weights, 1).set_train(training)
        before = kept(tmp_path)
        GraphCache(CPU, tmp_path).prepare(cell, Tensor(np.ones((size, 3), np.float32)), shaped_by={"factor": factor})
        return kept(tmp_path) - before

    assert len(folder_of()) == 1
    assert folder_of() == set()  # the same again
    for change in ({"size": 4}, {"weights": 4}, {"factor": 10.0}, {"training": True}):
        assert len(folder_of(**change)) == 1, change


def test_the_oldest_graphs_go_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setattr(graph_cache, "KEPT", 2)
    (tmp_path / "mine").mkdir()
    for age, name in enumerate("abcd"):
        (tmp_path / (32 * name)).mkdir()
        os.utime(tmp_path / (32 * name), (1000 - age, 1000 - age))
    GraphCache(CPU, tmp_path)._forget()
    assert kept(tmp_path) == {"mine", 32 * "a", 32 * "b"}


def test_a_folder_that_cannot_be_written_is_an_error_if_asked_for(tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"--graph_cache .*file.*choose another folder, or off"):
        GraphCache.of(str(tmp_path / "file"), CPU)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with caplog.at_level("INFO", logger="fastflow"):
        assert GraphCache.of("auto", CPU).folder is None
    assert "compiled graphs are not kept" in caplog.text
    assert GraphCache.of("off", CPU).folder is None
