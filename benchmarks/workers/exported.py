"""This project's detector as export.py writes it for ONNX, in another runtime and without MindSpore.

`python -m benchmarks.workers.exported onnxruntime`, or `... openvino`.
"""

import os
import sys
from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.workers.worker import Worker, noise_batch, seconds_of, serve

Run = Callable[[np.ndarray], Sequence[np.ndarray]]  # a normalised batch -> maps and scores


def in_onnxruntime(file: str) -> Run:
    """A file in onnxruntime, on all cores: by default it leaves hyperthreads out."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = len(os.sched_getaffinity(0))
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    return lambda image: session.run(None, {"image": image})


def in_openvino(file: str) -> Run:
    """A file in OpenVINO, in float32 (where a processor has bfloat16, it would take that) and for a short wait."""
    import openvino

    wanted = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    wanted["INFERENCE_NUM_THREADS"] = len(os.sched_getaffinity(0))
    request = openvino.compile_model(file, "CPU", wanted).create_infer_request()
    return lambda image: list(request.infer({"image": image}).values())


RUNTIMES = {"onnxruntime": in_onnxruntime, "openvino": in_openvino}


class Exported(Worker):
    """Infers with files that the worker `this` has written; it has no variants.

    Args:
        runtime: of `RUNTIMES`.
    """

    def __init__(self, runtime: str):
        self.runtime, self.packages = runtime, (runtime, "numpy")

    def open(self, backbone: str, size: int, batch: int, pictures: int, folder: str) -> None:
        """Remember the size of the images; the other arguments are those of every worker."""
        self.size, self.loaded = size, {}

    def load(self, batch: int, file: str) -> None:
        """Take an exported file for batches of `batch` images."""
        self.loaded[batch] = RUNTIMES[self.runtime](file)
        self.loaded[batch](noise_batch(batch, self.size))

    def infer(self, variant: str, batch: int, at_least: float) -> float:
        """Seconds from a normalised batch to its maps and scores, as `seconds_of` takes them."""
        image = noise_batch(batch, self.size)
        return seconds_of(lambda: self.loaded[batch](image), at_least)


if __name__ == "__main__":
    serve(Exported(sys.argv[1]))
