"""A worker's side of the protocol. Only Python's own library here: anomalib's Python runs this too.

A line of JSON each way. The driver asks `{"call": METHOD, "arguments": {...}}`; the answer is `{"result": VALUE}`
or `{"error": TEXT}`. The worker ends when its standard input does.
"""

import json
import math
import os
import sys
import time
import traceback
from collections.abc import Callable
from importlib import metadata
from pathlib import Path


class Worker:
    """What every worker can do; subclasses add methods that take and return what JSON holds."""

    packages: tuple[str, ...] = ()

    def versions(self) -> dict[str, str]:
        """Versions of the packages that this worker computes with."""
        return {name: metadata.version(name) for name in self.packages}

    def peak_memory(self) -> int:
        """The largest resident memory of this process so far, in bytes."""
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        kilobytes = next(line.split()[1] for line in lines if line.startswith("VmHWM"))
        return 1024 * int(kilobytes)


def serve(worker: Worker) -> None:
    """Answer calls until standard input ends.

    Libraries print to standard output when they like, some from C++: the answers go to a copy of it, and everything
    else to standard error.
    """
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"result": getattr(worker, request["call"])(**request["arguments"])}
        except Exception as error:  # whatever it is, the driver has to tell
            traceback.print_exc()
            text = (str(error).strip() or "no message").splitlines()[0]
            answer = {"error": f"{type(error).__name__}: {text}"}
        print(json.dumps(answer), file=answers, flush=True)


def seconds_of(work: Callable[[], object], at_least: float = 0.0) -> float:
    """Seconds of one call, the mean of as many as fit into `at_least` seconds (one or more)."""
    started, calls = time.perf_counter(), 0
    while True:
        work()
        calls += 1
        elapsed = time.perf_counter() - started
        if elapsed >= at_least:
            return elapsed / calls


def check_loss(loss: float) -> None:
    """A loss that is not finite means slow arithmetic on NaN or infinity, and no measurement."""
    if not math.isfinite(loss):
        raise ArithmeticError(f"the loss is {loss}")
