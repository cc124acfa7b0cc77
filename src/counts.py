"""Counts of right and wrong detections at every threshold, exact and in bounded memory.

Every figure changes only at the scores of positives (defective pixels or pictures). So the positives are sorted,
and the negatives, which are far more, are counted between them in chunks: no score is binned, no list of all
pixels is sorted. A sample is called defective where its score is at least the threshold.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from src import hidden

Arrays = np.ndarray | Sequence[np.ndarray]
CHUNK = 1 << 22  # negatives sorted at a time: 16 MB of float32


@dataclass(frozen=True)
class Counts:
    """Confusion counts at every distinct score of a positive, in falling order.

    Attributes:
        thresholds: [K], the scores.
        true_positives: [K], the positives at or above each.
        overlap: [K], the sum of the weights of the positives at or above, 1 for all of them; None where they have none.
            With the weights of `src.metrics.region_weights` it is the mean overlap of the regions.
        false_positives: [K], the negatives at or above each.
        above: [K], the negatives strictly above each.
        below: [K], the highest negative below each; -inf where there is none.
        positives, negatives: how many there are.
    """

    thresholds: np.ndarray
    true_positives: np.ndarray
    overlap: np.ndarray | None
    false_positives: np.ndarray
    above: np.ndarray
    below: np.ndarray
    positives: int
    negatives: int


def sorted_negatives(scores: Arrays, labels: Arrays) -> Iterator[np.ndarray]:
    """The scores of negatives in sorted chunks, without those of hidden pixels (see `src.hidden`); scores [N, ...],
    labels bool of that shape or, of pictures, [N]. Of pictures that differ in size, both are sequences of arrays."""
    if not isinstance(scores, np.ndarray):
        for values, label in zip(scores, labels):
            chunk = hidden.seen_only(values[~label].ravel())
            chunk.sort()
            yield chunk
        return
    step = max(1, CHUNK // max(1, scores[:1].size))
    for start in range(0, len(scores), step):
        part = slice(start, start + step)
        chunk = hidden.seen_only(scores[part][~labels[part]].ravel())
        chunk.sort()
        yield chunk


def count(
    scores: Arrays,
    labels: Arrays,
    weights: np.ndarray | None = None,
    more_negatives: Iterable[np.ndarray] = (),
) -> Counts | None:
    """Counts of `scores` against boolean `labels`, both of one shape with the picture first.

    Args:
        scores: [N, ...] float, or a sequence of arrays that differ in size.
        labels: [N, ...] bool, or such a sequence.
        weights: of the positives, in the order of `scores[labels]`, summing to 1; overwritten.
        more_negatives: further negatives' scores as `sorted_negatives` gives them.

    Returns:
        None where there is no positive or no negative: no figure is defined then.
    """
    if isinstance(scores, np.ndarray):
        found = scores[labels]
    else:
        found = np.concatenate([np.empty(0, np.float32), *(values[label] for values, label in zip(scores, labels))])
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
    below = np.full(rising.size, -np.inf, rising.dtype)
    for chunk in chain(more_negatives, sorted_negatives(scores, labels)):
        negatives += chunk.size
        lower = np.searchsorted(chunk, rising, side="left")
        at_or_above += chunk.size - lower
        some = slice(np.searchsorted(lower, 1), None)  # the thresholds that have a negative of this chunk below them
        np.maximum(below[some], chunk[lower[some] - 1], out=below[some])
        above += chunk.size - np.searchsorted(chunk, rising, side="right")
    if negatives == 0:
        return None
    last += 1
    return Counts(thresholds, last, overlap, at_or_above[::-1], above[::-1], below[::-1], positives, negatives)
