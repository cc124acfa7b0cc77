"""Whether a file is whole: those who write it do not say, so it must have stayed the same for some time."""

import os
import time
from collections.abc import Callable, Hashable
from pathlib import Path

Signature = tuple[int, int]  # a file's modification time in microseconds, which JSON can hold, and its bytes


def signature_of(path: Path) -> Signature | None:
    """What differs where a file has been written to; None where there is no file."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns // 1000, status.st_size


class Settling:
    """Files that were looked at, and since when they have been the same.

    Time is this process's own: the clock of a network share, by which files are dated, may be wrong. A file that was
    written elsewhere and renamed into its place needs the same time.

    Args:
        seconds: for which a file must have stayed the same.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic):
        self._seconds, self._clock = seconds, clock
        self._seen: dict[Hashable, tuple[Hashable, float]] = {}

    def age(self, key: Hashable, signature: Hashable) -> float:
        """Seconds for which a file has been seen with this signature."""
        now, (known, since) = self._clock(), self._seen.get(key, (None, 0.0))
        if known != signature:
            self._seen[key] = signature, now
            return 0.0
        return now - since

    def is_whole(self, key: Hashable, signature: Hashable) -> bool:
        """Whether it has been the same for long enough."""
        return self.age(key, signature) >= self._seconds

    def forget_others(self, keys: set[Hashable]) -> None:
        """Forget all files but these."""
        self._seen = {key: value for key, value in self._seen.items() if key in keys}
