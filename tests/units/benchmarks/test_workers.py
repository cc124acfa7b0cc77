"""What a worker can be asked, with networks of one flow step; and the protocol between driver and worker."""

import functools
import json
import math
import subprocess
import sys

import numpy as np
import pytest

from benchmarks import torch_fastflow
from benchmarks.contestants import CONTESTANTS
from benchmarks.processes import Process
from benchmarks.workers import mindspore2022, pytorch, scoring, this
from benchmarks.workers.exported import RUNTIMES
from benchmarks.workers.worker import NetworkWorker
from src import ROOT
from src.detector import Architecture
from src.runtime.device import Device
from src.utils import UserError
from tests.support.small_onnx import bright_is_defective

SIZE = 32


@pytest.fixture
def tiny(monkeypatch):
    """The workers' networks have one flow step per scale instead of eight."""
    for module in (this, mindspore2022):
        monkeypatch.setattr(module, "Architecture", functools.partial(Architecture, flow_step=1))
    monkeypatch.setattr(pytorch, "FastFlow", functools.partial(torch_fastflow.FastFlow, flow_steps=1))


@pytest.mark.usefixtures("tiny", "pynative")
@pytest.mark.parametrize("module", ["this mindspore", "pytorch", "mindspore2022"])
def test_a_worker_trains_infers_and_evaluates(module, tmp_path):
    worker = {
        "this mindspore": functools.partial(this.This, Device("CPU")),
        "pytorch": pytorch.PyTorch,
        "mindspore2022": mindspore2022.MindSpore2022,
    }
    asked = worker[module]()
    asked.open(backbone="efficientnet_lite0", size=SIZE, batch=2, pictures=2, folder=str(tmp_path))
    contestants = [contestant for contestant in CONTESTANTS.values() if contestant.worker == module]
    for contestant in contestants:
        if "step" in contestant.measures:
            seconds = asked.begin(contestant.trains)
            assert set(seconds) == {"first_step"} | ({"encoding"} if contestant.trains == "cached" else set())
            assert min(*seconds.values(), asked.step(contestant.trains)) > 0
        if "inference" in contestant.measures:
            assert asked.infer(contestant.infers, 2, at_least=0.01) > 0
    scoring.make_test_set(tmp_path / "test_set.npz", 8, SIZE)
    assert asked.evaluate(str(tmp_path / "test_set.npz")) > 0


def test_a_step_whose_loss_is_not_finite_has_no_time():
    class Diverged(NetworkWorker):
        def loss(self, variant):
            return math.nan

    with pytest.raises(ArithmeticError, match="the loss is nan"):
        Diverged().step("encoded")


# The protocol

SHOUTING = """
import os
from benchmarks.workers.worker import Worker, serve

class Shouting(Worker):
    packages = ("numpy",)
    def add(self, a, b):
        print("from Python")
        os.write(1, b"from C\\n")
        return a + b
    def divide(self, a):
        return a / 0

serve(Shouting())
"""


def test_what_a_worker_prints_is_kept_out_of_its_answers():
    calls = [("add", {"a": 1, "b": 2}), ("divide", {"a": 1}), ("versions", {}), ("peak_memory", {})]
    lines = "".join(json.dumps({"call": name, "arguments": arguments}) + "\n" for name, arguments in calls)
    done = subprocess.run(
        [sys.executable, "-c", SHOUTING], cwd=ROOT, input=lines, capture_output=True, text=True, check=True
    )
    sums, division, versions, peak = map(json.loads, done.stdout.splitlines())
    assert (sums, versions) == ({"result": 3}, {"result": {"numpy": np.__version__}})
    assert division == {"error": "ZeroDivisionError: division by zero"}
    assert peak["result"] > 1e6
    assert "from C" in done.stderr
    assert "Traceback" in done.stderr


def test_a_worker_that_fails_is_named_with_its_log(tmp_path):
    with Process("2022", sys.executable, "scoring", tmp_path) as process:
        with pytest.raises(
            UserError, match=r"^contestant 2022: FileNotFoundError: .*missing\.npz.*; see .*scoring\.log"
        ):
            process.call("open", file=str(tmp_path / "missing.npz"))
        assert process.call("peak_memory") > 0  # a failed call does not end it
    assert "Traceback" in (tmp_path / "scoring.log").read_text(encoding="utf-8")


def test_a_worker_that_ends_is_named_with_its_status(tmp_path):
    with (
        Process("pytorch", sys.executable, "no_such worker", tmp_path) as process,
        pytest.raises(UserError, match=r"^contestant pytorch: it ended with status 1 in `open`; .* leave it out"),
    ):
        process.call("open")
    assert "No module named benchmarks.workers.no_such" in (tmp_path / "no_such_worker.log").read_text("utf-8")
    with pytest.raises(UserError, match="contestant anomalib: cannot start /no/python"):
        Process("anomalib", "/no/python", "anomalib_model", tmp_path)


# A team of workers


def test_contestants_of_one_worker_share_a_process_and_its_compiled_graph(team):
    with team:
        assert team.begin("this") == team.begin("this") == {"encoding": 3.0, "first_step": 12.0}
        assert team.begin("this_no_cache") == {}
        assert team.begin("anomalib") == {"first_step": 14.0}
        assert team.step("this_no_cache") == 2.0
    assert team.asked == [
        ("this winograd4", "started", "this python"),
        ("this winograd4", "open"),
        ("this winograd4", "begin", "cached"),
        ("this winograd4", "begin", "encoded"),
        ("anomalib_model", "started", "other python"),
        ("anomalib_model", "open"),
        ("anomalib_model", "begin", "encoded"),
        ("this winograd4", "step", "encoded"),
        ("anomalib_model", "ended"),
        ("this winograd4", "ended"),
    ]


def test_other_runtimes_get_the_file_that_this_project_exports(team):
    with team:
        assert [team.infer("this_onnx", 8), team.infer("this_onnx", 8)] == [0.5, 0.5]
        assert team.infer("this_openvino", 8) == 0.5
        assert team.infer("this_mindir", 1) == 2.0
    assert [call for call in team.asked if call[1] not in ("started", "open", "ended")] == [
        ("this mindspore", "export"),
        ("exported onnxruntime", "load"),
        ("exported onnxruntime", "infer", "detector"),
        ("exported onnxruntime", "infer", "detector"),
        ("exported openvino", "load"),
        ("exported openvino", "infer", "detector"),
        ("this mindspore", "infer", "mindir"),
    ]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_other_runtimes_compute_what_the_file_says(runtime, tmp_path):
    run = RUNTIMES[runtime](str(bright_is_defective(tmp_path / "model.onnx")))
    image = np.full((1, 3, 32, 32), 0.5, np.float32)
    anomaly_map, score = run(image)
    wanted = 1 / (1 + np.exp(-1)) - 1  # the sigmoid of twice the brightness, less 1
    assert anomaly_map.shape == (1, 1, 32, 32)
    assert abs(anomaly_map - wanted).max() < 1e-6
    assert abs(score[0] - wanted) < 1e-6
