"""The benchmarks as a program: real workers, and the files that are written. Never the times themselves."""

import json
import math
import sys

import pytest

from benchmarks import measurements
from benchmarks.contestants import CONTESTANTS
from benchmarks.processes import Settings, Team
from src.kernels import library
from tests.support.programs import program
from tests.support.runner_toolchain import unavailable

BACKBONE = "efficientnet_lite0"


@pytest.fixture
def built():
    """The CPU kernels are built; else skip or fail, as `unavailable`."""
    if not library.path().exists():
        unavailable(f"the CPU kernels are not built; {library.BUILD}")


def test_a_mistake_is_one_line():
    done = program("benchmarks/run.py", "--contestants", "torch")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: --contestants torch: ")
    assert done.stderr.count("\n") == 1


def measure(folder, contestants, measures):
    """Measure on small pictures; returns results.json, after a check that all files and numbers are there."""
    chosen = ["--backbones", BACKBONE, "--contestants", *contestants, "--measure", *measures]
    small = ["--im_resize", 32, "--batch", 8, "--pictures", 16, "--test_pictures", 8, "--conv_size", 8, "--rounds", 1]
    done = program("benchmarks/run.py", *chosen, *small, "--output", folder)
    assert done.returncode == 0, done.stderr
    result = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    for table in result["tables"]:
        for row in table["rows"].values():
            assert all(math.isfinite(value) and value > 0 for value in row.values() if value is not None)
    text = (folder / "results.md").read_text(encoding="utf-8")
    assert text.count("\n### ") == len(result["tables"])
    assert all(line in done.stdout for line in text.splitlines() if line.startswith("| this"))
    assert (folder / "results.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in folder.iterdir()) == ["logs", "results.json", "results.md", "results.png"]
    return result


@pytest.mark.usefixtures("built")
def test_a_measurement_writes_tables_and_a_picture(tmp_path):
    result = measure(tmp_path / "new", ["this", "scikit_learn"], ["evaluation"])
    assert {table["measure"]: list(table["rows"]) for table in result["tables"]} == {
        "whole evaluation": ["this"],
        "evaluation": list(measurements.WAYS)[:3],
    }
    assert result["machine"]["cores"] >= 1
    assert "--contestants this scikit_learn" in result["command"]
    assert {"mindspore", "torch", "numpy", "CPU kernels"} <= set(result["versions"])


@pytest.mark.slow
@pytest.mark.usefixtures("built")
def test_every_contestant_takes_part_in_the_measurements_of_time(tmp_path):
    names = [name for name in CONTESTANTS if name != "anomalib"]
    result = measure(tmp_path / "new", names, ["convolution", "step", "epoch", "inference", "evaluation"])
    tables = {(table["measure"], table["backbone"]): list(table["rows"]) for table in result["tables"]}
    tables.pop(("convolution", None))  # whose rows depend on the processor
    trained = [
        "this",
        "this, no cache",
        "this, F(2x2)",
        "this, F(4x4)",
        "this, no kernels",
        "PyTorch",
        "PyTorch, cached",
        "2022",
    ]
    inferred = [
        "this",
        "this, F(2x2)",
        "this, F(4x4)",
        "this, no kernels",
        "this (MindIR)",
        "this (ONNX)",
        "this (OpenVINO)",
        "PyTorch",
        "2022",
    ]
    assert tables == {
        ("step", BACKBONE): trained,
        ("epoch", BACKBONE): trained,
        ("inference, batch 1", BACKBONE): inferred,
        ("inference, batch 8", BACKBONE): inferred,
        ("whole evaluation", BACKBONE): ["this", "this, no kernels", "PyTorch", "2022"],
        ("evaluation", None): list(measurements.WAYS),
    }


@pytest.mark.slow
def test_memory_is_measured_in_training_and_in_evaluation(tmp_path):
    result = measure(tmp_path / "new", ["this_mindspore", "pytorch_cached", "scikit_learn"], ["memory"])
    with_network, without_network = (table["rows"] for table in result["tables"])
    assert set(with_network["this, no kernels"]) == {
        "training GB",
        "evaluation GB",
        "ratio, training",
        "ratio, evaluation",
    }
    assert set(with_network["PyTorch, cached"]) == {"training GB", "ratio, training"}
    assert {name: set(row) for name, row in without_network.items()} == {
        "this": {"evaluation GB", "ratio"},
        "scikit-learn": {"evaluation GB", "ratio"},
    }


@pytest.mark.slow
@pytest.mark.usefixtures("built")
def test_with_and_without_kernels_the_losses_are_the_same(tmp_path):
    settings = Settings(
        size=64,
        batch=2,
        pictures=4,
        test_pictures=8,
        rounds=1,
        conv_size=8,
        anomalib=None,
        python=sys.executable,
        logs=tmp_path,
    )
    with Team(settings, BACKBONE, settings.pictures) as team:
        assert team.process("this") is team.process("this_no_cache")
        assert team.process("this") is not team.process("this_mindspore")
        for variant in ("cached", "encoded"):
            losses = []
            for name in ("this", "this_mindspore"):
                team.call(name, "begin", variant=variant)
                losses.append(team.call(name, "loss", variant=variant))
            assert losses[0] == pytest.approx(losses[1], rel=1e-4)
