"""The tables as one picture: a panel per measurement, with bars of the ratio to the first contestant."""

from dataclasses import dataclass
from pathlib import Path

from benchmarks.results import Table, shown
from src.utils import atomic_path

PANELS = {  # measurement and column -> the panel's title and the unit of its labels
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
COLOURS = {
    "wide_resnet50_2": "#4477aa",
    "resnet50": "#aa3377",
    "resnet18": "#66ccee",
    "efficientnet_lite0": "#ccbb44",
    "efficientnet_lite1": "#228833",
    "efficientnet_lite2": "#ee6677",
    None: "#777777",
}
BAR_HEIGHT = 0.27  # inches


@dataclass(frozen=True)
class Bar:
    """One bar of a panel: a contestant's title, the encoder if there is one, its value, and the ratio that is drawn."""

    contestant: str
    backbone: str | None
    value: float
    ratio: float


@dataclass(frozen=True)
class Panel:
    """The bars of one measurement, from above."""

    title: str
    unit: str
    bars: list[Bar]


def bars_of(tables: list[Table], measure: str, column: str) -> list[Bar]:
    """The bars of a panel; those of one contestant stand together."""
    bars = []
    for table in tables:
        values = {name: row[column] for name, row in table.rows.items() if row.get(column) is not None}
        if table.measure != measure or not values:
            continue
        base = next(iter(values.values()))
        for name, value in values.items():
            # A table's own ratio is that of its medians' column.
            ratio = table.rows[name]["ratio"] if column == "median s" else value / base
            bars.append(Bar(name, table.backbone, value, ratio))
    order = list(dict.fromkeys(bar.contestant for bar in bars))
    return sorted(bars, key=lambda bar: order.index(bar.contestant))


def draw(file: Path, tables: list[Table], facts: dict) -> None:
    """Write the picture (PNG), unless no table has anything to draw."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    panels = []
    for (measure, column), (title, unit) in PANELS.items():
        if bars := bars_of(tables, measure, column):
            panels.append(Panel(title, unit, bars))
    if not panels:
        return
    pairs = [panels[i : i + 2] for i in range(0, len(panels), 2)]
    heights = [max(len(panel.bars) for panel in pair) * BAR_HEIGHT + 0.6 for pair in pairs]
    figure = Figure(figsize=(13, sum(heights) + 1.1), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(len(pairs), 2, squeeze=False, gridspec_kw={"height_ratios": heights})
    for axes_pair, pair in zip(grid, pairs):
        for axes in axes_pair[len(pair) :]:
            axes.set_axis_off()
        for axes, panel in zip(axes_pair, pair):
            _draw_panel(axes, panel)
    encoders = [name for name in COLOURS if name and any(table.backbone == name for table in tables)]
    if encoders:
        handles = [Patch(color=COLOURS[name], label=name) for name in encoders]
        figure.legend(handles=handles, loc="outside upper right", ncols=len(handles), frameon=False)
    machine = facts["machine"]
    title = f"times the first bar of each encoder (less is better); {machine['processor']}, {machine['cores']} cores"
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    with atomic_path(file) as path:
        figure.savefig(path, dpi=110)


def _draw_panel(axes, panel: Panel) -> None:
    """Bars with value and ratio beside them; a contestant is named at its first bar."""
    ratios = [bar.ratio for bar in panel.bars]
    places = range(len(panel.bars))
    axes.barh(places, ratios, color=[COLOURS[bar.backbone] for bar in panel.bars], height=0.8)
    names = []
    for place, bar in enumerate(panel.bars):
        axes.annotate(
            f"{shown('', bar.value)} {panel.unit}, {shown('ratio', bar.ratio)}",
            (bar.ratio, place),
            (3, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},  # hides the line at ratio 1
            zorder=3,
        )
        names.append("" if bar.contestant in names else bar.contestant)
    axes.set_yticks(places, names, fontsize=9)
    axes.set_ylim(len(panel.bars) - 0.4, -0.6)
    if max(ratios) > 20 * min(ratios):
        axes.set_xscale("log")
        axes.set_xlim(min(ratios) / 1.5, max(ratios) * 6)
    else:
        axes.set_xlim(0, max(ratios) * 1.35)
    axes.set_title(panel.title, fontsize=10, loc="left")
    axes.axvline(1, color="black", linewidth=0.5, alpha=0.5, zorder=0)
    axes.spines[["top", "right"]].set_visible(False)
