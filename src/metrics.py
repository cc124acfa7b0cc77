"""Pixel and image figures, exact and in bounded memory.

Every figure changes only at the scores of positives (defective pixels or pictures). So the positives are sorted,
and the negatives, which are far more, are counted between them in chunks: no score is binned, no list of all
pixels is sorted. A sample is called defective where its score is at least the threshold.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

CHUNK = 1 << 22  # negatives sorted at a time: 16 MB of float32
FPR_LIMIT = 0.3  # of AUPRO, as MVTec's own evaluation integrates
EIGHT_CONNECTED = np.ones((3, 3), bool)


@dataclass(frozen=True)
class Counts:
    """Confusion counts at every distinct score of a positive, in falling order.

    thresholds: [K]; true_positives: [K], positives at or above; weight: [K], the same in weighted positives
    (1 in all); false_positives: [K], negatives at or above; above: [K], negatives strictly above.
    """

    thresholds: np.ndarray
    true_positives: np.ndarray
    weight: np.ndarray
    false_positives: np.ndarray
    above: np.ndarray
    positives: int
    negatives: int


def count(scores: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None) -> Counts | None:
    """Counts of `scores` against boolean `labels`, both of one shape with the picture first.

    Args:
        scores: [N, ...] float.
        labels: [N, ...] bool.
        weights: of the positives, in the order of `scores[labels]`, summing to 1; equal by default.

    Returns:
        None where there is no positive or no negative: no figure is defined then.
    """
    found = scores[labels]
    positives, negatives = found.size, scores.size - found.size
    if positives == 0 or negatives == 0:
        return None
    order = np.argsort(found)[::-1]
    found = found[order]
    last = np.append(np.flatnonzero(np.diff(found)), positives - 1)  # of each run of equal scores
    thresholds = found[last]
    weight = (last + 1) / positives if weights is None else np.cumsum(weights[order])[last]
    del found, order

    rising = thresholds[::-1]
    at_or_above = np.full(rising.size, negatives, np.int64)
    above = at_or_above.copy()
    step = max(1, CHUNK // max(1, scores[0].size))
    for start in range(0, len(scores), step):
        part = slice(start, start + step)
        chunk = np.sort(scores[part][~labels[part]])
        at_or_above -= np.searchsorted(chunk, rising, side="left")
        above -= np.searchsorted(chunk, rising, side="right")
    return Counts(thresholds, last + 1, weight, at_or_above[::-1], above[::-1], positives, negatives)


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


def f1_max(counts: Counts) -> tuple[float, float]:
    """The best F1 over all thresholds and the (highest) threshold that reaches it."""
    f1 = 2 * counts.true_positives / (counts.true_positives + counts.false_positives + counts.positives)
    best = int(np.argmax(f1))
    return float(f1[best]), float(counts.thresholds[best])


def region_weights(masks: np.ndarray) -> np.ndarray:
    """Per positive pixel of masks [N, H, W] bool, in C order, 1 / (regions * its region's pixels)."""
    regions = 0
    weights = []
    for mask in masks:
        if not mask.any():
            continue
        labelled, found = ndimage.label(mask, EIGHT_CONNECTED)
        regions += found
        inside = labelled[mask]
        weights.append(1.0 / np.bincount(inside)[inside])
    return np.concatenate(weights) / regions if weights else np.empty(0)


def aupro(counts: Counts, limit: float = FPR_LIMIT) -> float:
    """Area under the per-region overlap curve up to a false positive rate, over that rate (arXiv 1911.02357 eq. 3).

    Args:
        counts: pixel counts whose weights are `region_weights`, so that `weight` is the mean overlap of regions.
    """
    overlap = counts.weight
    fpr = np.stack([counts.above, counts.false_positives], 1).ravel() / counts.negatives
    pro = np.stack([np.append(0.0, overlap[:-1]), overlap], 1).ravel()
    fpr, pro = np.append(fpr, 1.0), np.append(pro, 1.0)
    inside = int(np.searchsorted(fpr, limit, side="right"))
    if inside < len(fpr):
        before = max(inside - 1, 0)
        rise = fpr[inside] - fpr[before]
        share = (limit - fpr[before]) / rise if inside and rise > 0 else 0.0
        at_limit = pro[before] + share * (pro[inside] - pro[before]) if inside else 0.0
        fpr, pro = np.append(fpr[:inside], limit), np.append(pro[:inside], at_limit)
    return float(np.trapz(pro, fpr) / limit)


def image_figures(scores: np.ndarray, labels: np.ndarray) -> dict[str, float | None]:
    """AUROC, AP and F1-max of picture scores [N] against labels [N] (true: defective)."""
    return _figures("image", count(scores, labels.astype(bool)))


def pixel_figures(maps: np.ndarray, masks: np.ndarray) -> dict[str, float | None]:
    """AUROC, AP, F1-max and AUPRO of anomaly maps [N, H, W] against masks [N, H, W] bool."""
    counts = count(maps, masks, region_weights(masks))
    figures = _figures("pixel", counts)
    figures["aupro"] = None if counts is None else aupro(counts)
    return figures


def _figures(level: str, counts: Counts | None) -> dict[str, float | None]:
    names = (f"{level}_auc", f"{level}_ap", f"{level}_f1_max", f"{level}_threshold")
    if counts is None:
        return dict.fromkeys(names)
    return dict(zip(names, (auroc(counts), average_precision(counts), *f1_max(counts))))
