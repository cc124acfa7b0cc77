"""The figures of an evaluation: AUROC, AP, F1-max and AUPRO of pixels and pictures, computed from exact counts."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from src import hidden
from src.counts import Arrays, Counts, count
from src.full_masks import SeenMasks

FPR_LIMIT = 0.3  # of AUPRO, as MVTec's own evaluation integrates
EIGHT_CONNECTED = np.ones((3, 3), bool)


def auroc(counts: Counts) -> float:
    """Area under the ROC curve: the chance that a positive outscores a negative, ties counting one half."""
    gained = np.diff(counts.true_positives, prepend=0)
    outscored = counts.negatives - 0.5 * (counts.false_positives + counts.above)
    return float(gained @ outscored / (counts.positives * counts.negatives))


def average_precision(counts: Counts) -> float:
    """Precision at each threshold, weighted by the recall gained there (no interpolation, as scikit-learn)."""
    gained = np.diff(counts.true_positives, prepend=0)
    precision = counts.true_positives / (counts.true_positives + counts.false_positives)
    return float(gained @ precision / counts.positives)


def _f1(counts: Counts) -> np.ndarray:
    """F1 at each threshold: [K]."""
    return 2 * counts.true_positives / (counts.true_positives + counts.false_positives + counts.positives)


def f1_max(counts: Counts) -> float:
    """The best F1 over all thresholds."""
    return float(_f1(counts).max())


def f1_max_threshold(counts: Counts) -> float:
    """The (highest) threshold that reaches the best F1.

    All from the strongest negative below it up to a positive's score are equally good, so it lies halfway between the
    two, or at the positive where nothing is below. Where the classes separate, that is halfway between them.
    """
    best = int(np.argmax(_f1(counts)))
    positive, negative = counts.thresholds[best], counts.below[best]
    halfway = positive.dtype.type((float(positive) + float(negative)) / 2)
    return float(halfway if halfway > negative > -np.inf else positive)


def region_weights(masks: Arrays) -> np.ndarray:
    """Per positive pixel of masks [N, H, W] bool, in C order, 1 / (regions * its region's pixels)."""
    regions = 0
    weights = [np.empty(0)]
    for mask in masks:
        if mask.any():
            labelled, found = ndimage.label(mask, EIGHT_CONNECTED)
            regions += found
            inside = labelled[mask]
            weights.append(1.0 / np.bincount(inside)[inside])
    weights = np.concatenate(weights)
    weights /= max(1, regions)
    return weights


def aupro(counts: Counts, limit: float = FPR_LIMIT) -> float:
    """Area under the per-region overlap curve up to a false positive rate, over that rate (arXiv 1911.02357 eq. 3).

    From one threshold's point to the next the curve is level while negatives alone pass, and then a straight line
    where positives and negatives of one score pass together.

    Args:
        counts: pixel counts with `region_weights`, so that `overlap` is the mean overlap of the regions.
        limit: above 0, up to 1.
    """
    end = limit * counts.negatives
    within = slice(0, np.searchsorted(counts.above, end, side="right"))  # what begins beyond the end adds nothing
    overlap, above, false_positives = counts.overlap[within], counts.above[within], counts.false_positives[within]
    tied = false_positives - above
    taken = np.minimum(end - above, tied)
    gained = np.diff(overlap, prepend=0.0)
    lines = taken @ (overlap - gained) + 0.5 * (taken * taken / np.maximum(tied, 1)) @ gained
    levels = np.minimum(np.append(above[1:], end), end) - np.minimum(false_positives, end)
    return float((lines + levels @ overlap) / end)


@dataclass(frozen=True)
class Metric:
    """A figure of an evaluation.

    Attributes:
        name: in JSON, CSV and log lines.
        title: for people.
        level: "pixel": of the map's pixels against the masks; "image": of the pictures' scores.
        of: computes it.
        curve: whether it is drawn over the epochs of a training.
    """

    name: str
    title: str
    level: str
    of: Callable[[Counts], float]
    curve: bool = False


# To add a figure, add it here: results, log lines and table follow, curves where it says so. The order is the log's.
METRICS = (
    Metric("pixel_auc", "pixel AUROC", "pixel", auroc, curve=True),
    Metric("image_auc", "image AUROC", "image", auroc, curve=True),
    Metric("aupro", "AUPRO", "pixel", aupro, curve=True),
    Metric("pixel_ap", "pixel AP", "pixel", average_precision),
    Metric("image_ap", "image AP", "image", average_precision),
    Metric("pixel_f1_max", "pixel F1-max", "pixel", f1_max),
    Metric("image_f1_max", "image F1-max", "image", f1_max),
)
THRESHOLDS = (
    Metric("pixel_threshold_f1_max", "pixel threshold of the best F1", "pixel", f1_max_threshold),
    Metric("image_threshold_f1_max", "image threshold of the best F1", "image", f1_max_threshold),
)
DECIDING = ("pixel_auc", "image_auc")  # the best evaluation has the highest of the first that is defined


def image_figures(scores: np.ndarray, labels: np.ndarray) -> dict[str, float | None]:
    """The figures of level "image", of picture scores [N] against labels [N] (true: defective)."""
    return _figures("image", count(scores, labels.astype(bool)))


def pixel_figures(maps: Arrays, masks: Arrays, more_negatives: Iterable[np.ndarray] = ()) -> dict[str, float | None]:
    """The figures of level "pixel", of anomaly maps [N, H, W] against masks [N, H, W] bool, or sequences of them.

    Hidden pixels (see `src.hidden`) do not count. Good pictures may be given as `more_negatives` instead, the
    `sorted_negatives` of their maps.
    """
    if isinstance(maps, np.ndarray):
        seen = hidden.seen(maps)
        masks = masks if seen.all() else masks & seen
    else:
        masks = SeenMasks(maps, masks)
    return _figures("pixel", count(maps, masks, region_weights(masks), more_negatives))


def _figures(level: str, counts: Counts | None) -> dict[str, float | None]:
    """By name; None where a figure is not defined."""
    wanted = [metric for metric in (*METRICS, *THRESHOLDS) if metric.level == level]
    return {metric.name: None if counts is None else metric.of(counts) for metric in wanted}
