"""Contestants in turn, a machine that is not quiet, and the arithmetic of times and memory."""

import subprocess
import sys
import time

import pytest

from benchmarks import machine, measurements, memory, rounds
from benchmarks.workers import scoring


def test_contestants_take_turns_and_begin_in_turn(monkeypatch):
    monkeypatch.setattr(machine, "_watched", lambda measure: (measure(), 0.0))
    order = []
    found = rounds.alternate(["a", "b", "c"], 4, lambda name: order.append(name) or float(len(order)), "test")
    assert "".join(order) == "abcbcacababc"
    assert found.remarks() == []
    assert found.times == {"a": [1, 6, 8, 10], "b": [2, 4, 9, 11], "c": [3, 5, 7, 12]}


def test_a_disturbed_measurement_is_repeated_and_the_least_disturbed_counts(monkeypatch):
    shares = iter([0.5, 0.01, 0.4, 0.2, 0.1, 0.3])
    monkeypatch.setattr(machine, "_watched", lambda measure: (measure(), next(shares)))
    seconds = iter(range(6))
    assert machine.measure_quietly(lambda: next(seconds)) == (1, 0.01)
    assert machine.measure_quietly(lambda: next(seconds)) == (4, 0.1)
    assert rounds.Rounds({}, 0.1).remarks() == [
        "Not quiet: other programs had up to 10 % of the processor; measure again."
    ]


def test_what_others_compute_is_seen(monkeypatch):
    monkeypatch.setattr(machine, "_own", lambda: 0.0)  # as if what this process does were another's
    ends = time.perf_counter() + 0.5

    def compute():
        while time.perf_counter() < ends:
            pass
        return 1.0

    assert machine._watched(compute)[1] > 0.5 / machine.cores()


def test_what_a_command_computed_is_not_others():
    before = machine._own()
    subprocess.run([sys.executable, "-c", "import time\nwhile time.process_time() < 0.5:\n    pass"], check=True)
    assert machine._own() - before >= 0.45


def test_ratios_are_medians_over_rounds_not_ratios_of_medians():
    rows = rounds.summary({"a": [1.0, 2.0, 10.0], "b": [3.0, 2.0, 20.0]})
    assert rows["a"] == {"median s": 2.0, "min s": 1.0, "ratio": 1.0}
    assert rows["b"] == {"median s": 3.0, "min s": 2.0, "ratio": 2.0}
    assert rounds.summary({"a": [1.0], "b": [4.0]}, base="b")["a"]["ratio"] == 0.25


def test_steps_are_measured_in_rounds_and_the_first_one_apart(team):
    with team:
        table = measurements.step(team, ["this", "this_no_cache", "anomalib"])
    assert (table.measure, table.title) == ("step", "Training step, resnet18, batch 2, 32 pixels")
    assert table.rows == {
        "this": {"median s": 2.0, "min s": 2.0, "ratio": 1.0, "first step s": 12.0},
        "this, no cache": {"median s": 2.0, "min s": 2.0, "ratio": 1.0, "first step s": None},
        "anomalib": {"median s": 4.0, "min s": 4.0, "ratio": 2.0, "first step s": 14.0},
    }
    assert table.rounds == {"this": [2.0, 2.0], "this, no cache": [2.0, 2.0], "anomalib": [4.0, 4.0]}
    assert table.remarks == []


def test_an_epoch_has_as_many_steps_as_batches(team):
    with team:
        table = measurements.epoch(team, ["this", "pytorch"])
    assert table.rounds == {"this": [2.0] * 3, "PyTorch": [4.0] * 3}  # five pictures in batches of two
    assert table.rows["this"] == {
        "epoch s": 6.0,
        "ratio": 1.0,
        "encoding once s": 3.0,
        "compiling once s": 10.0,
        "1 epoch s": 19.0,
        "10 epochs s": 73.0,
        "100 epochs s": 613.0,
        "500 epochs s": 3013.0,
    }
    assert table.remarks[0].startswith("3 steps, measured.")


def test_inference_has_a_table_per_batch_size_and_says_what_anomalib_lacks(team):
    team.backbone = "efficientnet_lite0"
    with team:
        tables = list(measurements.inference(team, ["this", "pytorch"]))
    assert [table.measure for table in tables] == ["inference, batch 1", "inference, batch 8"]
    assert [table.rows["PyTorch"]["median s"] for table in tables] == [4.0, 0.5]  # per picture
    assert tables[0].remarks == ["anomalib's FastFlow has no efficientnet_lite0."]


def test_what_a_training_takes_is_computed_from_its_parts():
    times = {"this": [1.0, 1.0], "this_no_cache": [3.0, 3.0], "this_mindspore": [2.0, 2.0], "pytorch": [2.0, 2.0]}
    once = {"this": {"encoding": 8.0, "first_step": 11.0}, "this_no_cache": {}, "pytorch": {"first_step": 2.0}}
    once["this_mindspore"] = {"encoding": 9.0, "first_step": 7.0}
    rows = measurements.epoch_rows(times, once)
    assert rows["this"]["500 epochs s"] == 8 + 10 + 500 * 2
    assert rows["this_no_cache"]["10 epochs s"] == 10 + 10 * 6  # the graph is compiled once for both
    assert rows["this_mindspore"]["1 epoch s"] == 9 + 5 + 4  # a process, and a graph, of its own
    assert rows["pytorch"]["1 epoch s"] == 4
    assert [row["ratio"] for row in rows.values()] == [1, 3, 2, 2]
    assert measurements.break_even(rows["this"], rows["this_no_cache"]).endswith("after 2.0 epochs.")
    assert "saved nothing" in measurements.break_even(rows["this_no_cache"], rows["this"])


def test_memory_ratios_leave_gaps_where_a_contestant_has_no_figure():
    rows = {"a": {"x GB": 2.0}, "b": {"x GB": 3.0}, "c": {}}
    memory.add_ratios(rows, "x GB", "ratio")
    assert rows == {"a": {"x GB": 2.0, "ratio": 1.0}, "b": {"x GB": 3.0, "ratio": 1.5}, "c": {}}


def test_all_ways_from_maps_to_figures_agree(tmp_path):
    file = tmp_path / "test_set.npz"
    scoring.make_test_set(file, 8, 64)
    test, maps = scoring.load_test_set(file), scoring.load_maps(file)
    assert test.labels.sum() == 6
    assert (test.masks.any((1, 2)) == test.labels).all()
    auroc, precision = scoring.scikit_learn(test, maps)
    assert 0.6 < auroc < 0.9999
    assert scoring.two_figures(test, maps) == pytest.approx((auroc, precision))
    assert scoring.python_lists(test.masks, maps) == pytest.approx(auroc)
    figures = scoring.every_figure(test, maps, maps.max((1, 2)))
    assert figures["metrics"]["pixel_auc"] == pytest.approx(auroc)
    assert len(figures["per_defect"]) == 4
