"""A lock on a piece of work, held by an open file, so that it is free when its process and the children are gone."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from src.utils import UserError, log


@contextlib.contextmanager
def locked(path: Path, busy: str, patience: float = 0.0) -> Iterator[int]:
    """Hold the lock file `path`, which is there as long as it is held; gives its file descriptor for children.

    Args:
        path: its name begins with a dot and ends in .lock.
        busy: what to tell the user where it is not free.
        patience: seconds to wait for it.

    Raises:
        UserError: it is not free in that time, or cannot be made.
    """
    started, told = time.monotonic(), False
    while (handle := _take(path)) is None:
        if time.monotonic() - started >= patience:
            raise UserError(busy)
        if not told:
            log.info("waiting for an earlier run in %s to end", path.parent)
            told = True
        time.sleep(0.5)
    try:
        yield handle
    finally:
        path.unlink(missing_ok=True)  # still locked: nobody else can hold another file of this name
        os.close(handle)


def _take(path: Path) -> int | None:
    """Open and lock the file; None where another process has it."""
    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        except OSError as error:
            raise UserError(f"cannot write {path}: {error.strerror}; choose another folder") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(handle), path.stat()):
                return handle
        except BlockingIOError:
            os.close(handle)
            return None
        except FileNotFoundError:
            pass  # the one that held it has removed it
        os.close(handle)
