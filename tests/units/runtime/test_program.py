"""The frame of every program: one line per mistake, an end at any signal, output that nobody reads."""

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
