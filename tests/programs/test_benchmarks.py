"""The benchmarks: that contestants compute the same, the arithmetic, the protocol, the files. Never the time."""

import json
import math
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from mindspore import Tensor

from benchmarks import contestants, measures, memory, options, quiet, rounds, scoring, testset
from benchmarks.machine import cores
from benchmarks.process import Process
from benchmarks.tables import Table, document, shown
from benchmarks.team import Settings, Team
from benchmarks.torch_network import by_index
from benchmarks.way2022 import DenseFlowStep, Network2022, host_maps
from benchmarks.workers import pytorch
from src import checkpoint
from src.cell import FlowLoss
from src.convert.convert import convert
from src.detector import Architecture, Detector
from src.encoder import ENCODERS
from src.fastflow import FlowStep
from src.kernels import library
from src.utils import UserError
from tests.support import torch_reference
from tests.support.programs import ROOT, program
from tests.support.runner_toolchain import unavailable

SIZE = 32
BACKBONE = "efficientnet_lite0"


@pytest.fixture
def built():
    """The CPU kernels are built; else skip or fail, as `unavailable`."""
    if not library.path().exists():
        unavailable(f"the CPU kernels are not built; {library.BUILD}")


@pytest.fixture
def as_if_built(monkeypatch):
    """As if the CPU kernels were built."""
    monkeypatch.setattr(library, "path", lambda: ROOT / "README.md")


def picture(count=2):
    return np.random.default_rng(0).standard_normal((count, 3, SIZE, SIZE), np.float32)


# The same network


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
    image = Tensor(picture())
    loss = FlowLoss(detector.fastflow)(*detector.encoder(image)).asnumpy()
    maps, _ = detector(image)
    network = Network2022(architecture, detector.encoder)  # changes the encoder
    assert FlowLoss(network)(image).asnumpy() == pytest.approx(loss, rel=1e-4)
    latents, _ = network(image)
    found = host_maps(tuple(z.asnumpy() for z in latents), SIZE)
    np.testing.assert_allclose(found, maps.asnumpy()[:, 0], atol=1e-5)
    weights = [sum(p.size for p in part.trainable_params()) for part in (network, detector.fastflow)]
    assert weights[0] == weights[1]


def test_pytorch_by_index_has_this_projects_loss(tmp_path):
    torch.manual_seed(0)
    model = torch_reference.FastFlow(BACKBONE, ENCODERS[BACKBONE].channels, SIZE, steps=2).shake()
    torch.save(model.state_dict(), tmp_path / "model.pth")
    convert(tmp_path / "model.pth", tmp_path / "model.ckpt", None, "thing", None)
    detector, _ = checkpoint.load_detector(tmp_path / "model.ckpt")
    loss = FlowLoss(detector.fastflow)(*detector.encoder(Tensor(picture()))).asnumpy()
    model = by_index(model)
    with torch.no_grad():
        assert model.loss(model.features(torch.from_numpy(picture()))).item() == pytest.approx(float(loss), rel=1e-4)


def test_pytorch_and_anomalib_are_built_with_this_projects_defaults():
    assert {name: (spec.channels, spec.conv3x3_only) for name, spec in ENCODERS.items()} == pytorch.SHAPES
    text = (ROOT / "benchmarks/workers/anomalib_model.py").read_text(encoding="utf-8")  # not importable here
    names = ", ".join(f'"{name}": {ENCODERS[name].conv3x3_only}' for name in contestants.ANOMALIB_BACKBONES)
    assert f"CONV3X3_ONLY = {{{names}}}" in text


@pytest.mark.slow
@pytest.mark.usefixtures("built")
def test_with_and_without_kernels_the_losses_are_the_same(tmp_path):
    sizes = {"size": 64, "batch": 2, "pictures": 4, "test_pictures": 8, "rounds": 1, "conv_size": 8}
    settings = Settings(**sizes, anomalib=None, logs=tmp_path, python=sys.executable)
    with Team(settings, BACKBONE, settings.pictures) as team:
        assert team.process("this") is team.process("this_no_cache")
        assert team.process("this") is not team.process("this_mindspore")
        for variant in ("cached", "encoded"):
            losses = []
            for name in ("this", "this_mindspore"):
                team.call(name, "begin", variant=variant)
                losses.append(team.call(name, "loss", variant=variant))
            assert losses[0] == pytest.approx(losses[1], rel=1e-4)
        for name in ("this", "this_mindspore", "this_mindir", "this_onnx"):
            assert team.infer(name, 1) > 0


def test_all_ways_of_measuring_agree(tmp_path):
    testset.make(tmp_path / "test.npz", 8, 64)
    test, maps = testset.load(tmp_path / "test.npz"), testset.load_maps(tmp_path / "test.npz")
    assert test.labels.sum() == 6
    assert (test.masks.any((1, 2)) == test.labels).all()
    auroc, precision = scoring.scikit_learn(test, maps)
    assert 0.6 < auroc < 0.9999
    assert scoring.two_figures(test, maps) == pytest.approx((auroc, precision))
    assert scoring.python_lists(test.masks, maps) == pytest.approx(auroc)
    figures = scoring.every_figure(test, maps)
    assert figures["metrics"]["pixel_auc"] == pytest.approx(auroc)
    assert len(figures["per_defect"]) == 4


# Arithmetic and tables


def test_contestants_take_turns_and_begin_in_turn(monkeypatch):
    monkeypatch.setattr(quiet, "_watched", lambda measure: (measure(), 0.0))
    order = []
    found = rounds.alternate(["a", "b", "c"], 4, lambda name: order.append(name) or float(len(order)), "test")
    assert "".join(order) == "abcbcacababc"
    assert found.remarks() == []
    assert found.times == {"a": [1, 6, 8, 10], "b": [2, 4, 9, 11], "c": [3, 5, 7, 12]}


def test_a_disturbed_measurement_is_repeated_and_the_least_disturbed_counts(monkeypatch):
    shares = iter([0.5, 0.01, 0.4, 0.2, 0.1, 0.3])
    monkeypatch.setattr(quiet, "_watched", lambda measure: (measure(), next(shares)))
    seconds = iter(range(6))
    assert quiet.measure_quietly(lambda: next(seconds)) == (1, 0.01)
    assert quiet.measure_quietly(lambda: next(seconds)) == (4, 0.1)
    assert rounds.Rounds({}, 0.1).remarks() == [
        "Not quiet: other programs had up to 10 % of the processor; measure again."
    ]


def test_what_others_compute_is_seen(monkeypatch):
    monkeypatch.setattr(quiet, "_own", lambda: 0.0)  # as if what this process does were another's
    ends = time.perf_counter() + 0.5

    def compute():
        while time.perf_counter() < ends:
            pass
        return 1.0

    assert quiet._watched(compute)[1] > 0.5 / cores()


def test_ratios_are_medians_over_rounds_not_ratios_of_medians():
    rows = rounds.summary({"a": [1.0, 2.0, 10.0], "b": [3.0, 2.0, 20.0]})
    assert rows["a"] == {"median s": 2.0, "min s": 1.0, "ratio": 1.0}
    assert rows["b"] == {"median s": 3.0, "min s": 2.0, "ratio": 2.0}
    assert rounds.summary({"a": [1.0], "b": [4.0]}, base="b")["a"]["ratio"] == 0.25


def test_without_a_network_this_project_is_one_with_kernels_or_not():
    assert contestants.measuring(["this_mindspore", "2022"]) == ["this", "2022"]
    assert contestants.measuring(["this", "this_mindspore", "scikit_learn"]) == ["this", "scikit_learn"]
    assert contestants.measuring(["this_no_cache", "pytorch"]) == []


def test_what_a_training_takes_is_computed_from_its_parts():
    times = {"this": [1.0, 1.0], "this_no_cache": [3.0, 3.0], "this_mindspore": [2.0, 2.0], "pytorch": [2.0, 2.0]}
    once = {"this": {"encoding": 8.0, "first_step": 11.0}, "this_no_cache": {}, "pytorch": {"first_step": 2.0}}
    once["this_mindspore"] = {"encoding": 9.0, "first_step": 7.0}
    rows = measures.epoch_rows(times, once)
    assert rows["this"]["500 epochs s"] == 8 + 10 + 500 * 2
    assert rows["this_no_cache"]["10 epochs s"] == 10 + 10 * 6  # the graph is compiled once for both
    assert rows["this_mindspore"]["1 epoch s"] == 9 + 5 + 4  # a process, and a graph, of its own
    assert rows["pytorch"]["1 epoch s"] == 4
    assert [row["ratio"] for row in rows.values()] == [1, 3, 2, 2]
    assert measures.break_even(rows["this"], rows["this_no_cache"]).endswith("after 2.0 epochs.")
    assert "saved nothing" in measures.break_even(rows["this_no_cache"], rows["this"])


def test_memory_ratios_leave_gaps_where_a_contestant_has_no_figure():
    rows = {"a": {"x GB": 2.0}, "b": {"x GB": 3.0}, "c": {}}
    memory.add_ratios(rows, "x GB", "ratio")
    assert rows == {"a": {"x GB": 2.0, "ratio": 1.0}, "b": {"x GB": 3.0, "ratio": 1.5}, "c": {}}


def test_markdown():
    rows = {"this": {"median s": 0.01234, "ratio": 1.0}, "2022": {"median s": 123.4, "ratio": 12.34, "more s": 1.5}}
    table = Table("step", "resnet18", "Step", rows, ["A remark."])
    assert table.markdown().splitlines() == [
        "### Step",
        "",
        "|  | median s | ratio | more s |",
        "| --- | ---: | ---: | ---: |",
        "| this | 0.0123 | 1.00 x | - |",
        "| 2022 | 123 | 12.3 x | 1.50 |",
        "",
        "A remark.",
    ]
    assert Table("convolution", None, "One", {}, ["No trap."]).markdown() == "### One\n\nNo trap."
    assert [shown("s", value) for value in (None, 0.5, 5.0, 50.0)] == ["-", "0.500", "5.00", "50.0"]
    machine = {"processor": "P", "cores": 2, "memory_gb": 8.2, "system": "S"}
    facts = {"machine": machine, "versions": {"numpy": "1"}, "date": "D", "command": "C", "method": "M"}
    assert document([table], facts).startswith(
        "# Benchmarks\n\nP, 2 cores, 8 GB; S; D. numpy 1.\n\n`C`\n\nM\n\n### Step"
    )


# The protocol

SHOUTING = """
import os
from benchmarks.workers.serve import Worker, serve

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
    log = tmp_path / "worker.log"
    with Process("2022", sys.executable, "measuring", log) as process:
        with pytest.raises(
            UserError, match=r"^contestant 2022: FileNotFoundError: .*missing\.npz.*; see .*worker\.log"
        ):
            process.call("open", file=str(tmp_path / "missing.npz"))
        assert process.call("peak_memory") > 0  # a failed call does not end it
    assert "Traceback" in log.read_text(encoding="utf-8")


def test_a_worker_that_ends_is_named_with_its_status(tmp_path):
    log = tmp_path / "worker.log"
    with (
        Process("pytorch", sys.executable, "no_such_worker", log) as process,
        pytest.raises(UserError, match=r"^contestant pytorch: it ended with status 1 in `open`; .* leave it out"),
    ):
        process.call("open")
    with pytest.raises(UserError, match="contestant anomalib: cannot start /no/python"):
        Process("anomalib", "/no/python", "anomalib_model", log)


# The command line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rounds", "0"], "--rounds 0: must be 1 or more"),
        (["--im_resize", "100"], "--im_resize 100: must be a multiple of 16"),
        (["--pictures", "4"], "--pictures 4: must be at least --batch 8"),
        (["--measure", "speed"], "invalid choice: 'speed'"),
    ],
)
def test_wrong_options(arguments, message):
    with pytest.raises(UserError, match=message):
        options.parse("", arguments)


@pytest.mark.parametrize(
    ("names", "python", "message"),
    [
        (["torch"], None, "--contestants torch: choose of this, "),
        (["anomalib"], None, "give --anomalib PYTHON"),
        (None, "/no/python", "--anomalib /no/python: cannot be started"),
        (["anomalib"], sys.executable, "it has no anomalib; .* -m pip install anomalib"),
    ],
)
@pytest.mark.usefixtures("as_if_built")
def test_wrong_contestants(names, python, message):
    with pytest.raises(UserError, match=message):
        contestants.choose(names, python)


@pytest.mark.usefixtures("as_if_built")
def test_a_missing_package_is_named_with_the_file_that_has_it(monkeypatch):
    monkeypatch.setattr(contestants.importlib.util, "find_spec", lambda name: None if name == "torch" else name)
    with pytest.raises(UserError, match=r"contestant pytorch needs torch: pip install -r requirements-convert\.txt"):
        contestants.choose(None, None)
    assert contestants.choose(["this"], None) == ["this"]


@pytest.mark.parametrize(("names", "first"), [(None, "this"), (["this_no_cache", "2022"], "this_no_cache")])
def test_missing_kernels_are_named_with_the_command_that_builds_them(names, first, monkeypatch, tmp_path):
    monkeypatch.setattr(library, "path", lambda: tmp_path / "missing.so")
    message = rf"^contestant {first} needs the CPU kernels: bash scripts/build_cpu_kernels\.sh, or leave it out"
    with pytest.raises(UserError, match=message):
        contestants.choose(names, None)
    without = ["this_mindspore", "this_mindir", "this_onnx"]
    assert contestants.choose(without, None) == without


def test_a_mistake_is_one_line():
    done = program("benchmarks/run.py", "--contestants", "torch")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: --contestants torch: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.usefixtures("built")
def test_a_run_writes_tables_and_a_picture(tmp_path):
    chosen = ["--contestants", "this", "this_mindspore", "pytorch", "scikit_learn", "--backbones", BACKBONE]
    what = ["--measure", "step", "inference", "evaluation", "--im_resize", 64, "--batch", 8, "--rounds", 1]
    done = program("benchmarks/run.py", *chosen, *what, "--test_pictures", 8, "--output", tmp_path / "new")
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "new/results.json").read_text(encoding="utf-8"))
    tables = {table["measure"]: table["rows"] for table in result["tables"]}
    measured = ("step", "inference, batch 1", "inference, batch 8", "whole evaluation")
    wanted = {name: ["this", "this, no kernels", "PyTorch"] for name in measured}
    wanted["evaluation"] = list(measures.WAYS)[:3]
    assert {name: list(rows) for name, rows in tables.items()} == wanted
    for rows in tables.values():
        for row in rows.values():
            assert all(math.isfinite(value) and value > 0 for value in row.values())
            assert {"median s", "min s", "ratio"} <= set(row)
    assert result["machine"]["cores"] >= 1
    assert "--contestants this this_mindspore pytorch" in result["command"]
    assert {"mindspore", "torch", "numpy", "CPU kernels"} <= set(result["versions"])
    text = (tmp_path / "new/results.md").read_text(encoding="utf-8")
    assert text.count("\n### ") == len(tables)
    assert all(line in done.stdout for line in text.splitlines() if line.startswith("| this"))
    assert (tmp_path / "new/results.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "logs",
        "results.json",
        "results.md",
        "results.png",
    ]
