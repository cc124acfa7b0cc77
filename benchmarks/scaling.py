"""How this project's time and memory grow with cores, batch and picture size; and what more cores would bring."""

from collections.abc import Iterator
from dataclasses import replace
from statistics import median

from benchmarks import machine
from benchmarks.contestants import CONTESTANTS
from benchmarks.processes import Settings, Team
from benchmarks.results import Row, Table
from src.utils import log

BATCHES = (1, 2, 4, 8, 16, 32)
SIZES = (128, 256, 384, 512)
MORE_CORES = (4, 8, 16)  # whose times are computed where the machine has fewer
TIMES = ("step s", "a picture s")


def scaling(settings: Settings, backbone: str, name: str) -> Iterator[Table]:
    """Tables over cores, batches and picture sizes; what does not vary is as in `settings`.

    Args:
        name: the contestant.
    """
    most = machine.cores()
    counts = [2**power for power in range(most.bit_length()) if 2**power <= most]
    rows = {count: _measure(settings, backbone, name, count) for count in counts}
    who, size = f"{CONTESTANTS[name].title}, {backbone}", f"{settings.size} pixels"
    yield Table("cores", backbone, f"{who}, batch {settings.batch}, {size}, by cores", *by_cores(rows))
    batches = {f"batch {n}": _measure(replace(settings, batch=n), backbone, name, most, n) for n in BATCHES}
    yield Table("batches", backbone, f"{who}, {size}, {most} cores, by batch", batches)
    sizes = {f"{n} pixels": _measure(replace(settings, size=n), backbone, name, most) for n in SIZES}
    yield Table("sizes", backbone, f"{who}, batch {settings.batch}, {most} cores, by picture size", sizes)


def _measure(settings: Settings, backbone: str, name: str, cores: int, images: int = 1) -> Row:
    """Medians over the rounds of the seconds of a training step, and per picture of inference on so many images at a
    time; and the peak memory of that training. In a fresh process on so many cores."""
    with machine.limited_to(cores), Team(settings, backbone, settings.batch) as team:
        team.begin(name)
        step = median(machine.measure_quietly(lambda: team.step(name))[0] for _ in range(settings.rounds))
        memory = team.call(name, "peak_memory")
        found = [machine.measure_quietly(lambda: team.infer(name, images))[0] for _ in range(settings.rounds)]
    row = dict(zip(TIMES, (step, median(found)))) | {"training GB": memory / 1e9}
    log.info("%s, %d cores, batch %d, %d pixels: %s", backbone, cores, settings.batch, settings.size, row)
    return row


def by_cores(rows: dict[int, Row]) -> tuple[dict[str, Row], list[str]]:
    """The rows of a table over cores, and remarks; more cores are computed from one and the most that were measured.

    By Amdahl's law a time is `a + b / n` on n cores: b is what divides among them, a what does not.

    Args:
        rows: what was measured, by cores.
    """
    first, last = rows[1], max(rows)
    table = {f"{count} core{'s' if count > 1 else ''}": dict(row) for count, row in rows.items()}
    for row in table.values():
        row |= {f"ratio, {name}": row[name] / first[name] for name in TIMES}
    if last == 1:
        return table, ["One core says nothing of how time falls with more."]
    whole = {name: (first[name] - rows[last][name]) / (1 - 1 / last) for name in TIMES}
    for count in (count for count in MORE_CORES if count > last):
        foretold = {name: first[name] - whole[name] * (1 - 1 / count) for name in TIMES}
        ratios = {f"ratio, {name}": foretold[name] / first[name] for name in TIMES}
        table[f"{count} cores (computed)"] = foretold | {"training GB": None} | ratios
    shares = ", ".join(f"{100 * whole[name] / first[name]:.0f} % of {name.removesuffix(' s')}" for name in TIMES)
    return table, [
        f"Computed: Amdahl's law, from 1 and {last} cores, by which {shares} divides among the cores. That cores share "
        "the memory's bandwidth is not in it, so that many cores will bring less."
    ]
