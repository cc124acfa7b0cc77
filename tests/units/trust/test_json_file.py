"""Sealed JSON files: what was written is read, and nothing else."""

import json

import pytest

from src.trust.json_file import read_json, write_sealed_json
from src.trust.schema import has_at_least, is_number
from src.utils import UserError

VALUE = {"figure": 0.1 + 0.2, "none": None, "name": "Öse"}
CHECK = has_at_least(figure=is_number)


def read(path):
    return read_json(path, CHECK, "ours; write it again")


def error_of(path):
    with pytest.raises(UserError) as caught:
        read(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def path(tmp_path):
    write_sealed_json(tmp_path / "x.json", VALUE)
    return tmp_path / "x.json"


def test_what_is_written_is_read(path, caplog):
    assert read(path).items() > VALUE.items()
    assert list(json.loads(path.read_text())) == [*VALUE, "sha256"]
    assert caplog.text == ""
    path.write_text(json.dumps(dict(reversed(json.loads(path.read_text()).items()))))  # in other words, the same
    assert read(path).items() > VALUE.items()


def test_one_without_a_digest_is_read_with_a_warning(path, caplog):
    path.write_text(json.dumps(VALUE))
    assert read(path) == VALUE
    assert caplog.messages == [f"{path} is of an older version: it has no digest to check it by"]


@pytest.mark.parametrize("change", [{"name": "Ose"}, {"more": 1}, {"sha256": "0" * 64}, {"sha256": 3}])
def test_a_changed_one_is_refused(path, change):
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    assert error_of(path) == (
        f"{path} is not as it was written: its digest is another; write it again, or, if you changed it, "
        "remove its key sha256"
    )


def test_what_is_not_valid_is_refused(path):
    path.write_text(json.dumps(VALUE | {"figure": "high"}))
    assert error_of(path) == f"{path} is not ours; write it again"


def test_what_cannot_be_read(path, tmp_path, monkeypatch):
    assert error_of(tmp_path / "none.json") == (
        f"cannot read {tmp_path}/none.json: No such file or directory; check the path"
    )
    assert error_of(tmp_path) == f"cannot read {tmp_path}: Is a directory; check the path"
    for content in (b"{", b"\xff", b"[]", b"\x00" * 10):
        path.write_bytes(content)
        assert error_of(path).startswith(f"{path} is not a JSON object (")
    with path.open("wb") as file:
        file.truncate(1 << 40)  # takes no room on the disk, and must take none in memory
    assert error_of(path) == f"{path} is not a JSON object (more than 256 MB); write it again"
