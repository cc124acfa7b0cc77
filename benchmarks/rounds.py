"""Contestants measured in turn, so that whatever else the machine does meets all of them; a summary of their times."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks import machine
from src.utils import log


@dataclass(frozen=True)
class Rounds:
    """What `alternate` measured.

    Attributes:
        times: per contestant its seconds in each round.
        others: the largest share of the processor that other programs had during a measurement.
    """

    times: dict[str, list[float]]
    others: float

    def remarks(self) -> list[str]:
        """A sentence for the table if the machine was not quiet."""
        if self.others <= machine.QUIET:
            return []
        return [f"Not quiet: other programs had up to {100 * self.others:.0f} % of the processor; measure again."]


def alternate(names: Sequence[str], rounds: int, measure: Callable[[str], float], title: str) -> Rounds:
    """Measure each contestant once per round. Every round begins with the next contestant.

    Args:
        names: of the contestants.
        rounds: how many.
        measure: a contestant's name -> seconds.
        title: of the lines on the screen.
    """
    times: dict[str, list[float]] = {name: [] for name in names}
    most = 0.0
    for i in range(rounds):
        first = i % len(names)
        for name in (*names[first:], *names[:first]):
            seconds, others = machine.measure_quietly(lambda name=name: measure(name))
            times[name].append(seconds)
            most = max(most, others)
        found = ", ".join(f"{name} {times[name][-1]:.3f} s" for name in names)
        log.info("%s, round %d of %d: %s", title, i + 1, rounds, found)
    return Rounds(times, most)


def summary(times: dict[str, list[float]], base: str | None = None) -> dict[str, dict[str, float]]:
    """Per contestant its median and least seconds, and the median over the rounds of its time over the base's.

    Args:
        times: per contestant its seconds in each round.
        base: the contestant whose ratio is 1; by default the first.
    """
    of_base = times[base or next(iter(times))]
    return {
        name: {
            "median s": median(seconds),
            "min s": min(seconds),
            "ratio": median(one / other for one, other in zip(seconds, of_base, strict=True)),
        }
        for name, seconds in times.items()
    }
