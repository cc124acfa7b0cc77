"""The curves of a training: its loss and its figures over the epochs."""

from pathlib import Path

from src.metrics import METRICS
from src.utils import atomic_path


def save_curves(path: Path, losses: list[float], history: list[dict]) -> None:
    """Write the loss per epoch and, where there are any, the figures of the evaluations as one picture."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    curves = {}
    for metric in (metric for metric in METRICS if metric.curve):
        points = [(record["epoch"], record[metric.name]) for record in history if record.get(metric.name) is not None]
        if points:
            curves[metric.title] = points
    figure = Figure(figsize=(9 if curves else 4.5, 3.5), layout="constrained")
    FigureCanvasAgg(figure)
    left, *right = figure.subplots(1, 2 if curves else 1, squeeze=False)[0]
    left.plot(range(1, len(losses) + 1), losses, color="tab:blue")
    left.set(xlabel="epoch", ylabel="negative log-likelihood", title="training loss")
    for axes in right:
        for title, points in curves.items():
            axes.plot(*zip(*points), marker="o", markersize=3, label=title)
        axes.set(xlabel="epoch", title="on the test set, for looking")
        axes.legend()
    for axes in (left, *right):
        axes.grid(alpha=0.3)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110)
