"""The machine: what it is, and how much of it other programs took while something was measured.

PyTorch's threads wait for each other in a loop. So a second program on their cores makes a step several times slower;
MindSpore's threads suffer less, and a comparison of the two would be worthless.
"""

import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

QUIET = 0.05  # share of all cores' time; a measurement during which others had more is repeated
TRIES = 4
SHORTEST = 0.3  # seconds; the system counts processor time in hundredths, which is too coarse for less
_GUESTS = ("guest", "guest_nice")  # of psutil.cpu_times(); they are counted in user time too


def describe() -> dict:
    """Processor, cores, memory, operating system and the load at this moment."""
    names = _cpuinfo("model name")
    return {
        "processor": names[0] if names else platform.processor() or platform.machine(),
        "cores": cores(),
        "memory_gb": psutil.virtual_memory().total / 1e9,
        "system": platform.platform(),
        "load": os.getloadavg()[0],
        "avx512": has_avx512(),
    }


def cores() -> int:
    """Logical processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def limited_to(count: int) -> Iterator[None]:
    """Let this process, and those that it starts meanwhile, use so many of its cores and no more."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(allowed)[:count])
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def has_avx512() -> bool:
    """Whether the processor has AVX-512. Only with it are MindSpore's convolutions slow (see `src.runtime.device`)."""
    return any("avx512f" in flags.split() for flags in _cpuinfo("flags"))


def _cpuinfo(name: str) -> list[str]:
    """The values of a line in /proc/cpuinfo, one per processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    return [value.strip() for key, _, value in (line.partition(":") for line in lines) if key.strip() == name]


def measure_quietly(measure: Callable[[], float]) -> tuple[float, float]:
    """Call `measure` until other programs were quiet meanwhile, but at most `TRIES` times.

    Returns:
        Of the least disturbed call: the seconds that `measure` gave, and the others' share of all cores' time.
    """
    least = None
    for _ in range(TRIES):
        seconds, share = _watched(measure)
        if least is None or share < least[1]:
            least = seconds, share
        if share <= QUIET:
            break
    return least


def _watched(measure: Callable[[], float]) -> tuple[float, float]:
    """What `measure` gives, and the share of all cores' time meanwhile that neither this program nor a worker had."""
    busy, own, started = _busy(), _own(), time.perf_counter()
    seconds = measure()
    elapsed = time.perf_counter() - started
    others = (_busy() - busy) - (_own() - own)
    return seconds, max(0.0, others / (elapsed * cores())) if elapsed >= SHORTEST else 0.0


def _busy() -> float:
    """Seconds that the processors have worked for anybody, with the time that a hypervisor took from them."""
    times = psutil.cpu_times()
    return sum(times) - times.idle - getattr(times, "iowait", 0) - sum(getattr(times, n, 0) for n in _GUESTS)


def _own() -> float:
    """Processor seconds of this process, its workers, and the commands that they ran to the end."""
    total = 0.0
    for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        times = process.cpu_times()
        total += times.user + times.system + times.children_user + times.children_system
    return total
