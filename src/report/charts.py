"""The shapes of a report's charts in the coordinates of an SVG; the templates draw them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

BINS = 48  # of a histogram, about


@dataclass(frozen=True)
class Tick:
    """A mark of an axis: where, and its text."""

    at: float
    text: str


@dataclass(frozen=True)
class Axis:
    """Values from `low` to `high` on `start` to `end`, in the SVG's units."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Where a value is."""
        return round(self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start), 2)

    def ticks(self, count: int = 5) -> list[Tick]:
        """About so many round values."""
        rough = (self.high - self.low) / count
        unit = 10.0 ** math.floor(math.log10(rough))
        step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough * 0.999)
        values = [step * i for i in range(math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9) + 1)]
        return [Tick(self(value), f"{round(value, 12):.6g}") for value in values]


@dataclass(frozen=True)
class Bar:
    """A bar of a histogram: its rectangle, its text, and whether its pictures are called wrongly."""

    x: float
    y: float
    width: float
    height: float
    text: str
    wrong: bool


@dataclass(frozen=True)
class Row:
    """A histogram of one kind of pictures: what they are, how many, the line it stands on, and its bars."""

    kind: str
    count: int
    base: float
    bars: list[Bar]


@dataclass(frozen=True)
class Histogram:
    """Histograms of scores under each other, over one axis. `threshold`: where it is, and its value as a text."""

    width: int
    height: int
    rows: list[Row]
    ticks: list[Tick]
    threshold: Tick | None


def histogram(scores: Mapping[str, Sequence[float]], threshold: float | None) -> Histogram | None:
    """The scores of pictures by what they are in truth ("" where it is not known); None where there are none.

    Bins begin at the threshold, so that none holds pictures of both verdicts.
    """
    kinds = {kind: np.sort(np.asarray(values, np.float64)) for kind, values in scores.items() if len(values)}
    if not kinds:
        return None
    everything = np.concatenate([*kinds.values(), *([] if threshold is None else [np.array([threshold])])])
    low, high = float(everything.min()), float(everything.max())
    origin = low if threshold is None else threshold
    step = (high - low) / BINS or max(abs(high), 1.0) / BINS
    first, last = math.floor((low - origin) / step), math.floor((high - origin) / step) + 1
    axis = Axis(origin + first * step, origin + last * step, 12, 628)
    rows, top, tall = [], 44, 84
    for kind in sorted(kinds, reverse=True):  # good before defective
        values = kinds[kind]
        places = np.floor((values - origin) / step).astype(int)
        if threshold is not None:  # what rounding might put on the other side of the threshold
            places = np.where(values >= threshold, np.maximum(places, 0), np.minimum(places, -1))
        found, counts = np.unique(places, return_counts=True)
        base, most = top + tall, counts.max()
        bars = []
        for place, count in zip(found.tolist(), counts.tolist()):
            begin, end = axis(origin + place * step), axis(origin + (place + 1) * step)
            height = max(2.0, round(tall * count / most, 2))
            text = f"{count} from {origin + place * step:.4g} to {origin + (place + 1) * step:.4g}"
            wrong = threshold is not None and bool(kind) and (place >= 0) != (kind == "defective")
            bars.append(Bar(begin, base - height, max(0.5, round(end - begin - 1, 2)), height, text, wrong))
        rows.append(Row(kind, len(values), base, bars))
        top = base + 40
    mark = None if threshold is None else Tick(axis(threshold), f"{threshold:.4g}")
    return Histogram(640, rows[-1].base + 36, rows, axis.ticks(6), mark)


@dataclass(frozen=True)
class Line:
    """A curve: its title, its points "x,y x,y", the same apart, and the last value as a text."""

    title: str
    points: str
    dots: list[tuple[float, float]]
    last: str


@dataclass(frozen=True)
class Lines:
    """Curves over the epochs of a training, on common axes."""

    title: str
    lines: list[Line]
    x: list[Tick]
    y: list[Tick]
    width: int = 460
    height: int = 220
    left: int = field(default=64)


def curves(title: str, values: Mapping[str, Sequence[tuple[float, float]]]) -> Lines | None:
    """Curves by title, of points (epoch, value); None where there is no point."""
    values = {name: points for name, points in values.items() if points}
    if not values:
        return None
    epochs, heights = zip(*(point for points in values.values() for point in points))
    low, high = min(heights), max(heights)
    room = (high - low) * 0.05 or max(abs(high) * 0.05, 0.01)
    x = Axis(min(1, *epochs), max(2, *epochs), 64, 448)
    y = Axis(low - room, high + room, 184, 12)
    lines = []
    for name, points in values.items():
        places = [(x(epoch), y(height)) for epoch, height in points]
        dots = places if len(places) <= 60 else []
        lines.append(Line(name, " ".join(f"{a:g},{b:g}" for a, b in places), dots, f"{points[-1][1]:.4g}"))
    whole = [tick for tick in x.ticks(6) if tick.text.isdigit()]  # there is no half an epoch
    return Lines(title, lines, whole, y.ticks(4))
