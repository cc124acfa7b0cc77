"""The tables as one picture: a panel per measurement, bars of the ratio to the first contestant."""

from pathlib import Path

from benchmarks.tables import Table, shown
from src.utils import atomic_path

PANELS = {  # measure and column -> the panel's title and the unit of its labels
    ("convolution", "median s"): ("one convolution", "s"),
    ("step", "median s"): ("training step", "s"),
    ("epoch", "500 epochs s"): ("500 epochs", "s"),
    ("inference, batch 1", "median s"): ("inference, batch 1, per picture", "s"),
    ("inference, batch 8", "median s"): ("inference, batch 8, per picture", "s"),
    ("evaluation", "median s"): ("evaluation without the network", "s"),
    ("whole evaluation", "median s"): ("evaluation with the network", "s"),
    ("memory", "training GB"): ("peak memory of training", "GB"),
    ("memory", "evaluation GB"): ("peak memory of evaluation", "GB"),
}
COLOURS = {"wide_resnet50_2": "#4477aa", "resnet18": "#66ccee", "efficientnet_lite0": "#ccbb44", None: "#777777"}
BAR = 0.27  # inches


def bars(tables: list[Table], measure: str, column: str) -> list[tuple[str, str | None, float, float]]:
    """A panel's bars from above: contestant, encoder, value, and its ratio to the table's first."""
    found = []
    for table in tables:
        values = {name: row[column] for name, row in table.rows.items() if row.get(column) is not None}
        if table.measure != measure or not values:
            continue
        base = next(iter(values.values()))
        for name, value in values.items():  # the table's own ratio, where it has one of this column
            ratio = table.rows[name]["ratio"] if column == "median s" else value / base
            found.append((name, table.backbone, value, ratio))
    order = list(dict.fromkeys(name for name, *_ in found))
    return sorted(found, key=lambda bar: order.index(bar[0]))


def draw(file: Path, tables: list[Table], facts: dict) -> None:
    """Write the picture (PNG)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    panels = {title: (bars(tables, *key), unit) for key, (title, unit) in PANELS.items()}
    panels = {title: (found, unit) for title, (found, unit) in panels.items() if found}
    if not panels:
        return
    pairs = [list(panels.items())[i : i + 2] for i in range(0, len(panels), 2)]
    heights = [max(len(found) for _, (found, _) in pair) * BAR + 0.6 for pair in pairs]
    figure = Figure(figsize=(13, sum(heights) + 1.1), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(len(pairs), 2, squeeze=False, gridspec_kw={"height_ratios": heights})
    for axes_pair, pair in zip(grid, pairs):
        for axes in axes_pair[len(pair) :]:
            axes.set_axis_off()
        for axes, (title, (found, unit)) in zip(axes_pair, pair):
            _panel(axes, title, found, unit)
    encoders = [name for name in COLOURS if name and any(table.backbone == name for table in tables)]
    if encoders:
        handles = [Patch(color=COLOURS[name], label=name) for name in encoders]
        figure.legend(handles=handles, loc="outside upper right", ncols=len(handles), frameon=False)
    machine = facts["machine"]
    figure.suptitle(
        f"times the first bar of each encoder (less is better); {machine['processor']}, {machine['cores']} cores",
        x=0.01,
        ha="left",
        fontsize=11,
    )
    with atomic_path(file) as path:
        figure.savefig(path, dpi=110)


def _panel(axes, title: str, found: list[tuple[str, str | None, float, float]], unit: str) -> None:
    """Bars with the value and its ratio beside them; a contestant is named at its first bar."""
    ratios = [ratio for *_, ratio in found]
    places = range(len(found))
    axes.barh(places, ratios, color=[COLOURS[encoder] for _, encoder, _, _ in found], height=0.8)
    for place, (_, _, value, ratio) in zip(places, found):
        axes.annotate(
            f"{shown('', value)} {unit}, {shown('ratio', ratio)}",
            (ratio, place),
            (3, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},  # hides the line at ratio 1
            zorder=3,
        )
    names = [name if i == 0 or found[i - 1][0] != name else "" for i, (name, *_) in enumerate(found)]
    axes.set_yticks(places, names, fontsize=9)
    axes.set_ylim(len(found) - 0.4, -0.6)
    if max(ratios) > 20 * min(ratios):
        axes.set_xscale("log")
        axes.set_xlim(min(ratios) / 1.5, max(ratios) * 6)
    else:
        axes.set_xlim(0, max(ratios) * 1.35)
    axes.set_title(title, fontsize=10, loc="left")
    axes.axvline(1, color="black", linewidth=0.5, alpha=0.5, zorder=0)
    axes.spines[["top", "right"]].set_visible(False)
