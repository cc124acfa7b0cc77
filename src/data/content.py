"""A picture file's content, in a file or in memory, as decoders take it."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Content:
    """A file's content that is in memory; it stands where a path does. `name` is what messages call it."""

    data: bytes
    name: str = "in memory"

    def __str__(self) -> str:
        return self.name


File = Path | Content


def stream_of(file: File) -> Path | io.BytesIO:
    """What Pillow opens."""
    return io.BytesIO(file.data) if isinstance(file, Content) else file


def bytes_of(file: File) -> np.ndarray:
    """All bytes: uint8 [N], which is what OpenCV decodes. Its own `imread` takes no non-ASCII path on Windows."""
    return np.frombuffer(file.data, np.uint8) if isinstance(file, Content) else np.fromfile(file, dtype=np.uint8)


def length_of(file: File) -> int:
    """The number of bytes."""
    return len(file.data) if isinstance(file, Content) else file.stat().st_size
