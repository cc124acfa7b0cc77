"""The measurements of time. Each gives a table, or several; none writes a file."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks import machine
from benchmarks.contestants import ANOMALIB_BACKBONES, CONTESTANTS
from benchmarks.processes import Process, Settings, Team
from benchmarks.results import Row, Table
from benchmarks.rounds import Rounds, alternate, summary
from benchmarks.workers import scoring
from src.utils import log

EPOCHS = (1, 10, 100, 500)
BATCHES = (1, 8)  # of inference
WAYS = {  # from maps to figures: a title -> the contestant, and the variant of the worker `scoring`
    "this, every figure of eval.py": ("this", "this"),
    "this, pixel AUROC and AP": ("this", "this_two"),
    "scikit-learn, pixel AUROC and AP": ("scikit_learn", "scikit_learn"),
    "2022, pixel AUROC of Python lists": ("2022", "lists"),
}
WHOLE_BACKBONES = ("resnet18", "efficientnet_lite0")  # whose evaluation is also measured with the network


def convolution(settings: Settings) -> Table:
    """Seconds of one convolution with oneDNN limited to AVX2, as here without kernels, and as MindSpore leaves it."""
    title = (
        f"One 3x3 convolution in MindSpore, 128 to 256 channels, batch {settings.batch}, {settings.conv_size} pixels"
    )
    if not machine.has_avx512():
        return Table("convolution", None, title, {}, ["This processor has no AVX-512: MindSpore is not slow here."])
    limits = {"limited to AVX2 (this, no kernels)": None, "MindSpore's default": "DEFAULT"}
    times = {}
    for name, limit in limits.items():
        environment = {"ONEDNN_MAX_CPU_ISA": limit}
        with Process(name, settings.python, "this mindspore", settings.logs, environment) as process:
            times[name] = [process.call("convolve", batch=settings.batch, size=settings.conv_size)]
        log.info("convolution: %s: %.3f s", name, times[name][0])
    return Table("convolution", None, title, summary(times), ["One forward pass each, compiled beforehand."], times)


def step(team: Team, names: list[str]) -> Table:
    """Seconds per training step. The first step, which may compile, has a column of its own."""
    settings = team.settings
    _begin(team, names)
    found = alternate(names, settings.rounds, team.step, f"step, {team.backbone}")
    rows = summary(found.times)
    for name, row in rows.items():
        row["first step s"] = team.begin(name).get("first_step")
    title = f"Training step, {team.backbone}, batch {settings.batch}, {settings.size} pixels"
    return _table("step", team, title, rows, found, _remarks(team, names))


def epoch(team: Team, names: list[str]) -> Table:
    """Seconds per epoch, from as many steps as it has, measured in turn; and from these what a training takes."""
    settings = team.settings
    _begin(team, names)
    steps = -(-settings.pictures // settings.batch)
    found = alternate(names, steps, team.step, f"epoch, {team.backbone}")
    rows = epoch_rows(found.times, {name: team.once[name] for name in names})
    remarks = [
        f"{steps} steps, measured. What is done once: encoding all pictures (where their features are kept), and "
        f"compiling (the first step less a later one). {', '.join(map(str, EPOCHS))} epochs: computed from these."
    ]
    if {"this", "this_no_cache"} <= set(names):
        remarks.append(break_even(rows["this"], rows["this_no_cache"]))
    title = f"Epoch of {settings.pictures} pictures, {team.backbone}, batch {settings.batch}, {settings.size} pixels"
    return _table("epoch", team, title, rows, found, remarks + _remarks(team, names))


def _begin(team: Team, names: list[str]) -> None:
    for name in names:
        log.info("%s: %s begins", team.backbone, name)
        team.begin(name)


def epoch_rows(times: dict[str, list[float]], once: dict[str, dict[str, float]]) -> dict[str, Row]:
    """The rows of `epoch`; ratios are to the first contestant.

    Args:
        times: per contestant the seconds of each step of an epoch.
        once: per contestant the seconds of what it did once, as `Team.begin` gives them.
    """
    compiling = {}  # by worker
    for name, done in once.items():
        if "first_step" in done:
            later = sum(times[name]) / len(times[name])
            compiling[CONTESTANTS[name].worker] = max(0.0, done["first_step"] - later)
    base = sum(next(iter(times.values())))
    rows = {}
    for name, seconds in times.items():
        total = sum(seconds)
        row: Row = {"epoch s": total, "ratio": total / base, "encoding once s": once[name].get("encoding")}
        row["compiling once s"] = compiling.get(CONTESTANTS[name].worker)
        begun = (row["encoding once s"] or 0) + (row["compiling once s"] or 0)
        rows[name] = row | {f"{n} epoch{'s' if n > 1 else ''} s": begun + n * total for n in EPOCHS}
    return rows


def break_even(cached: Row, encoded: Row) -> str:
    """A sentence that says from which epoch on keeping the features is ahead of encoding anew."""
    saved = encoded["epoch s"] - cached["epoch s"]
    if saved <= 0:
        return "Keeping the features saved nothing here."
    return f"Keeping the features is ahead after {cached['encoding once s'] / saved:.1f} epochs."


def inference(team: Team, names: list[str]) -> Iterator[Table]:
    """Seconds per picture, from a normalised batch to map and score as arrays; a table per batch size."""
    for batch in BATCHES:
        found = alternate(
            names,
            team.settings.rounds,
            lambda name, batch=batch: team.infer(name, batch),
            f"inference, {team.backbone}, batch {batch}",
        )
        title = f"Inference, seconds per picture, {team.backbone}, batch {batch}, {team.settings.size} pixels"
        remarks = _remarks(team, names)
        yield _table(f"inference, batch {batch}", team, title, summary(found.times), found, remarks)


def evaluation(settings: Settings, names: list[str]) -> Table:
    """Seconds from maps to figures."""
    chosen = {title: variant for title, (name, variant) in WAYS.items() if name in names}
    with tempfile.TemporaryDirectory() as folder:
        file = make_test_set(settings, folder)
        with Process("evaluation", settings.python, "scoring", settings.logs) as process:
            process.call("open", file=file)
            found = alternate(
                list(chosen),
                settings.rounds,
                lambda title: process.call("measure", variant=chosen[title]),
                "evaluation",
            )
    title = f"Evaluation without the network, {settings.test_pictures} pictures of {settings.size} pixels"
    remark = "Every figure: AUROC, AP, F1-max and AUPRO, of pixels and of pictures, in all and per defect type."
    return Table("evaluation", None, title, summary(found.times), [remark, *found.remarks()], found.times)


def whole_evaluation(team: Team, names: list[str]) -> Table:
    """Seconds from decoded pictures to figures, forward passes included."""
    settings = team.settings
    file = make_test_set(settings, team.folder)
    found = alternate(
        names,
        settings.rounds,
        lambda name: team.evaluate(name, file),
        f"evaluation with the network, {team.backbone}",
    )
    title = f"Evaluation with the network, {team.backbone}, {settings.test_pictures} pictures of {settings.size} pixels"
    remark = (
        "this, with kernels or without: every figure of eval.py; PyTorch: pixel AUROC and AP by scikit-learn; "
        "2022: pixel AUROC of lists."
    )
    return _table("whole evaluation", team, title, summary(found.times), found, [remark])


def make_test_set(settings: Settings, folder: str) -> str:
    """Write masks and maps for an evaluation into a folder; the file's path."""
    file = Path(folder) / "test_set.npz"
    scoring.make_test_set(file, settings.test_pictures, settings.size)
    return str(file)


def _remarks(team: Team, names: list[str]) -> list[str]:
    missing = "anomalib" not in names and team.backbone not in ANOMALIB_BACKBONES
    return [f"anomalib's FastFlow has no {team.backbone}."] if missing else []


def _table(measure: str, team: Team, title: str, rows: dict[str, Row], found: Rounds, remarks: list[str]) -> Table:
    """A table of a team's measurement, from rows by contestants' names."""
    return Table(
        measure,
        team.backbone,
        title,
        {CONTESTANTS[name].title: row for name, row in rows.items()},
        remarks + found.remarks(),
        {CONTESTANTS[name].title: seconds for name, seconds in found.times.items()},
    )
