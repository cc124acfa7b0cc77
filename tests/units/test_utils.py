"""Files that are whole or not there, one line per mistake, interruption."""

import json
import os
import subprocess
import sys

import pytest

from src import ROOT
from src.utils import UserError, atomic_path, check_writable, write_json


def python(code, *arguments):
    """Run code at the repository's root; the process, finished."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_atomic_path_writes_whole_files_with_the_users_mode(tmp_path):
    target = tmp_path / "new folder" / "x.png"
    with atomic_path(target) as path:
        assert path.name == "x.png"  # writers choose the format by it
        assert path.parent.parent == target.parent
        path.write_text("new")
        assert not target.exists()
    assert target.read_text() == "new"
    umask = os.umask(0)
    os.umask(umask)
    assert target.stat().st_mode & 0o777 == 0o666 & ~umask
    assert names(target.parent) == ["x.png"]


@pytest.mark.parametrize("failure", [ValueError("no"), KeyboardInterrupt()])
def test_a_failed_write_keeps_the_old_file_and_leaves_nothing_behind(tmp_path, failure):
    target = tmp_path / "x.json"
    target.write_text("old")

    def write():
        with atomic_path(target) as path:
            path.write_text("half")
            raise failure

    with pytest.raises(type(failure)):
        write()
    assert target.read_text() == "old"
    assert names(tmp_path) == ["x.json"]


def test_a_full_disk_is_the_users_error(tmp_path):
    with pytest.raises(UserError) as caught, atomic_path(tmp_path / "x.json"):
        raise OSError(28, "No space left on device")
    assert str(caught.value) == f"cannot write {tmp_path}/x.json: No space left on device; check the disk"
    assert names(tmp_path) == []


def test_folders_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    target = tmp_path / "file" / "x.json"
    with pytest.raises(UserError) as caught, atomic_path(target):
        pass
    assert str(caught.value) == f"cannot write {target}: File exists; choose a folder that can be written"
    with pytest.raises(UserError) as caught:
        check_writable(tmp_path / "fine" / "x.json", tmp_path / "file" / "folder" / "x.json")
    assert str(caught.value) == f"cannot write in {tmp_path}/file/folder: Not a directory; choose another folder"
    assert names(tmp_path) == ["file", "fine"]
    assert names(tmp_path / "fine") == []


def test_a_folder_in_the_place_of_the_file(tmp_path):
    (tmp_path / "x.json").mkdir()
    with pytest.raises(UserError, match=f"^cannot write {tmp_path}/x.json: Is a directory; check the disk$"):
        write_json(tmp_path / "x.json", {})
    assert names(tmp_path) == ["x.json"]


def test_json_comes_back_and_holds_no_nan(tmp_path):
    value = {"pixel_auc": 0.1 + 0.2, "none": None, "name": "Öse"}
    write_json(tmp_path / "x.json", value)
    assert json.loads((tmp_path / "x.json").read_text()) == value
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "x.json", {"pixel_auc": float("nan")})
    assert json.loads((tmp_path / "x.json").read_text()) == value
