"""The one reader of the JSON files that programs write for each other, and their writer: sealed by a digest.

A sealed file has the SHA-256 of all its other values under the key `sha256`. One that was changed afterwards is
refused, and one without that key, of an older version or written by hand, is read with a warning.
"""

import os
from collections.abc import Mapping
from typing import Any

from src.trust import digest
from src.trust.schema import Check, parse_object
from src.trust.text_file import read_text
from src.utils import UserError, log, write_json


def read_json(path: str | os.PathLike, check: Check, writer: str) -> dict[str, Any]:
    """Read a JSON object that one of our programs has written, with every value checked.

    Args:
        check: what the object must be.
        writer: whose file it is, and what writes it again, for the message: "train.py's; train again".

    Returns:
        The object, with its seal.

    Raises:
        UserError: the file is missing, unreadable or not JSON, a value is not valid, or the file is not as it was
            written.
    """
    value = _load(path)
    if not check(value):
        raise UserError(f"{path} is not {writer}")
    check_digest(path, value)
    return value


def write_sealed_json(target: str | os.PathLike, value: Mapping[str, Any]) -> None:
    """Write a JSON object with its digest, atomically."""
    write_json(target, {**value, digest.KEY: digest.of_object(value)})


def check_digest(path: str | os.PathLike, value: Mapping[str, Any]) -> None:
    """Check that an object is as it was sealed; say so where it has no seal.

    Raises:
        UserError: it is not; the message names `path`, where it was read.
    """
    sealed = value.get(digest.KEY)
    if sealed is None:
        log.warning("%s is of an older version: it has no digest to check it by", path)
    elif sealed != digest.of_object(value):
        raise UserError(
            f"{path} is not as it was written: its digest is another; write it again, or, if you changed it, "
            f"remove its key {digest.KEY}"
        )


def _load(path: str | os.PathLike) -> dict[str, Any]:
    """A file's JSON object."""
    try:
        return parse_object(read_text(path))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; check the path") from error
    except ValueError as error:
        raise UserError(f"{path} is not a JSON object ({error}); write it again") from error
