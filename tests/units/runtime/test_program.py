"""The frame of every program: one line per mistake, an end at any signal, output that nobody reads."""

import os
import signal
import subprocess
import sys

import pytest

from src import ROOT

FRAME = "from src.runtime.program import run_program\nfrom src.utils import UserError, log\n"


def python(code, *arguments):
    """Run code at the repository's root; the process, finished."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("failure", "status", "error"),
    [
        ("UserError('no folder x; check it')", 2, "error: no folder x; check it\n"),
        ("UserError('no category a\\nerror: b')", 2, "error: no category a\\nerror: b\n"),
        (
            "PermissionError(13, 'Permission denied', 'x')",
            2,
            "error: cannot use x: Permission denied; check the path and its permissions\n",
        ),
        (
            "OSError(28, 'No space left on device', 'x')",
            2,
            "error: cannot use x: No space left on device; free disk space\n",
        ),
        (
            "MemoryError",
            2,
            "error: not enough memory; give smaller sizes (--im_resize, --train_batch_size, "
            "--hidden_ratio), or free some\n",
        ),
        (
            "ModuleNotFoundError('No module', name='mindspore')",
            2,
            f"error: no package mindspore in {sys.prefix}; source .venv/bin/activate, "
            "or pip install -r requirements.txt\n",
        ),
        ("KeyboardInterrupt", 130, "interrupted\n"),
        ("KeyboardInterrupt('saved y')", 130, "interrupted: saved y\n"),
    ],
)
def test_run_says_in_one_line_what_went_wrong(failure, status, error):
    done = python(f"{FRAME}def main():\n  log.info('begun')\n  raise {failure}\nrun_program(main)")
    assert (done.returncode, done.stdout, done.stderr) == (status, "begun\n", error)


def test_run_hides_no_mistake_of_ours():
    done = python("from src.runtime.program import run_program\nrun_program(lambda: 1 / 0)")
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr


def test_run_shows_that_a_module_of_ours_is_missing():
    done = python("from src.runtime.program import run_program\nrun_program(lambda: __import__('src.nothing'))")
    assert done.returncode == 1
    assert "No module named 'src.nothing'" in done.stderr


INTERRUPTED = """
import os, signal, sys
from src.runtime.program import Interrupt, run_program

def main():
    with Interrupt() as interrupt:
        print(interrupt.requested)
        for number in sys.argv[1:]:
            os.kill(os.getpid(), int(number))
            print(interrupt.requested)
        interrupt.stop("saved")

run_program(main)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_only_asks_to_stop(number):
    done = python(INTERRUPTED, int(number))
    assert done.stdout == "False\nTrue\n"
    assert done.stderr == "stopping after this step; once more to stop at once\ninterrupted: saved\n"
    assert done.returncode == 130


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_second_signal_stops_at_once(second):
    done = python(INTERRUPTED, int(signal.SIGINT), int(second))
    assert done.stdout == "False\nTrue\n"
    assert done.stderr == "stopping after this step; once more to stop at once\ninterrupted\n"
    assert done.returncode == 130


def test_after_it_the_signals_are_what_they_were():
    code = """
import os, signal
from src.runtime.program import Interrupt
before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
with Interrupt():
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] != before
assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before
print("same")
"""
    assert python(code).stdout == "same\n"


def without_glog():
    return {name: value for name, value in os.environ.items() if name != "GLOG_v"}


ENGINE = (
    FRAME
    + """
import os
def main():
    os.write(2, b"[ERROR] of the engine\\n")
    %s
run_program(main)
"""
)


@pytest.mark.parametrize(
    ("failure", "errors"), [("raise UserError('no x; check it')", "error: no x; check it\n"), ("pass", "")]
)
def test_what_the_engine_says_does_not_come_before_it(failure, errors):
    command = [sys.executable, "-c", ENGINE % failure]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, env=without_glog())
    assert done.stderr == errors


def test_with_a_mistake_of_ours_it_is_shown():
    command = [sys.executable, "-c", ENGINE % "1 / 0"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, env=without_glog())
    assert done.returncode == 1
    assert "[ERROR] of the engine" in done.stderr
    assert "ZeroDivisionError" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_at_once_and_takes_what_is_temporary_along(number, tmp_path):
    code = f"""{FRAME}
import os, sys
from pathlib import Path
from src.trust.lock import locked
from src.trust.temporary import temporary_folder
def main():
    folder = Path(sys.argv[1])
    with locked(folder / ".x.lock", "busy"), temporary_folder(folder / "x") as temporary:
        (temporary / "file").touch()
        try:
            os.kill(os.getpid(), int(sys.argv[2]))
        except BaseException:
            print("caught")
run_program(main)
"""
    done = python(code, tmp_path, int(number))
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")
    assert os.listdir(tmp_path) == []


def test_under_nohup_a_closed_terminal_ends_nothing():
    code = (
        """
import signal
signal.signal(signal.SIGHUP, signal.SIG_IGN)
"""
        + INTERRUPTED
    )
    done = python(code, int(signal.SIGHUP))
    assert done.stdout == "False\nFalse\n"
