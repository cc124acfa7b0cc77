"""Pictures that wait to be judged: requests and files take turns, so that neither waits for the other's end."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from src.serve.examiner import Finding

WATCH, HTTP = "watch", "http"  # where pictures come from
_FILES = 64  # that wait at a time


@dataclass(frozen=True)
class Job:
    """A picture to judge.

    Attributes:
        source: `WATCH` or `HTTP`.
        picture: its file, or its content.
        name, file: see `Examiner.examine`.
        answer: is called with what was found, or with the exception that came instead.
    """

    source: str
    picture: Path | bytes
    name: str
    file: str | None
    answer: Callable[[Finding | Exception], None]


class Failed(Exception):
    """A picture could not be judged, though it may be readable; the log says why."""


class Closed(Exception):
    """The desk takes nothing any more, because the program ends."""


class Desk:
    """Jobs for the one thread that judges. All methods may be called from any thread."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[Job]] = {HTTP: deque(), WATCH: deque()}
        self._changed = threading.Condition()
        self._last, self._closed = WATCH, False

    def put(self, job: Job) -> None:
        """Add a job; a file waits until there are few others. Who sends requests has a bound of his own.

        Raises:
            Closed: nothing is taken any more.
        """
        with self._changed:
            waiting = self._waiting[job.source]
            self._changed.wait_for(lambda: self._closed or job.source == HTTP or len(waiting) < _FILES)
            if self._closed:
                raise Closed
            waiting.append(job)
            self._changed.notify_all()

    def take(self, patience: float) -> Job | None:
        """The next job, from the other source than the last one if it has any; None where none comes in so many
        seconds."""
        with self._changed:
            self._changed.wait_for(lambda: any(self._waiting.values()), patience)
            sources = (HTTP, WATCH) if self._last == WATCH else (WATCH, HTTP)
            for source in sources:
                if self._waiting[source]:
                    self._last = source
                    self._changed.notify_all()
                    return self._waiting[source].popleft()
            return None

    def close(self) -> None:
        """Take nothing any more, and tell those who wait."""
        with self._changed:
            self._closed = True
            left = [job for waiting in self._waiting.values() for job in waiting]
            for waiting in self._waiting.values():
                waiting.clear()
            self._changed.notify_all()
        for job in left:
            job.answer(Closed())
