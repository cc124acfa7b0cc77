"""Good pictures: which of them are held out of a training, what the network makes of them, and thresholds from that.

Only pictures that were not trained on show what new good ones look like to the network. No MindSpore here.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from src import hidden
from src.data.samples import Sample
from src.trust.schema import has, is_number, list_of, one_of

LEAST = 20  # held out; fewer say too little: of 20, one is 5 %
MOST = 1 / 3  # of the good pictures; more only where `--held_out` asks for it
REGION = 0.005  # of a picture's pixels: so many of a good picture may lie above the pixel threshold (see `peaks`)
FALSE_ALARMS = 0.01  # the share of good pictures that may be called defective, unless `--false_alarms` says otherwise
ROUNDING = 1e-6  # what a picture's score may differ by between batch sizes, devices and runtimes; above 1, relative
SOURCES = {  # where good pictures come from, and what messages call them
    "held out": "held-out good pictures",
    "training": "training pictures",
    "given": "given good pictures",
}


def held_out_count(count: int, share: float) -> int:
    """How many of `count` good pictures are held out: `share` of them, but at least `LEAST`, or none at all.

    None where `share` is 0, and where `LEAST` pictures would be more than `MOST` of them (or than `share`, if that is
    more): a category of fewer than 60 pictures needs them all for training.
    """
    wanted = max(LEAST, round(share * count))
    return wanted if share > 0 and wanted <= max(share, MOST) * count else 0


def divide(samples: Sequence[Sample], share: float, seed: int) -> tuple[list[Sample], list[Sample]]:
    """The good pictures to train on, and those that are held out, both in their given order.

    The choice is by a hash of the seed and the picture's name. So it is the same in every process, on every machine and
    for every layout of the data set, it draws no random number that something else would miss, and if pictures are
    added later, few of the others change sides.
    """

    def place(sample: Sample) -> bytes:
        return hashlib.sha256(f"held out:{seed}:{sample.name}".encode(errors="surrogateescape")).digest()

    chosen = {sample.name for sample in sorted(samples, key=place)[: held_out_count(len(samples), share)]}
    return [s for s in samples if s.name not in chosen], [s for s in samples if s.name in chosen]


def conformal_threshold(good: Sequence[float], false_alarms: float) -> float:
    """The value from which something new counts as defective: at most a share of new good ones does.

    With n good values, a new one v has the p-value (1 + how many of them are >= v) / (n + 1). Where all are drawn
    alike, it is at most `false_alarms` with at most that probability (V. Vovk et al., Algorithmic Learning in a Random
    World, 2005, section 2.2). That is so for values above the ceil((n + 1) (1 - false_alarms))-th smallest of the n.
    Where n is too small for that, the largest is taken; the share is 1 / (n + 1) then (see `least_false_alarms`).

    Returns:
        Just above that value, by `ROUNDING`, as a float32. So with `>=` as the test, none of the good values up to it
        is an alarm itself, also not when it is computed again somewhere else.
    """
    count = len(good)
    above = math.floor(Fraction(str(false_alarms)) * (count + 1))  # exact: 0.07 * 100 is not 7 in floating point
    chosen = sorted(good)[min(count, count + 1 - above) - 1]
    return float(np.float32(chosen + ROUNDING * max(1, abs(chosen))))


def least_false_alarms(count: int) -> float:
    """The smallest share of false alarms that `count` good pictures can promise."""
    return 1 / (count + 1)


def pictures_needed(false_alarms: float) -> int:
    """The number of good pictures that a share of false alarms needs."""
    return math.ceil(1 / Fraction(str(false_alarms))) - 1


@dataclass(frozen=True)
class GoodPictures:
    """What a network makes of good pictures: all that thresholds and readings are computed from.

    Attributes:
        source: one of `SOURCES`. Only pictures that were not trained on keep the promise of `conformal_threshold`.
        scores: of each picture.
        peaks: of each picture; see the function.
        false_alarms: the share of good pictures that may be called defective.
    """

    source: str
    scores: tuple[float, ...]
    peaks: tuple[float, ...]
    false_alarms: float

    @classmethod
    def of(
        cls,
        source: str,
        maps: np.ndarray | Sequence[np.ndarray],
        scores: np.ndarray,
        false_alarms: float,
        view: int | None = None,
    ) -> "GoodPictures":
        """From anomaly maps [N, H, W] and scores [N] of good pictures.

        Args:
            view: of pictures in tiles, whose maps differ in size: the pixels of a tile, for `peaks`.
        """
        found = peaks(maps) if view is None else tuple(peak for each in maps for peak in peaks(each[None], view))
        return cls(source, tuple(map(float, scores)), found, false_alarms)


def peaks(maps: np.ndarray, view: int | None = None) -> tuple[float, ...]:
    """Of each map [N, H, W] the value that `REGION` of its seen pixels reach: what pixel thresholds are chosen on.

    The rule is the image threshold's, so that at most the wanted share of good pictures shows more than `REGION` of
    itself. Two simpler rules are worse (MVTec AD's bottle and screw, ResNet-18, 128 pixels, 12 epochs, 1 %). On each
    picture's highest pixel, outliers decide: masks lose a fifth of bottle's defects and all of screw's. From 1 % of all
    good pixels up, 80 % of good pictures have a region above it; with this rule 25 and 12 %, at pixel F1s of 0.54 and
    0.05, where 0.60 and 0.07 are possible.

    Of a picture in tiles, `REGION` is of the pixels of a tile, `view`: in a picture a hundred times as large a
    defect is no larger.
    """
    pixels = maps.reshape(len(maps), -1)
    if not hidden.seen(pixels).all():
        return tuple(value for picture in pixels for value in peaks(hidden.seen_only(picture)[None], view))
    place = pixels.shape[1] - max(1, round(REGION * min(pixels.shape[1], view or pixels.shape[1])))
    return tuple(map(float, np.partition(pixels, place, axis=1)[:, place]))


def are_good_pictures(value: Any) -> bool:
    """Whether an object has the attributes of `GoodPictures`, with finite numbers, as many scores as peaks."""
    checks = {"source": one_of(*SOURCES), "scores": list_of(is_finite), "peaks": list_of(is_finite)}
    whole = has(**checks, false_alarms=lambda share: is_finite(share) and 0 < share <= 0.5)
    return whole(value) and len(value["scores"]) == len(value["peaks"]) > 0


def is_finite(value: Any) -> bool:
    """Whether a value from a JSON is a number, finite also as a float32."""
    return is_number(value) and abs(value) < 1e30
