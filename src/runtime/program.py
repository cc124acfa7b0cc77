"""The frame of every program: one line per mistake, an end at any signal, and output that nobody reads any more.

It imports little, and a program imports the rest inside `run_program`, so that a signal is answered from the first
moment on.
"""

import contextlib
import errno
import faulthandler
import logging
import os
import signal
import sys
import tempfile
import types
from collections.abc import Callable, Iterator
from typing import BinaryIO

from src.trust.temporary import remove_own
from src.utils import UserError, WarnedOnce, log, shown

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # Ctrl-C, kill, and a terminal that is closed
USER_ERROR, INCOMPLETE, INTERRUPTED = 2, 3, 130  # exit statuses
_LONGEST = 2000  # letters of an error line
_MEMORY = ("allocate memory", "alloc memory", "memory failed", "out of memory", "bad_alloc")  # MindSpore's words for it


def run_program(main: Callable[[], None]) -> None:
    """Run a program's main function. What goes wrong becomes one line on standard error, and an exit status.

    Status 2: the user's mistake (`UserError`), an unusable file, too little memory. 3: done but for some files, which
    are named. 130: a signal; the process ends without unwinding: MindSpore would answer an exception by others.
    Mistakes of ours keep their traceback. Where nobody reads standard output any more (`| head`), it goes on without.
    """
    with contextlib.suppress(AttributeError):  # a stream that is no text file, in tests
        sys.stdout.reconfigure(errors="backslashreplace")
    for number in _signals():
        signal.signal(number, _stop)
    with _engine_held_back() as held:
        handler = _Handler(sys.stdout)
        handler.setFormatter(_OneLine("%(message)s"))
        handler.addFilter(WarnedOnce())
        logging.basicConfig(handlers=[handler])
        log.setLevel(logging.INFO)
        try:
            main()
            status = 0
        except UserError as error:
            status = _say(f"error: {error}", USER_ERROR)
        except KeyboardInterrupt as interrupt:
            status = _say(": ".join(["interrupted", *map(str, interrupt.args)]), INTERRUPTED)
        except SystemExit as end:
            status = end.code
        except Exception as error:
            text = _in_words(error)
            if text is None:
                held()
                raise
            status = _say(f"error: {text}", USER_ERROR)
        _flush()
    sys.exit(status)


class Interrupt:
    """While entered, the first signal of `SIGNALS` only asks to stop; a second one stops at once.

    Args:
        answer: what the user is told at the first one.
        unwinds: whether the second one raises KeyboardInterrupt, for a program that must still end its children.
    """

    def __init__(self, answer: str = "stopping after this step", unwinds: bool = False) -> None:
        self.requested, self._answer, self._unwinds = False, answer, unwinds

    def __enter__(self) -> "Interrupt":
        self._before = {number: signal.getsignal(number) for number in _signals()}
        for number in self._before:
            signal.signal(number, self._request)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _request(self, number: int, frame: types.FrameType | None) -> None:
        if self.requested:
            before = self._before[number]
            if callable(before) and not self._unwinds:
                before(number, frame)
            raise KeyboardInterrupt
        self.requested = True
        _say(f"{self._answer}; once more to stop at once")

    def stop(self, message: str) -> None:
        """End the program as interrupted, with a message."""
        raise KeyboardInterrupt(message)


class _OneLine(logging.Formatter):
    """Makes one line of a record, whatever the names in it are."""

    def format(self, record: logging.LogRecord) -> str:
        return shown(super().format(record))


class _Handler(logging.StreamHandler):
    """Gives up when nobody can read what it writes."""

    def handleError(self, record: logging.LogRecord) -> None:
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            raise error
        _close_output(error)


def _signals() -> Iterator[int]:
    """The signals to handle: a closed terminal is none under nohup."""
    for number in SIGNALS:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            yield number


def _stop(number: int, _frame: types.FrameType | None) -> None:
    """End now, with what is temporary removed."""
    for other in SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    remove_own()
    with contextlib.suppress(OSError, RuntimeError):  # the signal may have come while it was being written to
        sys.stdout.flush()
    with contextlib.suppress(OSError):
        os.write(sys.stderr.fileno(), (b"\n" if sys.stderr.isatty() else b"") + b"interrupted\n")  # after a bar
    os._exit(INTERRUPTED)


def _say(text: str, status: int = 0) -> int:
    """Write one line to standard error, if somebody reads it; returns the status."""
    line = shown(text)
    with contextlib.suppress(OSError):
        print(line if len(line) <= _LONGEST else f"{line[:_LONGEST]} ...", file=sys.stderr, flush=True)
    return status


def _in_words(error: Exception) -> str | None:
    """What to tell the user of an exception that the machine or the files cause; None where the mistake is ours."""
    in_engine = isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _MEMORY)
    if in_engine or isinstance(error, MemoryError):
        return "not enough memory; give smaller sizes (--im_resize, --train_batch_size, --hidden_ratio), or free some"
    if isinstance(error, OSError) and error.strerror:
        place = str(error.filename) if error.filename is not None else "a file"
        place = place if len(place) <= 200 else f"{place[:200]} ..."
        advice = "free disk space" if error.errno == errno.ENOSPC else "check the path and its permissions"
        return f"cannot use {place}: {error.strerror}; {advice}"
    if isinstance(error, ModuleNotFoundError) and error.name and "." not in error.name:
        return f"no package {error.name} in {sys.prefix}; source .venv/bin/activate, or pip install -r requirements.txt"
    return None


def _flush() -> None:
    """Write what is left of standard output, also where nobody can read it any more."""
    try:
        sys.stdout.flush()
    except OSError as error:
        _close_output(error)


def _close_output(error: OSError) -> None:
    """Go on without standard output."""
    if not isinstance(error, BrokenPipeError):
        _say(f"warning: standard output cannot be written ({error.strerror}); going on without it")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


@contextlib.contextmanager
def _engine_held_back() -> Iterator[Callable[[], None]]:
    """Keep what MindSpore itself writes to standard error out of the user's sight, unless GLOG_v asks for it.

    `sys.stderr` stays the user's. Gives a function that shows what was held back.
    """
    if "GLOG_v" in os.environ:
        yield lambda: None
        return
    sys.stderr.flush()
    users = open(os.dup(2), "w", encoding=sys.stderr.encoding, errors="backslashreplace", buffering=1)  # noqa: SIM115
    with tempfile.TemporaryFile() as file, contextlib.redirect_stderr(users):  # MindSpore keeps `users`: never closed
        os.dup2(file.fileno(), 2)
        faulthandler.enable(users)  # a crash shall not pass in silence
        try:
            yield lambda: _show(file)
        finally:
            faulthandler.disable()
            os.dup2(users.fileno(), 2)


def _show(file: BinaryIO) -> None:
    """Copy what was held back to standard error."""
    file.seek(0)
    with contextlib.suppress(OSError):
        os.write(sys.stderr.fileno(), file.read())
