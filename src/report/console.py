"""What a program shows while it works: a bar on a terminal, log lines elsewhere."""

import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from src.utils import log


def bar(items: Iterable, title: str) -> Iterator:
    """The items, with a bar while standard error is a terminal."""
    return tqdm(items, desc=title, disable=not sys.stderr.isatty(), leave=False)


def duration(seconds: float) -> str:
    """Hours, minutes and seconds as h:mm:ss."""
    minutes, second = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{second:02}"


# How `TrainingLine.step` writes a log line, and how run_all reads it: epoch, epochs, loss, time left.
STEP_LINE = "%s, step %d: loss %.2f, %.3f s per step, %s left"
STEP_PATTERN = re.compile(rb"epoch (\d+)/(\d+), step \d+: loss (\S+), .* (\S+) left")


class TrainingLine:
    """Where a training is in all its steps: loss, time of a step, time left.

    Args:
        done: steps finished before.
        total: steps in all.
    """

    def __init__(self, done: int, total: int):
        self.done, self.total, self.name = done, total, ""
        self._timed, self._seconds = 0, 0.0

    def __enter__(self) -> "TrainingLine":
        terminal = sys.stderr.isatty()
        self._bar = tqdm(initial=self.done, total=self.total, unit="step", disable=not terminal)
        self._redirected = ExitStack()
        if terminal:  # log lines go above the bar
            self._redirected.enter_context(logging_redirect_tqdm())
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()
        self._redirected.close()

    def title(self, name: str) -> None:
        """Name what is being done, e.g. the epoch."""
        self.name = name
        self._bar.set_description(name)

    def step(self, loss: float, seconds: float, log_line: bool) -> None:
        """One more step is done; `seconds` is its time with the work finished."""
        self.done += 1
        self._timed += 1
        self._seconds += seconds
        mean = self._seconds / self._timed
        self._bar.set_postfix(loss=f"{loss:.1f}", step=f"{mean:.2f} s", refresh=False)
        self._bar.update()
        if log_line:
            left = duration(mean * (self.total - self.done))
            log.info(STEP_LINE, self.name, self.done, loss, mean, left)
