"""A lock that one process has at a time, and that no end of it keeps from the next."""

import os
import signal
import subprocess
import sys
import time

import pytest

from src import ROOT
from src.trust.lock import locked
from src.utils import UserError

HOLD = """
import sys, time
from pathlib import Path
from src.trust.lock import locked
with locked(Path(sys.argv[1]), "busy"):
    print("locked", flush=True)
    time.sleep(60)
"""


def test_two_at_once_are_refused_and_nothing_stays(tmp_path):
    path = tmp_path / ".x.lock"
    with locked(path, "busy"), pytest.raises(UserError, match=r"^busy$"), locked(path, "busy"):
        pass
    assert os.listdir(tmp_path) == []


def test_it_is_free_after_a_kill(tmp_path):
    path = tmp_path / ".x.lock"
    process = subprocess.Popen([sys.executable, "-c", HOLD, path], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    process.stdout.readline()
    with pytest.raises(UserError, match=r"^busy$"), locked(path, "busy"):
        pass
    process.send_signal(signal.SIGKILL)
    process.wait()
    with locked(path, "busy"):
        assert path.exists()
    assert os.listdir(tmp_path) == []


def test_it_is_waited_for(tmp_path):
    path = tmp_path / ".x.lock"
    code = HOLD.replace("sleep(60)", "sleep(0.3)")
    process = subprocess.Popen([sys.executable, "-c", code, path], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    process.stdout.readline()
    started = time.monotonic()
    with locked(path, "busy", patience=20):
        assert time.monotonic() - started > 0.2
    process.wait()


def test_a_link_in_its_place_is_refused(tmp_path):
    (tmp_path / "file").write_text("the user's")
    (tmp_path / ".x.lock").symlink_to(tmp_path / "file")
    with pytest.raises(UserError, match=r"cannot write .*: Too many levels"), locked(tmp_path / ".x.lock", "busy"):
        pass
    assert (tmp_path / "file").read_text() == "the user's"
