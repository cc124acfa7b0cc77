"""What every program shares: the user's mistakes, logging, and files that are whole or not there."""

import contextlib
import json
import logging
import os
import platform
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from src.trust.temporary import remove_leftovers, temporary_folder

log = logging.getLogger("fastflow")


class UserError(Exception):
    """A mistake that the user can mend. The text says what, where, and what to do, in one line."""


class WarnedOnce(logging.Filter):
    """Lets each warning through once: a picture may be decoded many times."""

    def __init__(self) -> None:
        super().__init__()
        self._said: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        text, warns = record.getMessage(), record.levelno >= logging.WARNING
        new = text not in self._said
        if warns:
            self._said.add(text)
        return new or not warns


def shown(text: str) -> str:
    """A text from outside as it may be printed: in one line, without control characters and broken letters."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def versions() -> dict[str, str]:
    """Versions of what computes, for results and checkpoints."""
    found = {"python": platform.python_version()}
    for name in ("mindspore", "numpy", "opencv-python-headless", "pillow"):
        with contextlib.suppress(metadata.PackageNotFoundError):  # postprocess.py needs no MindSpore
            found[name] = metadata.version(name)
    return found


@contextlib.contextmanager
def atomic_path(target: str | os.PathLike) -> Iterator[Path]:
    """A path of the same name in a temporary folder beside `target`; moved to `target` on success, else removed.

    Where `target` is a symlink, the file that it leads to is replaced.

    Raises:
        UserError: the folder cannot be made or written, or there is no regular file to replace.
    """
    target = real_target(target)
    try:
        with contextlib.ExitStack() as stack:
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                temporary = stack.enter_context(temporary_folder(target)) / target.name
            except OSError as error:
                raise UserError(
                    f"cannot write {target}: {error.strerror}; choose a folder that can be written"
                ) from error
            yield temporary
            temporary.chmod(0o666 & ~_umask())
            os.replace(temporary, target)
    except OSError as error:
        raise UserError(f"cannot write {target}: {error.strerror or error}; check the disk") from error


def real_target(target: str | os.PathLike) -> Path:
    """The file that is written for a path: where a symlink leads, it.

    Raises:
        UserError: something else than a file or folder is there, such as a device, or a symlink that leads nowhere.
    """
    path = Path(os.path.realpath(target))
    if path.is_symlink() or (path.exists() and not path.is_file() and not path.is_dir()):
        raise UserError(f"{target} is not a regular file; give the name of a file")
    return path


def check_writable(*targets: Path) -> None:
    """Make the folders of files and try to write in them, so that hours of work do not end in an error.

    What killed processes have left in these folders is removed.

    Raises:
        UserError: a folder cannot be made or written, or a folder has the name of a file.
    """
    folders = {}
    for target in targets:
        real = real_target(target)
        if real.is_dir():
            raise UserError(f"{target} is a folder; give the name of a file")
        folders[real.parent] = None
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            remove_leftovers(folder)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise UserError(f"cannot write in {folder}: {error.strerror}; choose another folder") from error


def _umask() -> int:
    """The process's file mode mask; reading it means setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_json(target: str | os.PathLike, value: object) -> None:
    """Write `value` as indented JSON, atomically. NaN is refused: JSON has none."""
    text = json.dumps(value, indent=2, allow_nan=False) + "\n"
    with atomic_path(target) as path:
        path.write_text(text, encoding="utf-8")
