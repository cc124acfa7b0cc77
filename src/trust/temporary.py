"""Temporary folders that no end of a process leaves behind for good.

A folder `.<name>.<8 letters or digits>.partial` belongs to the process that holds a lock on it; the kernel frees the
lock however that process ends. So whoever finds such a folder unlocked may remove it: its process is gone.
"""

import contextlib
import errno
import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

_OURS = re.compile(r"\.[^/]+\.[a-z0-9_]{8}\.partial", re.DOTALL)
_ATTEMPTS = 5  # at making a folder that nobody removes at once
_LONGEST = 100  # bytes of the name that are kept: the whole must be a file's name, too


@contextlib.contextmanager
def temporary_folder(target: Path) -> Iterator[Path]:
    """A new folder beside `target`, readable by the user only; it is removed at the end with all that is in it.

    Raises:
        OSError: it cannot be made.
    """
    name = os.fsencode(target.name)[:_LONGEST].decode(errors="ignore") or "file"
    for _ in range(_ATTEMPTS):
        folder = Path(tempfile.mkdtemp(prefix=f".{name}.", suffix=".partial", dir=target.parent))
        handle = _lock(folder)
        if handle is not None:  # else another process took it for a leftover before it was locked
            break
        shutil.rmtree(folder, ignore_errors=True)
    else:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK), str(target.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def remove_leftovers(parent: Path) -> None:
    """Remove from a folder what processes of this user have left that were killed."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError), os.scandir(parent) as entries:
        left = [Path(entry.path) for entry in entries if _OURS.fullmatch(entry.name)]
        for folder in left:
            handle = _lock(folder)
            if handle is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(handle)


def remove_own() -> None:
    """Remove this process's temporary folders and lock files, where it ends without coming back to them.

    The list is the kernel's: those that this process has open, and has not inherited.
    """
    with contextlib.suppress(OSError):
        for entry in os.listdir("/proc/self/fd"):
            with contextlib.suppress(OSError):
                path = Path(os.readlink(f"/proc/self/fd/{entry}"))
                if os.get_inheritable(int(entry)):
                    continue
                if _OURS.fullmatch(path.name):
                    shutil.rmtree(path, ignore_errors=True)
                elif path.name.startswith(".") and path.name.endswith(".lock"):
                    path.unlink()


def _lock(folder: Path) -> int | None:
    """Take a folder's lock; None where another process has it, or the folder is gone or another user's."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        here, there = os.fstat(handle), folder.stat()
        if os.path.samestat(here, there) and here.st_uid == os.geteuid():
            return handle
    except OSError:
        pass
    os.close(handle)
    return None
