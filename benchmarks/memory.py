"""The measurements of memory: what training and evaluation take, each in a fresh process."""

import tempfile

from benchmarks.contestants import CONTESTANTS
from benchmarks.measurements import WAYS, make_test_set
from benchmarks.processes import Process, Settings, Team
from benchmarks.results import Row, Table
from src.utils import log

STEPS = 2  # after the first one; the optimizer's state is in memory then
PURPOSES = ("training", "evaluation")


def with_network(settings: Settings, backbone: str, names: list[str]) -> Table:
    """Peak resident memory of training steps, and of an evaluation from decoded pictures, per contestant."""
    rows: dict[str, Row] = {}
    for name in names:
        contestant = CONTESTANTS[name]
        rows[contestant.title] = {}
        for purpose in PURPOSES:
            if purpose == "training" or "evaluation" in contestant.measures:
                peak = _peak(settings, backbone, name, purpose) / 1e9
                rows[contestant.title][f"{purpose} GB"] = peak
                log.info("memory, %s, %s: %.2f GB", name, purpose, peak)
    for purpose in PURPOSES:
        add_ratios(rows, f"{purpose} GB", f"ratio, {purpose}")
    title = f"Peak resident memory, {backbone}, batch {settings.batch}, {settings.size} pixels"
    remarks = [
        f"Training: {STEPS + 1} steps, and the features of {settings.pictures} pictures where this project keeps "
        f"them (PyTorch, cached keeps one batch). Evaluation: {settings.test_pictures} pictures, from decoded pictures "
        "to figures."
    ]
    return Table("memory", backbone, title, rows, remarks)


def _peak(settings: Settings, backbone: str, name: str, purpose: str) -> int:
    """Bytes that a contestant takes for one of the `PURPOSES`."""
    pictures = settings.pictures if purpose == "training" else settings.batch
    with Team(settings, backbone, pictures) as team:
        if purpose == "training":
            team.begin(name)
            for _ in range(STEPS):
                team.step(name)
        else:
            team.evaluate(name, make_test_set(settings, team.folder))
        return team.call(name, "peak_memory")


def without_network(settings: Settings, names: list[str]) -> Table:
    """Peak resident memory from maps to figures, by each contestant's first way in `WAYS`."""
    variants: dict[str, str] = {}
    for name, variant in WAYS.values():
        variants.setdefault(name, variant)
    rows: dict[str, Row] = {}
    with tempfile.TemporaryDirectory() as folder:
        file = make_test_set(settings, folder)
        for name, variant in variants.items():
            if name in names:
                with Process(name, settings.python, "scoring", settings.logs) as process:
                    process.call("open", file=file)
                    process.call("measure", variant=variant)
                    rows[CONTESTANTS[name].title] = {"evaluation GB": process.call("peak_memory") / 1e9}
    add_ratios(rows, "evaluation GB", "ratio")
    title = f"Peak resident memory of evaluation without the network, {settings.test_pictures} pictures"
    return Table("memory", None, f"{title} of {settings.size} pixels", rows)


def add_ratios(rows: dict[str, Row], column: str, ratio: str) -> None:
    """Add a column `ratio` in place: `column` over that of the first row, in every row where both are known."""
    base = next(iter(rows.values())).get(column)
    for row in rows.values():
        if base is not None and row.get(column) is not None:
            row[ratio] = row[column] / base
