"""Text files, of which no more is read than any of their kind has."""

import os
from pathlib import Path

LARGEST = 1 << 28  # bytes; the longest text here, a manifest of 100,000 pictures, has some 30 MB


def read_text(path: str | os.PathLike, encoding: str = "utf-8") -> str:
    """A file's text; the file may also be a pipe.

    Raises:
        OSError: it cannot be read.
        ValueError: it has more than `LARGEST` bytes, or is no text in this encoding.
    """
    with Path(path).open("rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ValueError(f"more than {LARGEST >> 20} MB")
    return content.decode(encoding)
