"""Where a program may write: never over an input, another output, or a file that is not of the kind it writes there."""

import json
import os
from collections.abc import Iterable
from pathlib import Path

from src.utils import UserError, check_writable

HTML_BEGINNING = "<!DOCTYPE html>\n<!-- fastflow_mindspore -->"  # of every page that we write

_BEGINNINGS = {  # how the files that we write begin, by their ending
    ".ckpt": b"\x0a",  # the tag of the first field of a protobuf message
    ".mindir": b"\x0a",
    ".onnx": b"\x08",
    ".png": b"\x89PNG",
    ".json": b"{",
    ".jsonl": b'{"name": ',
    ".html": HTML_BEGINNING.encode(),
    ".csv": (b"category,", b"file,"),
    ".npy": b"\x93NUMPY",
    ".tiff": (b"II*\0", b"MM\0*"),
}
_KEYS = {"sha256", "versions", "thresholds", "metrics", "rows", "options"}  # each JSON of ours has one of these
_LONGEST = 64  # bytes of a beginning, or more
_LARGEST = 1 << 28  # bytes of a JSON


def check_outputs(outputs: Iterable[Path], inputs: Iterable[str | os.PathLike | None] = ()) -> None:
    """Check that every output can be written and takes nothing from the user; makes their folders.

    Args:
        outputs: the files that the program is going to write.
        inputs: the files that it reads; None is passed over.

    Raises:
        UserError: an output is an input, another output, no regular file, of another kind, or cannot be written.
    """
    outputs, written = list(outputs), set()
    read = {_identity(Path(path)) for path in inputs if path is not None}
    for output in outputs:
        identity = _identity(output)
        if identity in read:
            raise UserError(f"{output} is read and would be overwritten; give the output another name")
        if identity in written:
            raise UserError(f"{output} would be written twice; give different names")
        written.add(identity)
        _check_kind(output)
    check_writable(*outputs)


def _identity(path: Path) -> tuple[int, int] | str:
    """What two names of one file have in common."""
    try:
        status = path.stat()
    except OSError:  # it is not there yet, or cannot be read: then that is found out elsewhere
        return os.path.realpath(path)
    return status.st_dev, status.st_ino


def _check_kind(output: Path) -> None:
    """Check that what stands in an output's place, if anything, is such a file as we write there."""
    if not output.exists() or output.is_dir():  # a folder is refused by `check_writable`
        return
    if not output.is_file():
        raise UserError(f"{output} is not a regular file; give the name of a file")
    beginning = _BEGINNINGS.get(output.suffix, b"{" if output.suffix not in (".air", ".md") else b"")
    try:
        with output.open("rb") as file:
            content = file.read(_LARGEST if beginning == b"{" else _LONGEST)
    except OSError as error:
        raise UserError(f"cannot read {output}, which would be replaced: {error.strerror}; remove it") from error
    ours = not content or content.startswith(beginning)
    if ours and content and beginning == b"{":
        ours = _is_our_json(content)
    if not ours:
        raise UserError(f"{output} is there and is not what would be written; remove it, or give another name")


def _is_our_json(content: bytes) -> bool:
    """Whether a JSON is one of ours; one that is damaged may be."""
    try:
        return bool(_KEYS & set(json.loads(content)))
    except (ValueError, RecursionError):
        return True
