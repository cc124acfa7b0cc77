"""What all workers share: answering calls, timing, and the input.

The driver writes one line of JSON per call to a worker's standard input: `{"call": METHOD, "arguments": {...}}`. The
worker writes one line back: `{"result": VALUE}` or `{"error": TEXT}`. It ends when its standard input does.

Only Python's own library and NumPy may be imported here, because anomalib's Python runs this too.
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
from typing import Any

import numpy as np

# As `src.encoder` has it, which only workers with MindSpore can import. A test compares the two.
CONV3X3_ONLY = {
    "wide_resnet50_2": False,
    "resnet50": False,
    "resnet18": True,
    "efficientnet_lite0": False,
    "efficientnet_lite1": False,
    "efficientnet_lite2": False,
}


class Worker:
    """What every worker can do. Subclasses add methods whose arguments and results JSON can hold.

    Attributes:
        packages: the packages that it computes with.
    """

    packages: tuple[str, ...] = ()

    def versions(self) -> dict[str, str]:
        """Versions of `packages`."""
        return {name: metadata.version(name) for name in self.packages}

    def peak_memory(self) -> int:
        """The largest resident memory of this process so far, in bytes."""
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        kilobytes = next(line.split()[1] for line in lines if line.startswith("VmHWM"))
        return 1024 * int(kilobytes)


class NetworkWorker(Worker):
    """A worker with a network. Subclasses define `open`, `loss` and `detect`, and `evaluate` if they can.

    A "variant" is one of several ways in which a worker trains or infers; each subclass names its own.
    """

    size: int  # pixels per side of the images, set by `open`

    def open(self, backbone: str, size: int, batch: int, pictures: int, folder: str) -> None:
        """Build the network, with random weights.

        Args:
            backbone: the encoder's name.
            size: pixels per side of the images.
            batch: images per training step and per batch of an evaluation.
            pictures: size of the training set, where features of all of it are kept.
            folder: for files.
        """
        raise NotImplementedError

    def loss(self, variant: str) -> float:
        """Do one training step; its loss."""
        raise NotImplementedError

    def detect(self, image: np.ndarray) -> Any:
        """Normalised batch (B, 3, S, S) -> its anomaly maps and scores as arrays."""
        raise NotImplementedError

    def begin(self, variant: str) -> dict[str, float]:
        """Do what is done once before training, and the first step; the seconds of each."""
        return {"first_step": self.step(variant)}

    def step(self, variant: str) -> float:
        """Seconds of a training step."""
        return seconds_of(lambda: self._train(variant))

    def _train(self, variant: str) -> None:
        loss = self.loss(variant)
        if not math.isfinite(loss):  # arithmetic on NaN or infinity can be slow: its time says nothing
            raise ArithmeticError(f"the loss is {loss}")

    def infer(self, variant: str, batch: int, at_least: float) -> float:
        """Seconds from a normalised batch of `batch` images to its maps and scores, as `seconds_of` takes them."""
        image = noise_batch(batch, self.size)
        self.detect(image)  # the first call of a size may compile a graph
        return seconds_of(lambda: self.detect(image), at_least)


def serve(worker: Worker) -> None:
    """Answer calls until standard input ends.

    Libraries print to standard output when they like, some of them from C++. So the answers go to a copy of it, and
    standard output itself is led to standard error.
    """
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"result": getattr(worker, request["call"])(**request["arguments"])}
        except Exception as error:  # the driver has to be told of any error
            traceback.print_exc()
            text = (str(error).strip() or "no message").splitlines()[0]
            answer = {"error": f"{type(error).__name__}: {text}"}
        print(json.dumps(answer), file=answers, flush=True)


def seconds_of(work: Callable[[], object], at_least: float = 0.0) -> float:
    """Seconds of one call of `work`: the mean of as many calls as fill `at_least` seconds, but of one at least."""
    started, calls = time.perf_counter(), 0
    while True:
        work()
        calls += 1
        elapsed = time.perf_counter() - started
        if elapsed >= at_least:
            return elapsed / calls


def noise_images(count: int, size: int, seed: int = 0) -> np.ndarray:
    """Decoded pictures of noise, uint8 [count, size, size, 3]. Times do not depend on what is in a picture."""
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), np.uint8)


def noise_batch(count: int, size: int, seed: int = 0) -> np.ndarray:
    """Noise like a normalised batch, of mean 0 and variance 1: float32 [count, 3, size, size]."""
    return np.random.default_rng(seed).standard_normal((count, 3, size, size), np.float32)
