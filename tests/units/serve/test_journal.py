"""The journal and its table say the same after every accident, and lose nothing."""

import csv
import errno
import json
import os

import pytest

from src.picture_results import COLUMNS
from src.serve.journal import MORE, Journal
from src.utils import UserError


def record(name, **changes):
    said = {"name": name, "modified_us": 5, "bytes": 7, "judged": "now", "file": f"/in/{name}", "score": -0.5}
    return said | {"verdict": "good", "regions": [{"x": 1}, {"x": 2}], "threshold": 0.25} | changes


def table(folder):
    with (folder / "scores.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def lines(folder):
    return [json.loads(line) for line in (folder / "scores.jsonl").read_text().splitlines()]


NAMES = ["a.png", 'b\n"c",d.png', "\udcff.png", "=1+1.png"]


@pytest.fixture
def folder(tmp_path):
    """A folder with a journal of `NAMES`."""
    with Journal.opened(tmp_path / "out") as journal:
        for name in NAMES:
            journal.add(record(name))
    return tmp_path / "out"


def test_what_was_added_is_known_later(folder):
    assert [each["name"] for each in lines(folder)] == NAMES
    assert lines(folder)[0] == record("a.png")
    rows = table(folder)
    assert list(rows[0]) == [*COLUMNS, *MORE]
    assert [(row["score"], row["verdict"], row["regions"], row["error"]) for row in rows] == [
        ("-0.5", "good", "2", "")
    ] * 4
    assert [row["name"] for row in rows] == ["a.png", 'b\\n"c",d.png', "\\udcff.png", "'=1+1.png"]
    with Journal.opened(folder) as journal:
        assert journal.known == dict.fromkeys(NAMES, (5, 7))
        journal.add(record("a.png", bytes=8))
        assert journal.known["a.png"] == (5, 8)
    assert len(table(folder)) == len(lines(folder)) == 5


@pytest.mark.parametrize("left", ["", "file,sc", "a line,without an end", "the last line is gone", "missing"])
def test_a_table_that_is_behind_is_made_anew(folder, left):
    path = folder / "scores.csv"
    whole = path.read_bytes()
    if left == "missing":
        path.unlink()
    elif left == "the last line is gone":
        path.write_bytes(b"".join(whole.splitlines(keepends=True)[:-1]))
    elif left == "a line,without an end":
        path.write_bytes(whole[:-5])
    else:
        path.write_text(left)
    with Journal.opened(folder):
        assert path.read_bytes() == whole


def test_half_a_line_is_taken_back(folder):
    path = folder / "scores.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + json.dumps(record("half")).encode())
    with Journal.opened(folder) as journal:
        assert path.read_bytes() == whole
        assert "half" not in journal.known


@pytest.mark.parametrize("line", ["{}", "[]", '{"name": "a", "modified_us": 1.5, "bytes": 1}', "\udcff", "[" * 100_000])
def test_a_damaged_line_is_named_and_stays(folder, line):
    path = folder / "scores.jsonl"
    path.write_bytes(path.read_bytes() + line.encode(errors="surrogateescape") + b"\n")
    before = path.read_bytes()
    with pytest.raises(UserError, match=r"line 5 of .*scores\.jsonl is not serve\.py's; mend or remove it"):
        Journal.opened(folder).__enter__()
    assert path.read_bytes() == before


@pytest.mark.parametrize("full", ["scores.jsonl", "scores.csv"])
def test_a_full_disk_leaves_whole_lines(folder, full, monkeypatch):
    write = os.write

    def half(handle, content):
        if os.readlink(f"/proc/self/fd/{handle}").endswith(full):
            write(handle, content[: len(content) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(handle, content)

    before = {name: (folder / name).read_bytes() for name in ("scores.jsonl", "scores.csv")}
    with Journal.opened(folder) as journal:
        monkeypatch.setattr("src.serve.journal.os.write", half)
        with pytest.raises(OSError, match="No space"):
            journal.add(record("new.png"))
        assert (folder / full).read_bytes() == before[full]
        assert ("new.png" in journal.known) == (full == "scores.csv")
        monkeypatch.undo()
        journal.add(record("newer.png"))
    names = [*NAMES, *(["new.png"] if full == "scores.csv" else []), "newer.png"]
    assert [each["name"] for each in lines(folder)] == names
    assert len(table(folder)) == len(names)
