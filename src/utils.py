"""What every program shares: the user's mistakes, logging, interruption, and files that are whole or not there."""

import contextlib
import json
import logging
import os
import platform
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

log = logging.getLogger("fastflow")


class UserError(Exception):
    """A mistake that the user can mend. The text says what, where, and what to do, in one line."""


def run_program(main: Callable[[], None]) -> None:
    """Run a program's main function: a `UserError` becomes one line on standard error and exit status 2."""
    logging.basicConfig(format="%(message)s", stream=sys.stdout)
    log.setLevel(logging.INFO)
    try:
        main()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt as interrupt:
        print(f"interrupted{': ' if interrupt.args else ''}{''.join(interrupt.args)}", file=sys.stderr)
        sys.exit(130)


class Interrupt:
    """While entered, the first Ctrl-C (or SIGTERM) only asks to stop; a second one stops at once.

    Args:
        answer: what the user is told at the first one.
    """

    def __init__(self, answer: str = "stopping after this step") -> None:
        self.requested, self._answer = False, answer

    def __enter__(self) -> "Interrupt":
        self._before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        for number in self._before:
            signal.signal(number, self._request)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _request(self, number: int, _frame: object) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
        print(f"{self._answer}; once more to stop at once", file=sys.stderr)

    def stop(self, message: str) -> None:
        """End the program as interrupted, with a message."""
        raise KeyboardInterrupt(message)


def versions() -> dict[str, str]:
    """Versions of what computes, for results and checkpoints."""
    found = {"python": platform.python_version()}
    for name in ("mindspore", "numpy", "opencv-python-headless", "pillow"):
        with contextlib.suppress(metadata.PackageNotFoundError):  # postprocess.py needs no MindSpore
            found[name] = metadata.version(name)
    return found


@contextlib.contextmanager
def atomic_path(target: str | os.PathLike) -> Iterator[Path]:
    """A path beside `target` to write to; renamed to `target` on success and removed on failure.

    The temporary name keeps the suffix, because several writers choose the format (or append one) by it.

    Raises:
        UserError: the folder cannot be made or written.
    """
    target = Path(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.stem}.", suffix=target.suffix, dir=target.parent)
        os.close(handle)
    except OSError as error:
        raise UserError(f"cannot write {target}: {error.strerror}; choose a folder that can be written") from error
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        os.replace(temporary, target)
    except OSError as error:
        raise UserError(f"cannot write {target}: {error.strerror or error}; check the disk") from error
    finally:
        temporary.unlink(missing_ok=True)


def remove_leftovers(*targets: Path) -> None:
    """Remove what a killed process left of writing these files: `.<stem>.<8 random characters><suffix>`.

    Also with the ending `.tmp`, which `mindspore.save_checkpoint` writes before it renames.
    """
    for target in targets:
        ours = re.compile(rf"\.{re.escape(target.stem)}\.[a-z0-9_]{{8}}({re.escape(target.suffix)}|\.tmp)")
        for path in target.parent.glob(".*"):
            if ours.fullmatch(path.name):
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def check_writable(*targets: Path) -> None:
    """Make the folders of files and try to write in them, so that hours of work do not end in an error.

    Raises:
        UserError: a folder cannot be made or written, or a folder has the name of a file.
    """
    for target in targets:
        if target.is_dir():
            raise UserError(f"{target} is a folder; give the name of a file")
        folder = target.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
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
