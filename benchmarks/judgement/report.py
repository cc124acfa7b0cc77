"""The ablation's results for reading: two tables in Markdown, and the curves of each category as a picture."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.judgement.judging import SCORED, Judged, Steadiness
from benchmarks.judgement.rules import DEFAULT, MAP_RULES, ORIGINAL, SCORE_RULES
from src.utils import atomic_path

Results = dict[str, dict[str, list[Judged]]]  # recipe -> category -> a training per seed

NOTE = (
    "Figures are of the last evaluation, means over the seeds (with their standard deviation, S3, behind them). S1: "
    "best - last; S2: standard deviation of the last five evaluations; both are means over the seeds. The best of many "
    "evaluations is chosen on the test set: it is shown as S1 only."
)


def markdown(results: Results, facts: dict) -> str:
    """Both tables with what they are of."""
    categories = list(next(iter(results.values())))
    command = ", ".join(f"{name} {value}" for name, value in facts.items() if name not in ("output", "recipes"))
    return "\n\n".join(
        [
            "# Ablation",
            command,
            NOTE,
            "## Maps",
            _table(["recipe", "map", *_map_columns(categories)], _map_rows(results)),
            "## Scores",
            "Wrong: the share of wholly wrong pictures (black, white, noise, ...) that score above every good test "
            "picture; the kind that is found least often, and its share.",
            _table(["recipe", "map", "score", *_score_columns(categories)], _score_rows(results)),
        ]
    )


def _map_columns(categories: list[str]) -> list[str]:
    return [f"{c} {figure}" for c in categories for figure in ("pixel AUROC", "S1", "S2", "AP", "AUPRO")]


def _map_rows(results: Results) -> Iterator[list[str]]:
    for recipe, by_category in results.items():
        for rule in map(str, MAP_RULES):
            row = [recipe, rule]
            for runs in by_category.values():
                found = Steadiness.of([run.pixel_auc[rule] for run in runs])
                row += [_with_spread(found), f"{found.best_less_last:.4f}", f"{found.over_evaluations:.4f}"]
                row += [f"{np.mean([run.last[rule][name] for run in runs]):.4f}" for name in ("pixel_ap", "aupro")]
            yield row


def _score_columns(categories: list[str]) -> list[str]:
    return [f"{c} {figure}" for c in categories for figure in ("image AUROC", "S1", "S2", "wrong")]


def _score_rows(results: Results) -> Iterator[list[str]]:
    for recipe, by_category in results.items():
        for rule in map(str, SCORED):
            for score in SCORE_RULES:
                row = [recipe, rule, score]
                for runs in by_category.values():
                    found = Steadiness.of([run.image_auc[rule][score] for run in runs])
                    row += [_with_spread(found), f"{found.best_less_last:.4f}", f"{found.over_evaluations:.4f}"]
                    kinds = runs[0].wrong[rule][score]
                    shares = {kind: float(np.mean([run.wrong[rule][score][kind] for run in runs])) for kind in kinds}
                    least = min(shares, key=shares.get)
                    row.append(f"{least} {shares[least]:.2f}")
                yield row


def _with_spread(found: Steadiness) -> str:
    return f"{found.last:.4f}" + ("" if found.over_seeds is None else f" ± {found.over_seeds:.4f}")


def _table(columns: list[str], rows: Iterator[list[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write(folder: Path, text: str, results: Results) -> None:
    """Write ablation.md and ablation.png, each atomically."""
    with atomic_path(folder / "ablation.md") as path:
        path.write_text(text + "\n", encoding="utf-8")
    with atomic_path(folder / "ablation.png") as path:
        _draw(path, results)


def _draw(path: Path, results: Results) -> None:
    """Pixel AUROC over the epochs: a panel per category, a line per recipe and rule, the seeds' range behind it."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    categories = list(next(iter(results.values())))
    figure = Figure(figsize=(6.5 * len(categories), 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, category in zip(np.atleast_1d(figure.subplots(1, len(categories))), categories):
        for recipe, by_category in results.items():
            for rule, style in ((ORIGINAL, "--"), (DEFAULT, "-")):
                runs = by_category[category]
                curves = np.array([run.pixel_auc[str(rule)] for run in runs])
                (line,) = axes.plot(runs[0].epochs, curves.mean(0), style, label=f"{recipe}: {rule}")
                axes.fill_between(runs[0].epochs, curves.min(0), curves.max(0), color=line.get_color(), alpha=0.15)
        axes.set(title=category, xlabel="epoch", ylabel="pixel AUROC")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    figure.savefig(path, dpi=110)
