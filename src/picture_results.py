"""What is said of many pictures, for programs: scores.json and scores.csv, written while they grow."""

import csv
import io
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from src.files import SCORES, SCORES_TABLE
from src.utils import atomic_path, shown, write_json

SHARE = 20  # the files are written for at most one part in so many of the time
COLUMNS = ("file", "score", "anomaly", "verdict", "margin", "regions", "largest_area", "milliseconds")
FORMULA = ("=", "+", "-", "@", "\t")  # what a text must not begin with, or a spreadsheet would compute it


def scores_table(pictures: Iterable[Mapping[str, Any]], more: Sequence[str] | None = None, head: bool = True) -> str:
    """A CSV with a line per picture: `COLUMNS`, and behind them what else is said of some, such as `truth` or `error`.

    Of regions it has the number; the JSON has all of each. A text that a spreadsheet would compute gets a ' before it.

    Args:
        pictures: as `Prediction.to_json` describes them, with more keys where there is more to say.
        more: the columns behind `COLUMNS`; by default one for each other key.
        head: whether it begins with the names of the columns.
    """
    rows = list(pictures)
    others = dict.fromkeys(key for row in rows for key in row if key not in COLUMNS) if more is None else more
    columns = [*COLUMNS, *others]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if head:
        writer.writerow(columns)
    writer.writerows([_cell(row.get(column)) for column in columns] for row in rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        return len(value)
    if isinstance(value, str):
        text = shown(value)
        return f"'{text}" if text.startswith(FORMULA) else text
    return value


def write_scores_table(path: Path, pictures: Iterable[Mapping[str, Any]]) -> None:
    """Write `scores_table` of pictures, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(scores_table(pictures), encoding="utf-8", newline="")


def score_files(folder: Path) -> list[Path]:
    """The JSON and the CSV in a folder."""
    return [folder / SCORES, folder / SCORES_TABLE]


class Scores:
    """The files of predict.py, written while they grow: in the JSON, `left` pictures are not in it yet.

    Args:
        folder: of the files.
        constants: what else the JSON says: what verdicts are computed from, and what was found.
        count: of pictures that there will be.
    """

    def __init__(self, folder: Path, constants: Mapping[str, Any], count: int):
        self._constants, self._count = constants, count
        self.json, self.table = score_files(folder)
        self.pictures: dict[str, dict] = {}
        self._written, self._seconds = -math.inf, 0.0

    def add(self, found: Mapping[str, dict]) -> None:
        """Add what is said of some pictures, by name. The files are written anew, or later if that takes much of the
        time."""
        self.pictures |= found
        left, started = self._count - len(self.pictures), time.monotonic()
        if left and started - self._written < SHARE * self._seconds:
            return
        write_json(self.json, {**self._constants, "left": left, "pictures": self.pictures})
        write_scores_table(self.table, self.pictures.values())
        self._written = time.monotonic()
        self._seconds = self._written - started
