"""This project's detector as export.py writes it for ONNX, in onnxruntime, without MindSpore."""

import os

import onnxruntime

from benchmarks import inputs
from benchmarks.workers.serve import Worker, seconds_of, serve


class Onnx(Worker):
    packages = ("onnxruntime", "numpy")

    def open(self, backbone: str, size: int, batch: int, pictures: int, folder: str) -> None:
        """Nothing to do before there is a file; the arguments are those of all workers."""
        self.size, self.sessions = size, {}

    def load(self, batch: int, file: str) -> None:
        """Take an exported file for batches of this size."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = os.cpu_count() or 1  # by default it leaves hyperthreads out
        self.sessions[batch] = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        self.sessions[batch].run(None, {"image": inputs.normalized(batch, self.size)})

    def infer(self, variant: str, batch: int, at_least: float) -> float:
        """Seconds from a normalised batch to its maps and scores as arrays."""
        image = inputs.normalized(batch, self.size)
        return seconds_of(lambda: self.sessions[batch].run(None, {"image": image}), at_least)


if __name__ == "__main__":
    serve(Onnx())
