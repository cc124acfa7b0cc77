"""The last pictures, and their report as a page."""

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from src.report.gallery import Gallery
from src.report.page import report_pieces
from src.serve.examiner import Examiner, Finding


@dataclass(frozen=True)
class _Seen:
    """What a report needs of a picture; of an unreadable one, only what is said."""

    said: Mapping[str, Any]
    finding: Finding | None = None


class Recent:
    """The last `most` pictures; memory holds them at the network's size. A new model begins anew: scores of two models
    cannot be compared."""

    def __init__(self, most: int):
        self._seen: deque[_Seen] = deque(maxlen=most)
        self._examiner: Examiner | None = None  # who judged them
        self._added, self._drawn, self._page = 0, (-1, ""), ""  # what was added; what was there when the page was drawn
        self._drawing, self._adding = threading.Lock(), threading.Lock()

    def add(self, finding: Finding) -> None:
        """Add a judged picture."""
        with self._adding:
            if self._examiner is not finding.examiner:
                self._seen.clear()
            self._examiner = finding.examiner
            self._add(_Seen({"name": finding.prediction.name, **finding.prediction.to_json()}, finding))

    def add_unreadable(self, name: str, error: str) -> None:
        """Add one that could not be read."""
        with self._adding:
            self._add(_Seen({"name": name, "error": error}))

    def page(self, examiner: Examiner) -> str:
        """The report of these pictures, drawn anew where there are others than before.

        Args:
            examiner: the model in use; it is named where there is no picture yet.
        """
        with self._drawing:
            with self._adding:
                seen, judged_by = list(self._seen), self._examiner or examiner
                state = (self._added, judged_by.network.sha256)
            if state != self._drawn:
                known = {"category": judged_by.network.category, "checkpoint": judged_by.file}
                self._page = "".join(report_pieces("serve", known, _gallery(seen, judged_by)))
                self._drawn = state
            return self._page

    def _add(self, seen: _Seen) -> None:
        self._seen.append(seen)
        self._added += 1


def _gallery(seen: list[_Seen], examiner: Examiner) -> Gallery:
    gallery = Gallery(examiner.scale, examiner.judge)
    for each in seen:
        if each.finding is None:
            gallery.add(each.said)
            continue
        gallery.scale = each.finding.scale
        gallery.add(each.said, each.finding.image, each.finding.prediction.anomaly_map)
    return gallery
