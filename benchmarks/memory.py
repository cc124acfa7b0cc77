"""The memory that training and evaluation take, each contestant and purpose in a fresh process."""

import tempfile

from benchmarks.contestants import CONTESTANTS
from benchmarks.measures import make_testset
from benchmarks.process import Process
from benchmarks.tables import Row, Table
from benchmarks.team import Settings, Team
from src.utils import log

STEPS = 2  # after the first: the optimizer's state is there then
PURPOSES = ("training", "evaluation")


def with_network(settings: Settings, backbone: str, names: list[str]) -> Table:
    """Peak resident memory of training steps, and of a whole evaluation, per contestant."""
    rows: dict[str, Row] = {}
    for name in names:
        contestant = CONTESTANTS[name]
        rows[contestant.title] = {}
        for purpose in PURPOSES:
            if purpose == "training" or "evaluation" in contestant.measures:
                with Team(settings, backbone, settings.pictures if purpose == "training" else settings.batch) as team:
                    _work(team, name, purpose)
                    rows[contestant.title][f"{purpose} GB"] = team.call(name, "peak_memory") / 1e9
                log.info("memory, %s, %s: %.2f GB", name, purpose, rows[contestant.title][f"{purpose} GB"])
    for purpose in PURPOSES:
        add_ratios(rows, f"{purpose} GB", f"ratio, {purpose}")
    title = f"Peak resident memory, {backbone}, batch {settings.batch}, {settings.size} pixels"
    remarks = [
        f"Training: {STEPS + 1} steps, and the features of {settings.pictures} pictures where this project keeps "
        f"them (PyTorch, cached keeps one batch). Evaluation: {settings.test_pictures} pictures, from decoded pictures "
        "to figures."
    ]
    return Table("memory", backbone, title, rows, remarks)


def _work(team: Team, name: str, purpose: str) -> None:
    if purpose == "training":
        team.begin(name)
        for _ in range(STEPS):
            team.step(name)
    else:
        file = make_testset(team.settings, team.folder)
        team.call(name, "evaluate", variant=CONTESTANTS[name].variant, file=file)


def of_measuring(settings: Settings, names: list[str]) -> Table:
    """Peak resident memory from maps to figures."""
    ways = {"this": "this", "scikit_learn": "scikit_learn", "2022": "lists"}
    rows: dict[str, Row] = {}
    with tempfile.TemporaryDirectory() as folder:
        file = make_testset(settings, folder)
        for name, variant in ways.items():
            if name in names:
                with Process(name, settings.python, "measuring", settings.logs / "measuring.log") as process:
                    process.call("open", file=file)
                    process.call("measure", variant=variant)
                    rows[CONTESTANTS[name].title] = {"evaluation GB": process.call("peak_memory") / 1e9}
    add_ratios(rows, "evaluation GB", "ratio")
    title = f"Peak resident memory of evaluation without the network, {settings.test_pictures} pictures"
    return Table("memory", None, f"{title} of {settings.size} pixels", rows)


def add_ratios(rows: dict[str, Row], column: str, ratio: str) -> None:
    """A column over that of the first row, in place, where both are known."""
    base = next(iter(rows.values())).get(column)
    for row in rows.values():
        if base is not None and row.get(column) is not None:
            row[ratio] = row[column] / base
