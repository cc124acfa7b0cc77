"""How much of the processor others took while something was measured.

PyTorch's threads wait for each other in a loop: a second program on their cores makes a step several times slower,
and a comparison with MindSpore, whose threads suffer less, worthless.
"""

import time
from collections.abc import Callable

import psutil

from benchmarks.machine import cores

LIMIT = 0.05  # of all cores' time: a measurement with more is repeated
TRIES = 4
SHORTEST = 0.3  # seconds; the system counts processor time in hundredths, too coarse for less
_GUESTS = ("guest", "guest_nice")  # of psutil.cpu_times(); counted in user time too


def measure_quietly(measure: Callable[[], float]) -> tuple[float, float]:
    """A measurement (seconds), repeated while others compute; of `TRIES` the least disturbed, and the others' share."""
    found = []
    for _ in range(TRIES):
        seconds, share = _watched(measure)
        found.append((share, seconds))
        if share <= LIMIT:
            break
    share, seconds = min(found)
    return seconds, share


def _watched(measure: Callable[[], float]) -> tuple[float, float]:
    """A measurement and the share of all cores' time meanwhile that neither this program nor a worker had."""
    busy, own, started = _busy(), _own(), time.perf_counter()
    seconds = measure()
    elapsed = time.perf_counter() - started
    others = (_busy() - busy) - (_own() - own)
    return seconds, max(0.0, others / (elapsed * cores())) if elapsed >= SHORTEST else 0.0


def _busy() -> float:
    """Seconds that the processors have worked, for anybody, time stolen by a hypervisor included."""
    times = psutil.cpu_times()
    return sum(times) - times.idle - getattr(times, "iowait", 0) - sum(getattr(times, n, 0) for n in _GUESTS)


def _own() -> float:
    """Processor seconds of this process and the workers."""
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    return sum(sum(process.cpu_times()[:2]) for process in processes)
