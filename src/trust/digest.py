"""SHA-256 digests of arrays, of JSON objects and of files, as hexadecimal digits."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

KEY = "sha256"  # under which a JSON object holds the digest of all else that belongs to it
_PIECE = 1 << 20  # bytes read at a time


def of_object(value: Mapping[str, Any], arrays: Mapping[str, np.ndarray] | None = None) -> str:
    """The digest of a JSON object and of arrays that belong to it: of their names, types, shapes and bytes.

    The order of keys and names does not count, and neither does what the object has under `KEY`.
    """
    rest = {name: entry for name, entry in value.items() if name != KEY}
    digest = hashlib.sha256(json.dumps(rest, sort_keys=True, allow_nan=False).encode())
    for name, array in sorted((arrays or {}).items()):
        head = json.dumps([name, array.dtype.str, array.shape])
        digest.update(f"\n{head}\n".encode())  # JSON has no line break, so that no two sets of arrays look alike
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8))
    return digest.hexdigest()


def of_file(path: Path) -> str:
    """The digest of a file's content."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()
