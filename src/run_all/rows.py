"""The figures of one category as a row of the table: of one run, or the mean and the spread over several seeds."""

import statistics
from collections.abc import Iterable, Mapping, Sequence

from src.metrics import METRICS
from src.run_all import published

BEST = {"pixel_auc": "best pixel AUROC", "image_auc": "image AUROC there", "epoch": "at epoch"}
Row = dict[str, float | None]  # figures by column name, None where one is not defined


def row_of(category: str, trained: Mapping, evaluated: Mapping, comparable: bool) -> Row:
    """One run's figures, from the JSON of training and of evaluation; the best on the test set only where training
    used the evaluation's mask protocol.

    Args:
        comparable: whether the published figures may stand beside it.
    """
    best = trained["best_on_test"] if trained["gt_protocol"] == evaluated["gt_protocol"] else None
    row = {metric.name: evaluated["metrics"].get(metric.name) for metric in METRICS} | {"seconds": trained["seconds"]}
    row |= {f"best_{name}": (best or {}).get(name) for name in BEST}
    if comparable and category in published.PIXEL_AUC:
        row["published_pixel_auc"] = published.PIXEL_AUC[category]
    return row


def row_of_all(rows: Sequence[Row]) -> Row:
    """The row of a category's runs: of one run all of it, of several the means; None where one run lacks the figure."""
    return rows[0] if len(rows) == 1 else dict.fromkeys(rows[0]) | mean(rows)


def mean(rows: Sequence[Row]) -> Row:
    """The mean of every figure that all rows have."""
    return {name: statistics.fmean(values) for name, values in _common(rows)}


def spread(rows: Sequence[Row]) -> Row:
    """The standard deviation (n - 1) of every figure that all rows have, of two rows or more."""
    common = _common(rows) if len(rows) > 1 else ()
    return {name: statistics.stdev(values) for name, values in common if name != "published_pixel_auc"}


def spread_of_means(by_seed: Iterable[Sequence[Row]]) -> Row:
    """How far the mean over categories differs from seed to seed.

    Args:
        by_seed: for each seed the rows of all categories.
    """
    return spread([mean(rows) for rows in by_seed])


def _common(rows: Sequence[Row]) -> list[tuple[str, list[float]]]:
    """The values of every figure that all rows have; a mean of numbers of epochs would say nothing."""
    names = [name for name in (rows[0] if rows else {}) if all(row.get(name) is not None for row in rows)]
    return [(name, [row[name] for row in rows]) for name in names if name != "best_epoch"]
