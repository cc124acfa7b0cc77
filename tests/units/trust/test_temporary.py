"""Temporary folders: gone at every end, at the latest when the next process looks."""

import os
import signal
import subprocess
import sys

import pytest

from src import ROOT
from src.trust.temporary import remove_leftovers, temporary_folder

HOLD = """
import sys, time
from pathlib import Path
from src.trust.temporary import temporary_folder
with temporary_folder(Path(sys.argv[1])) as folder:
    (folder / "half").write_text("x")
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """A process that has a temporary folder."""
    command = [sys.executable, "-c", HOLD, tmp_path / "x.ckpt"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    process.stdout.readline()
    yield process
    process.kill()
    process.wait()


def test_it_is_removed_at_the_end_with_its_files(tmp_path):
    with temporary_folder(tmp_path / "x.ckpt") as folder:
        (folder / "inside").mkdir()
        (folder / "inside" / "file").write_text("x")
        assert folder.parent == tmp_path
        assert folder.stat().st_mode & 0o777 == 0o700
    assert os.listdir(tmp_path) == []


def test_what_may_be_long_or_no_utf_8(tmp_path):
    for name in ("x" * 255, "ö" * 127, "\udcff" * 200, "."):
        with temporary_folder(tmp_path / name) as folder:
            assert folder.is_dir()
    assert os.listdir(tmp_path) == []


def test_one_of_a_living_process_stays_and_one_of_a_killed_process_goes(tmp_path, holder):
    remove_leftovers(tmp_path)
    assert len(os.listdir(tmp_path)) == 1
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert len(os.listdir(tmp_path)) == 1
    remove_leftovers(tmp_path)
    assert os.listdir(tmp_path) == []


def test_what_only_looks_alike_stays(tmp_path):
    names = [".x.partial", "x.abcd_123.partial", ".x.ABCD_123.partial", ".x.abcd_123.partial.bak", ".a.abcd_123.tmp"]
    for name in names:
        (tmp_path / name).mkdir()
    (tmp_path / ".file.abcd_123.partial").write_text("the user's")
    (tmp_path / "folder").mkdir()
    (tmp_path / ".link.abcd_123.partial").symlink_to(tmp_path / "folder")
    before = sorted(os.listdir(tmp_path))
    remove_leftovers(tmp_path)
    assert sorted(os.listdir(tmp_path)) == before


def test_a_folder_that_is_not_there_has_no_leftovers(tmp_path):
    remove_leftovers(tmp_path / "missing")
    assert os.listdir(tmp_path) == []
