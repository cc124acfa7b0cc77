"""Tables, the picture and the command line."""

import pytest

from benchmarks import chart, run
from benchmarks.results import Table, document, shown
from src.utils import UserError


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


def test_the_bars_of_a_contestant_stand_together_and_have_the_tables_ratio():
    def row(seconds, ratio):
        return {"median s": seconds, "ratio": ratio}

    tables = [
        Table(
            "step", "resnet18", "", {"this": {"median s": 2.0, "ratio": 1.0}, "2022": {"median s": 6.0, "ratio": 2.9}}
        ),
        Table("step", "efficientnet_lite0", "", {"this": {"median s": 1.0, "ratio": 1.0}, "2022": {}}),
        Table("epoch", "resnet18", "", {"this": {"500 epochs s": 4.0}, "2022": {"500 epochs s": 6.0}}),
    ]
    bars = chart.bars_of(tables, "step", "median s")
    assert [(bar.contestant, bar.backbone, bar.value, bar.ratio) for bar in bars] == [
        ("this", "resnet18", 2.0, 1.0),
        ("this", "efficientnet_lite0", 1.0, 1.0),
        ("2022", "resnet18", 6.0, 2.9),
    ]
    assert [bar.ratio for bar in chart.bars_of(tables, "epoch", "500 epochs s")] == [1.0, 1.5]


def test_nothing_to_draw_is_no_picture(tmp_path):
    chart.draw(tmp_path / "results.png", [Table("convolution", None, "One", {})], {})
    assert list(tmp_path.iterdir()) == []


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
        run.parse(arguments)
