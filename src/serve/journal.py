"""What was found in the pictures of a folder, in two files that only grow, and which pictures these were.

`scores.jsonl` has a JSON per picture and line, and is what counts: a picture that is in it is not judged again.
`scores.csv` is the same as a table; where it lacks a line, because the program was killed between the two, or where
somebody has changed it, it is made anew from the other.
"""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from src.files import SCORES_JOURNAL, SCORES_TABLE
from src.picture_results import scores_table
from src.serve.settled import Signature
from src.trust.lock import locked
from src.trust.outputs import check_outputs
from src.trust.schema import LARGEST, has_at_least, integer, is_a, parse_object
from src.utils import UserError, atomic_path, log

MORE = ("error", "name", "judged", "model_sha256", "threshold")  # columns of the table that predict.py's has not
_IS_RECORD = has_at_least(name=is_a(str), modified_us=integer(-LARGEST), bytes=integer())


class Journal:
    """The two files. `opened` makes it.

    Attributes:
        known: by picture's name its file's signature when it was judged.
    """

    def __init__(self, folder: Path):
        self.path, self.table = folder / SCORES_JOURNAL, folder / SCORES_TABLE
        self.known: dict[str, Signature] = {}
        self._behind = False  # whether the table lacks a line

    @classmethod
    @contextlib.contextmanager
    def opened(cls, folder: Path) -> Iterator["Journal"]:
        """The files in a folder, of which this process is the only writer.

        Raises:
            UserError: another process writes there, something else stands in a file's place, or a line is damaged.
        """
        journal = cls(folder)
        check_outputs([journal.path, journal.table])
        with locked(folder / ".serve.lock", f"another serve.py writes in {folder}; give another --out"):
            if journal.table.exists() and not journal.path.exists():
                raise UserError(
                    f"{journal.table} is not serve.py's: {journal.path.name} is missing; give another --out"
                )
            journal._read()
            yield journal

    def add(self, record: Mapping[str, Any]) -> None:
        """Add what was found in a picture; the first key of `record` is `name`.

        Raises:
            OSError, UserError: it cannot be written.
        """
        _append(self.path, json.dumps(record, allow_nan=False).encode() + b"\n", sync=True)
        self.known[record["name"]] = (record["modified_us"], record["bytes"])
        behind, self._behind = self._behind, True  # until it is written
        if behind:
            self._write_table()
        else:
            _append(self.table, scores_table([record], MORE, head=False).encode())
        self._behind = False

    def _read(self) -> None:
        """Read what was found before; the line at which an earlier process was killed is taken back."""
        self.path.touch()
        lines = whole = 0
        with self.path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                record = self._record(line, lines + 1)
                self.known[record["name"]] = (record["modified_us"], record["bytes"])
                lines, whole = lines + 1, whole + len(line)
        os.truncate(self.path, whole)
        if not self._table_is_whole(lines):
            self._write_table()
        if lines:
            log.info("%s has %d results; their pictures are not judged again", self.path, lines)

    def _write_table(self) -> None:
        """Make the table anew."""
        with atomic_path(self.table) as temporary, temporary.open("w", encoding="utf-8", newline="") as table:
            table.write(scores_table([], MORE))
            with self.path.open("rb") as file:
                for number, line in enumerate(file, 1):
                    table.write(scores_table([self._record(line, number)], MORE, head=False))

    def _record(self, line: bytes, number: int) -> dict[str, Any]:
        try:
            record = parse_object(line.decode())
        except ValueError:
            record = None
        if not _IS_RECORD(record):
            raise UserError(f"line {number} of {self.path} is not serve.py's; mend or remove it, or give another --out")
        return record

    def _table_is_whole(self, lines: int) -> bool:
        """Whether the table has the columns of today, and as many lines."""
        if not self.table.exists():
            return False
        with self.table.open("rb") as file:
            if file.readline() != scores_table([], MORE).encode():
                return False
            count, whole = 0, True
            for line in file:
                count, whole = count + 1, line.endswith(b"\n")
        return whole and count == lines


def _append(path: Path, content: bytes, sync: bool = False) -> None:
    """Add all of it to a file's end, or nothing."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        before = os.fstat(handle).st_size
        try:
            written = os.write(handle, content)
            while written < len(content):  # the disk is nearly full: the next call says so
                written += os.write(handle, content[written:])
            if sync:
                os.fsync(handle)
        except OSError:
            os.ftruncate(handle, before)
            raise
    finally:
        os.close(handle)
