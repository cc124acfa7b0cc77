"""The course of a training and where it ended: its loss, its figures over the epochs, and scores at the threshold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from src.metrics import METRICS
from src.utils import atomic_path

BINS = 30  # of the histogram


@dataclass(frozen=True)
class Course:
    """What is drawn of a training.

    Attributes:
        losses: per epoch, the negative log-likelihood of a picture's features.
        dimensions: how many features a picture has; the loss is drawn for one of them, so that encoders and picture
            sizes compare.
        history: the figures of each evaluation.
        scores: of pictures, by what they are ("held-out good pictures", "defective test pictures").
        threshold: from which a score is defective; None where it is not known.
    """

    losses: Sequence[float]
    dimensions: int
    history: Sequence[Mapping[str, Any]]
    scores: Mapping[str, Sequence[float]]
    threshold: float | None


def save_curves(path: Path, course: Course) -> None:
    """Write the curves of a training as one picture."""
    with atomic_path(path) as temporary:
        curves_of(course).savefig(temporary, dpi=110)


def curves_of(course: Course) -> Any:
    """matplotlib's figure with a plot for each of loss, figures and scores of which there is something to draw."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    curves = {}
    for metric in (metric for metric in METRICS if metric.curve):
        points = [(each["epoch"], each[metric.name]) for each in course.history if each.get(metric.name) is not None]
        if points:
            curves[metric.title] = points
    scores = {name: values for name, values in course.scores.items() if len(values)}
    parts = [_draw_loss] * bool(course.losses) + [_draw_figures] * bool(curves) + [_draw_scores] * bool(scores)
    figure = Figure(figsize=(4.5 * len(parts), 3.5), layout="constrained")
    FigureCanvasAgg(figure)
    for draw, axes in zip(parts, figure.subplots(1, len(parts), squeeze=False)[0]):
        axes.grid(alpha=0.3)
        draw(axes, course, curves, scores)
    return figure


def _draw_loss(axes: Any, course: Course, _curves: Mapping, _scores: Mapping) -> None:
    per_dimension = np.array(course.losses) / course.dimensions
    few = len(per_dimension) < 20  # a line needs two points, and few ones are seen better
    axes.plot(
        range(1, len(per_dimension) + 1), per_dimension, color="tab:blue", marker="o" if few else None, markersize=3
    )
    axes.set(xlabel="epoch", ylabel="negative log-likelihood per dimension", title="training loss")
    _whole_epochs(axes)


def _draw_figures(axes: Any, _course: Course, curves: Mapping[str, list], _scores: Mapping) -> None:
    for title, points in curves.items():
        axes.plot(*zip(*points), marker="o", markersize=3, label=title)
    axes.set(xlabel="epoch", title="on the test set, for looking")
    axes.legend()
    _whole_epochs(axes)


def _draw_scores(axes: Any, course: Course, _curves: Mapping, scores: Mapping[str, Sequence[float]]) -> None:
    shown = [value for values in scores.values() for value in values]
    shown += [] if course.threshold is None else [course.threshold]
    bins = np.histogram_bin_edges(np.array(shown, np.float64), BINS)
    for name, values in scores.items():
        colour = "tab:red" if "defective" in name else "tab:green" if "test" in name else "tab:blue"
        axes.hist(values, bins, color=colour, alpha=0.5, label=f"{name} ({len(values)})")
    if course.threshold is not None:
        axes.axvline(course.threshold, color="black", linestyle="--", label=f"threshold {course.threshold:.3f}")
    axes.set(xlabel="score", ylabel="pictures", title="scores of the last epoch")
    axes.set_ylim(top=1.45 * axes.get_ylim()[1])  # room for the legend
    axes.legend(fontsize="small", loc="upper right")


def _whole_epochs(axes: Any) -> None:
    from matplotlib.ticker import MaxNLocator

    low, high = axes.get_xlim()
    axes.set_xlim(min(low, high - 1.5), max(high, low + 1.5))  # around a single epoch
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
