"""The one reader of the JSON files that programs write for each other, and their writer: sealed by a digest.

A sealed file has the SHA-256 of all its other values under the key `sha256`. One that was changed afterwards is
refused, and one without that key, of an older version or written by hand, is read with a warning.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from src.trust import digest
from src.trust.schema import Check, parse_object
from src.utils import UserError, log, write_json

_LARGEST = 1 << 28  # bytes; the longest JSON here, of a test set of 100,000 pictures, has some 10 MB


def read_json(path: str | os.PathLike, check: Check, writer: str) -> dict[str, Any]:
    """Read a JSON object that one of our programs has written, with every value checked.

    Args:
        check: what the object must be.
        writer: whose file it is, and what writes it again, for the message: "train.py's; train again".

    Returns:
        The object without its seal.

    Raises:
        UserError: the file is missing, unreadable or not JSON, a value is not valid, or the file is not as it was
            written.
    """
    value = _load(Path(path))
    if not check(value):
        raise UserError(f"{path} is not {writer}")
    sealed = value.pop(digest.KEY, None)
    if sealed is None:
        log.warning("%s is of an older version: it has no digest to check it by", path)
    elif sealed != digest.of_object(value):
        raise UserError(
            f"{path} is not as it was written: its digest is another; write it again, or, if you changed it, "
            f"remove its key {digest.KEY}"
        )
    return value


def write_sealed_json(target: str | os.PathLike, value: Mapping[str, Any]) -> None:
    """Write a JSON object with its digest, atomically."""
    write_json(target, {**value, digest.KEY: digest.of_object(value)})


def _load(path: Path) -> dict[str, Any]:
    """A file's JSON object."""
    try:
        with path.open(encoding="utf-8") as file:
            if os.fstat(file.fileno()).st_size > _LARGEST:
                raise UserError(f"{path} has more than {_LARGEST >> 20} MB, more than any JSON here; check the path")
            return parse_object(file.read())
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; check the path") from error
    except ValueError as error:
        raise UserError(f"{path} is not a JSON object ({error}); write it again") from error
