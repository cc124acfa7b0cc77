"""What decoding libraries write on their own account, heard per file: Pillow's warnings and log lines, and what C code
(libtiff, libpng, libjpeg) writes to standard error."""

import contextlib
import logging
import os
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import TypeVar

_Result = TypeVar("_Result")
_SHOWN = 200  # letters of the first line of what was heard


class Listener:
    """Runs decoders in any number of threads, and knows which file made which noise.

    Standard error belongs to the process and not to a thread. So files are decoded together first, and one that noise
    was heard beside is decoded once more, alone: what is heard then is its own.
    """

    def __init__(self) -> None:
        self._turn = threading.Condition()
        self._running, self._tape, self._ending = 0, _Tape(), contextlib.ExitStack()

    def hear(self, decode: Callable[[], _Result]) -> tuple[_Result, str | None]:
        """What `decode` gives, and what was written meanwhile, as one short line; None where nothing was.

        Raises:
            Exception: whatever `decode` raises; what it wrote is dropped then.
        """
        with self._together():
            before = self._tape.length()
            result = decode()
            quiet = self._tape.length() == before
        return (result, None) if quiet else self._alone(decode)

    def _alone(self, decode: Callable[[], _Result]) -> tuple[_Result, str | None]:
        """Decode while no other file is."""
        with self._turn:
            self._turn.wait_for(lambda: not self._running)
            with _recorded() as tape:
                result = decode()
                return result, _in_short(tape.lines())

    @contextlib.contextmanager
    def _together(self) -> Iterator[None]:
        """One of those that decode at the same time: the first begins to record, the last ends it."""
        with self._turn:
            if not self._running:
                self._tape = self._ending.enter_context(_recorded())
            self._running += 1
        try:
            yield
        finally:
            with self._turn:
                self._running -= 1
                if not self._running:
                    self._ending.close()
                self._turn.notify_all()


class _Tape(logging.Handler):
    """What was written: to standard error (a file), as warnings and as records of Pillow's loggers."""

    def __init__(self, file: int | None = None, warned: list[warnings.WarningMessage] | None = None) -> None:
        super().__init__()
        self._file, self._warned, self._logged = file, [] if warned is None else warned, []

    def emit(self, record: logging.LogRecord) -> None:
        self._logged.append(record.getMessage())

    def length(self) -> int:
        """Grows with all that is written."""
        written = 0 if self._file is None else os.fstat(self._file).st_size
        return written + len(self._warned) + len(self._logged)

    def lines(self) -> list[str]:
        """All that was written."""
        written = b"" if self._file is None else os.pread(self._file, 1 << 16, 0)
        said = [str(warning.message) for warning in self._warned] + self._logged
        return said + written.decode(errors="replace").splitlines()


@contextlib.contextmanager
def _recorded() -> Iterator[_Tape]:
    """Record instead of showing."""
    pillow = logging.getLogger("PIL")
    with tempfile.TemporaryFile(buffering=0) as file, warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", DeprecationWarning)  # is not about the file
        tape, spreads, before = _Tape(file.fileno(), warned), pillow.propagate, os.dup(2)
        tape.setLevel(logging.WARNING)
        pillow.addHandler(tape)
        pillow.propagate = False
        os.dup2(file.fileno(), 2)
        try:
            yield tape
        finally:
            os.dup2(before, 2)
            os.close(before)
            pillow.removeHandler(tape)
            pillow.propagate = spreads


def _in_short(lines: list[str]) -> str | None:
    """The first line and how many follow; None for none."""
    said = [" ".join(line.split()) for line in lines if line.strip()]
    if not said:
        return None
    more = f" (and {len(said) - 1} more)" if len(said) > 1 else ""
    return said[0][:_SHOWN] + more
