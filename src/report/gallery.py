"""The pictures of a report, taken one by one, so that memory holds few: what is said of each, and how it looks."""

import bisect
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from src.report.colours import Scale
from src.report.thumbnail import Thumbnail
from src.verdict import DEFECTIVE, GOOD, Judge

MOST = 2000  # pictures that a report shows: of more, those that come first (see `Gallery`)
WRONG, MISSED, FALSE_ALARM, UNREADABLE = "wrong", "missed", "false alarm", "unreadable"


@dataclass(frozen=True)
class Card:
    """A picture in a report: what is said of it, the words by which it is found, and its looks (None: unreadable)."""

    record: Mapping[str, Any]
    tags: tuple[str, ...]
    thumbnail: Thumbnail | None


class Gallery:
    """Pictures in the order in which people should look at them, and counts of all of them.

    First come those that are called wrongly, the worst of them first, then the unreadable ones, then all others, the
    least certain first. Where the truth is not known, the most anomalous come first.

    Args:
        scale: the colours of the maps; it may be set later, before the first picture that has a map.
        judge: whose verdicts these are; gives the pixel threshold for outlines.
        most: pictures that are shown.
    """

    def __init__(self, scale: Scale | None, judge: Judge | None, most: int = MOST):
        self.scale, self.judge, self.count = scale, judge, 0
        self._most = most
        self._line = None if judge is None or judge.pixel is None else judge.pixel.threshold
        self._cards: list[tuple[tuple, int, Card]] = []
        self.tags: Counter[str] = Counter()
        self.defects: Counter[str] = Counter()
        self.missed: Counter[str] = Counter()  # by defect type
        self.has_masks = False
        self.scores: dict[str, array] = defaultdict(lambda: array("d"))  # by truth; "" where it is not known
        self.times = array("d")

    def add(
        self,
        record: Mapping[str, Any],
        image: np.ndarray | None = None,
        anomaly_map: np.ndarray | None = None,
        mask: np.ndarray | None = None,
    ) -> None:
        """Add a picture.

        Args:
            record: what is said of it under the names of the results' JSON, as far as it is known and not None: `name`,
                or `file`; `score`, `anomaly`, `verdict`, `margin`, `regions` (each with a `box` of left, top, width and
                height, or with `x`, `y`, `width` and `height`; `area`, `peak`), `largest_area`, `milliseconds`; `error`
                (then it cannot be read, and nothing else is needed); and, where the truth is known, `truth` (good,
                defective) and `defect`, its type. Other keys are shown too.
            image: [H, W, 3] uint8 RGB; anomaly_map: [h, w]; mask: [h, w] bool, where there is one.
        """
        record = {key: value for key, value in record.items() if value is not None}
        tags = tags_of(record)
        self.count += 1
        self.tags.update(tags)
        if record.get("defect"):
            self.defects[record["defect"]] += 1
            self.missed[record["defect"]] += MISSED in tags
        if "score" in record:
            self.scores[record.get("truth") or ""].append(record["score"])
        if "milliseconds" in record:
            self.times.append(record["milliseconds"])
        place = (self._rank(record, tags), self.count)
        if len(self._cards) >= self._most and place > self._cards[-1][:2]:
            return
        self.has_masks |= mask is not None
        drawn = image is not None and anomaly_map is not None
        seen = Thumbnail.of(image, anomaly_map, mask, self.scale, self._line) if drawn else None
        bisect.insort(self._cards, (*place, Card(record, tags, seen)))
        del self._cards[self._most :]

    def cards(self) -> Iterator[Card]:
        """The pictures that are shown, in their order."""
        return (card for *_, card in self._cards)

    @property
    def shown(self) -> int:
        """How many pictures are shown."""
        return len(self._cards)

    def _rank(self, record: Mapping[str, Any], tags: tuple[str, ...]) -> tuple[int, float]:
        """What a picture is ordered by, the lowest first."""
        if UNREADABLE in tags:
            return 1, 0.0
        score = record.get("score", 0.0)
        if "truth" not in record or "verdict" not in record:
            return 2, -record.get("anomaly", score)
        threshold = self.judge.image.threshold if self.judge else 0.0
        margin = record.get("margin", abs(score - threshold))  # older checkpoints give none
        return (0, -margin) if WRONG in tags else (2, margin)


def tags_of(record: Mapping[str, Any]) -> tuple[str, ...]:
    """The words by which a picture is found: its verdict, whether it is wrong and how, whether it is unreadable."""
    if "error" in record:
        return (UNREADABLE,)
    verdict, truth = record.get("verdict"), record.get("truth")
    if verdict is None:
        return ()
    if truth in (None, verdict):
        return (verdict,)
    return verdict, WRONG, MISSED if (verdict, truth) == (GOOD, DEFECTIVE) else FALSE_ALARM
