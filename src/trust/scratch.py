"""Arrays in files without a name: no other program can change them or cut them short, and their room on the disk is
free when the process ends, however it ends."""

import math
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from src.utils import UserError


def array_on_disk(folder: Path, shape: Sequence[int], what: str = "maps", place: Path | None = None) -> np.memmap:
    """A float32 array of zeros of this shape.

    Args:
        folder: where the file is.
        what: that is kept, and `place`: where; for messages.

    Raises:
        UserError: the disk has no room.
    """
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            os.posix_fallocate(file.fileno(), 0, 4 * math.prod(shape))  # to write beyond the disk ends by a signal
            return np.memmap(file, np.float32, "r+", shape=tuple(shape))
    except OSError as error:
        raise UserError(f"cannot keep {what} in {place or folder}: {error.strerror}; free disk space") from error
