"""Pixel and image figures, exact and in bounded memory.

Every figure changes only at the scores of positives (defective pixels or pictures). So the positives are sorted,
and the negatives, which are far more, are counted between them in chunks: no score is binned, no list of all
pixels is sorted. A sample is called defective where its score is at least the threshold.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
from scipy import ndimage

CHUNK = 1 << 22  # negatives sorted at a time: 16 MB of float32
FPR_LIMIT = 0.3  # of AUPRO, as MVTec's own evaluation integrates
EIGHT_CONNECTED = np.ones((3, 3), bool)


@dataclass(frozen=True)
class Counts:
    """Confusion counts at every distinct score of a positive, in falling order.

    thresholds: [K]; true_positives: [K], positives at or above; overlap: [K], the same in weighted positives (1 in
    all), None where they have no weights; false_positives: [K], negatives at or above; above: [K], negatives
    strictly above.
    """

    thresholds: np.ndarray
    true_positives: np.ndarray
    overlap: np.ndarray | None
    false_positives: np.ndarray
    above: np.ndarray
    positives: int
    negatives: int


def sorted_negatives(scores: np.ndarray, labels: np.ndarray) -> Iterator[np.ndarray]:
    """The scores of negatives in sorted chunks; scores [N, ...], labels bool of that shape or, of pictures, [N]."""
    step = max(1, CHUNK // max(1, scores[:1].size))
    for start in range(0, len(scores), step):
        part = slice(start, start + step)
        chunk = scores[part][~labels[part]].ravel()
        chunk.sort()
        yield chunk


def count(
    scores: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray | None = None,
    more_negatives: Iterable[np.ndarray] = (),
) -> Counts | None:
    """Counts of `scores` against boolean `labels`, both of one shape with the picture first.

    Args:
        scores: [N, ...] float.
        labels: [N, ...] bool.
        weights: of the positives, in the order of `scores[labels]`, summing to 1; overwritten.
        more_negatives: further negatives' scores as `sorted_negatives` gives them.

    Returns:
        None where there is no positive or no negative: no figure is defined then.
    """
    found = scores[labels]
    positives = found.size
    if positives == 0:
        return None
    if weights is None:
        found.sort()
    else:
        order = np.argsort(found)
        found = found[order]
        weights[:] = weights[order[::-1]]
        del order
    found = found[::-1]
    last = np.append(np.flatnonzero(found[1:] != found[:-1]), positives - 1)  # of each run of equal scores
    thresholds = found[last]
    overlap = None if weights is None else np.cumsum(weights, out=weights)[last]
    del found, weights

    rising = thresholds[::-1]
    at_or_above, above, negatives = np.zeros(rising.size, np.int64), np.zeros(rising.size, np.int64), 0
    for chunk in chain(more_negatives, sorted_negatives(scores, labels)):
        negatives += chunk.size
        at_or_above += chunk.size - np.searchsorted(chunk, rising, side="left")
        above += chunk.size - np.searchsorted(chunk, rising, side="right")
    if negatives == 0:
        return None
    last += 1
    return Counts(thresholds, last, overlap, at_or_above[::-1], above[::-1], positives, negatives)


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


def image_figures(scores: np.ndarray, labels: np.ndarray) -> dict[str, float | None]:
    """AUROC, AP and F1-max of picture scores [N] against labels [N] (true: defective)."""
    return _figures("image", count(scores, labels.astype(bool)))


def pixel_figures(
    maps: np.ndarray, masks: np.ndarray, more_negatives: Iterable[np.ndarray] = ()
) -> dict[str, float | None]:
    """AUROC, AP, F1-max and AUPRO of anomaly maps [N, H, W] against masks [N, H, W] bool.

    Good pictures may be given as `more_negatives` instead, the `sorted_negatives` of their maps.
    """
    counts = count(maps, masks, region_weights(masks), more_negatives)
    figures = _figures("pixel", counts)
    figures["aupro"] = None if counts is None else aupro(counts)
    return figures


def _figures(level: str, counts: Counts | None) -> dict[str, float | None]:
    names = (f"{level}_auc", f"{level}_ap", f"{level}_f1_max", f"{level}_threshold")
    if counts is None:
        return dict.fromkeys(names)
    return dict(zip(names, (auroc(counts), average_precision(counts), *f1_max(counts))))
