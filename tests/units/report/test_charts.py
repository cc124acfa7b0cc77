"""The shapes of a report's charts: bins that end at the threshold, counts that add up, round ticks."""

import numpy as np
import pytest

from src.report.charts import Axis, curves, histogram


def test_bins_end_at_the_threshold_and_hold_every_picture():
    rng = np.random.default_rng(0)
    threshold = 0.3
    scores = {"good": [*rng.normal(0.1, 0.1, 200), threshold], "defective": [*rng.normal(0.6, 0.2, 300), 0.2999999]}
    chart = histogram(scores, threshold)
    assert [(row.kind, row.count) for row in chart.rows] == [("good", 201), ("defective", 301)]
    for row in chart.rows:
        counts = [int(bar.text.split()[0]) for bar in row.bars]
        assert sum(counts) == row.count
        called = np.asarray(scores[row.kind]) >= threshold
        wrong = called if row.kind == "good" else ~called
        assert sum(count for count, bar in zip(counts, row.bars) if bar.wrong) == wrong.sum()
        for bar in row.bars:
            right = bar.x >= chart.threshold.at - 0.01
            assert right or bar.x + bar.width <= chart.threshold.at
            assert bar.wrong == (right == (row.kind == "good"))
            assert row.base - bar.y == pytest.approx(bar.height)
        tallest = max(zip(counts, row.bars), key=lambda both: both[0])[1]
        assert tallest.height == max(bar.height for bar in row.bars) == 84
    assert chart.threshold.text == "0.3"


def test_scores_of_unknown_truth_are_one_row_and_none_is_wrong():
    chart = histogram({"": [0.1, 0.2, 0.9], "good": []}, 0.5)
    assert [(row.kind, row.count) for row in chart.rows] == [("", 3)]
    assert not any(bar.wrong for bar in chart.rows[0].bars)


def test_without_a_threshold_there_is_no_line():
    chart = histogram({"good": [0.1, 0.2]}, None)
    assert chart.threshold is None
    assert not any(bar.wrong for bar in chart.rows[0].bars)


@pytest.mark.parametrize("value", [0.0, 5.0, -1e-7, 1e6])
@pytest.mark.parametrize("threshold", [None, 0.0])
def test_scores_that_are_all_the_same_are_a_bar(value, threshold):
    chart = histogram({"good": [value] * 5}, threshold)
    (bar,) = chart.rows[0].bars
    assert bar.text.startswith("5 from ")
    assert bar.width > 0
    assert 0 <= bar.x <= chart.width


def test_no_scores_are_no_chart():
    assert histogram({"good": []}, 0.5) is None
    assert histogram({}, None) is None


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [
        (0, 1, ["0", "0.2", "0.4", "0.6", "0.8", "1"]),
        (-0.93, 0.21, ["-0.5", "0"]),
        (1, 500, ["100", "200", "300", "400", "500"]),
    ],
)
def test_ticks_are_round_and_within(low, high, texts):
    axis = Axis(low, high, 10, 110)
    ticks = axis.ticks()
    assert [tick.text for tick in ticks] == texts
    assert all(10 <= tick.at <= 110 for tick in ticks)
    assert (axis(low), axis(high)) == (10, 110)


def test_curves_rise_upwards_and_miss_what_was_not_evaluated():
    chart = curves("Figures", {"pixel AUROC": [(10, 0.5), (20, 0.9)], "AUPRO": []})
    (line,) = chart.lines
    (x0, y0), (x1, y1) = line.dots
    assert x0 < x1
    assert y0 > y1  # SVG's y goes downwards
    assert (line.title, line.last) == ("pixel AUROC", "0.9")
    assert line.points == f"{x0:g},{y0:g} {x1:g},{y1:g}"
    assert all(tick.text.isdigit() for tick in chart.x)
    assert curves("Figures", {"AUPRO": []}) is None


def test_one_epoch_and_a_constant_are_drawn():
    chart = curves("Loss", {"loss": [(1, 5.0)]})
    assert len(chart.lines[0].dots) == 1
    assert len(chart.y) > 1
    assert np.isfinite(chart.lines[0].dots).all()
