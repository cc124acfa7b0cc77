"""Kept graphs: the same numbers as without, no graph for another shape or constant, nothing else removed."""

import os
import struct
import subprocess
import sys

import numpy as np
import pytest
from mindspore import Tensor, nn
from mindspore.train import mind_ir_pb2 as ir

from src.runtime import graph_cache, kept_graph
from src.runtime.device import Device
from src.runtime.graph_cache import GraphCache
from src.runtime.graph_exchange import GraphExchange
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


@pytest.fixture(autouse=True)
def program(monkeypatch):
    """Where tests run in several processes, these are no programs in files, for which no graphs would be kept."""
    monkeypatch.setattr(sys, "argv", [__file__])


def test_a_session_without_a_programs_file_keeps_no_graphs(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["-c"])
    assert GraphCache.of("auto", CPU).folder is None


@pytest.fixture
def compute(tmp_path):
    """Run a small network with kept graphs: size of its batch, a constant in its graph, its weights -> its output."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)

    def run(size, factor, weight, anew=None):
        """`anew`: the reason for which the kept graph must be compiled anew."""
        command = [sys.executable, str(script), str(tmp_path / "graphs"), *map(str, (size, factor, weight))]
        done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
        assert done.returncode == 0, done.stderr
        assert ("compiled anew" in done.stderr) == (anew is not None), done.stderr
        assert anew is None or f" {anew}; compiled anew" in done.stderr
        return float(done.stdout.split("result")[1])

    return run


def kept(folder):
    return {path.name for path in folder.iterdir()}


def test_a_kept_graph_takes_the_weights_of_its_cell_and_a_changed_one_is_compiled_anew(compute, tmp_path):
    graphs = tmp_path / "graphs"
    assert compute(2, 1234.5, 1.0) == 7407
    first = kept(graphs)
    assert len(first) == 2
    assert ".key" in first
    assert compute(2, 1234.5, 5.0) == 37035
    (file,) = graphs.rglob("*.mindir")
    content, constant = file.read_bytes(), struct.pack("<f", 1234.5)
    assert constant in content
    file.chmod(0o600)
    file.write_bytes(content.replace(constant, struct.pack("<f", 99.5)))
    assert compute(2, 1234.5, 1.0, anew="is not as it was kept") == 7407
    assert kept(graphs) == first

    (file,) = graphs.rglob("*.mindir")  # and by somebody who has the key
    model = ir.ModelProto.FromString(file.read_bytes())
    model.primitives.add(name="Custom:9", op_type="Custom").attribute.add(
        name="func_name", type=ir.AttributeProto.STRING, s=b"/tmp/planted.so:run"
    )
    file.chmod(0o600)
    file.write_bytes(model.SerializeToString())
    (graph,) = [path for path in graphs.iterdir() if path.is_dir()]
    kept_graph.seal(graph, kept_graph.user_key(graphs))
    assert compute(2, 1234.5, 1.0, anew="calls /tmp/planted.so, which is not ours") == 7407
    assert compute(2, 1234.5, 1.0) == 7407


SEVERAL = """
import sys
from src.runtime import device
used = device.prepare("CPU")
import numpy as np
from mindspore import Tensor, nn
from src.runtime.graph_cache import GraphCache
from src.runtime.graph_exchange import GraphExchange

loaded = []
def told(self, kept, cell, inputs, load=GraphExchange.load):
    loaded.append(load(self, kept, cell, inputs))
    return loaded[-1]
GraphExchange.load = told

class Times(nn.Cell):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def construct(self, x):
        return self.factor * x.sum()

cache, x = GraphCache.of(sys.argv[1], used), Tensor(np.ones((2, 3), np.float32))
cells = {name: Times(float(name)) for name in sys.argv[2:]}
for name, cell in cells.items():
    if name == "0":
        cell(x)  # compiled without being kept
    else:
        cache.prepare(cell, x, shaped_by={"factor": name})
        cache.prepare(cell, x, shaped_by={"factor": name})  # is nothing
print("results", *(float(cell(x)) for cell in cells.values()))
print("loaded", *loaded)
"""


def test_a_process_keeps_several_graphs_and_loads_each_in_any_order(tmp_path):
    script, graphs = tmp_path / "script.py", tmp_path / "graphs"
    script.write_text(SEVERAL)

    def run(*factors):
        command = [sys.executable, str(script), str(graphs), *map(str, factors)]
        done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
        assert done.returncode == 0, done.stderr
        results, loaded = done.stdout.split("results")[1].split("loaded")
        assert [float(text) for text in results.split()] == [6.0 * factor for factor in factors]
        return loaded.split()

    assert run(1, 2) == []
    assert run(0, 2, 0.5, 3, 1) == ["True", "True"]
    assert run(3, 1, 2) == ["True"] * 3
    names = kept(graphs)
    assert len(names) == 5
    assert all(len(name) == 32 or name == ".key" for name in names)  # nothing temporary is left


@pytest.mark.thorough
def test_a_kept_graph_serves_no_other_shape_or_constant(compute, tmp_path):
    assert compute(2, 1.0, 1.0) == 6
    assert compute(4, 1.0, 1.0) == 12
    assert compute(2, 10.0, 1.0) == 60
    assert len(kept(tmp_path / "graphs")) == 4  # with the key


class _NothingCompiled(GraphExchange):
    """Writes a file in a graph's place."""

    def _compile(self, cell, inputs):
        (self.folder / f"compile_cache_{self.number}.mindir").touch()


def test_every_shape_constant_and_type_of_parameter_has_a_graph_of_its_own(tmp_path, monkeypatch):
    (tmp_path / "exchange").mkdir()
    exchange = _NothingCompiled(tmp_path / "exchange")
    monkeypatch.setattr(GraphExchange, "_only", exchange)
    kept_graph.user_key(tmp_path)

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


def test_a_folder_that_others_can_write_is_refused(tmp_path, monkeypatch, caplog):
    folder = tmp_path / "shared" / "graphs"
    folder.mkdir(parents=True)
    assert GraphCache.of(str(folder), CPU).folder == folder
    for place, mode, refused in [
        (folder, 0o777, True),
        (folder, 0o770, True),
        (folder, 0o1777, True),
        (folder, 0o755, False),
        (folder.parent, 0o775, True),
        (folder.parent, 0o1777, False),
    ]:
        place.chmod(mode)
        if refused:
            with pytest.raises(UserError) as caught:
                GraphCache.of(str(folder), CPU)
            assert str(caught.value) == (
                f"--graph_cache {folder}: {place} can be written by other users (chmod go-w); "
                "choose another folder, or off"
            )
        else:
            assert GraphCache.of(str(folder), CPU).folder == folder
        place.chmod(0o700)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(UserError, match=rf"^--graph_cache {folder}: {folder} belongs to another user; choose another"):
        GraphCache.of(str(folder), CPU)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with caplog.at_level("INFO", logger="fastflow"):
        assert GraphCache.of("auto", CPU).folder is None
    assert "compiled graphs are not kept" in caplog.text


def test_a_new_folder_is_the_users_alone(tmp_path):
    before = os.umask(0)
    try:
        GraphCache.of(str(tmp_path / "graphs"), CPU)
    finally:
        os.umask(before)
    assert (tmp_path / "graphs").stat().st_mode & 0o777 == 0o700


def test_the_key_is_the_users_alone_and_made_anew_where_it_is_not(tmp_path):
    key = kept_graph.user_key(tmp_path)
    assert (len(key), (tmp_path / ".key").stat().st_mode & 0o777) == (32, 0o600)
    assert kept_graph.user_key(tmp_path) == key
    (tmp_path / ".key").chmod(0o644)
    assert kept_graph.user_key(tmp_path) != key
    (tmp_path / ".key").write_bytes(b"short")
    assert len(kept_graph.user_key(tmp_path)) == 32


def test_a_kept_graph_may_call_our_own_library_only(tmp_path):
    def problem(*texts, name="func_name", kernels="/ours.so"):
        graph = tmp_path / "graph"
        graph.mkdir(exist_ok=True)
        model = ir.ModelProto()
        node = model.functions.add().node.add()
        for text in texts:
            attribute = node.attribute.add(name="a").values.add(name=name, s=text.encode())
            attribute.type = ir.AttributeProto.STRING
        (graph / "x.mindir").write_bytes(model.SerializeToString())
        kept_graph.seal(graph, b"key")
        assert kept_graph.problem_of(graph, b"another key", kernels) == "is not as it was kept"
        return kept_graph.problem_of(graph, b"key", kernels)

    assert problem() is None
    assert problem("/ours.so:f", "/ours.so:g") is None
    assert problem("/ours.so:f", kernels=None) == "calls /ours.so, which is not ours"
    assert problem("/ours.so:f", "/evil:f") == "calls /evil, which is not ours"
    assert problem("Custom__/ours.so:f", name="uniq_name") is None
    assert problem("/evil.so:f", name="other") == "calls /evil.so, which is not ours"
    assert problem(f"/{'x' * 300}:f") == f"calls /{'x' * 300}, which is not ours"
    assert problem("Default/network.softmax:x", name="scope") is None
    (tmp_path / "graph" / "link").symlink_to("/etc/passwd")
    assert "is damaged" in kept_graph.problem_of(tmp_path / "graph", b"key", None)


def test_a_user_without_a_home_keeps_no_graphs(monkeypatch):
    def no_home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr("src.runtime.graph_cache.Path.home", no_home)
    assert GraphCache.of("auto", Device("CPU")).folder is None
