"""This project's detector as export.py writes it for ONNX, in onnxruntime and without MindSpore."""

import os

import onnxruntime

from benchmarks.workers.worker import Worker, noise_batch, seconds_of, serve


class Onnx(Worker):
    """Infers with files that the worker `this` has written; it has no variants."""

    packages = ("onnxruntime", "numpy")

    def open(self, backbone: str, size: int, batch: int, pictures: int, folder: str) -> None:
        """Remember the size of the images; the other arguments are those of every worker."""
        self.size, self.sessions = size, {}

    def load(self, batch: int, file: str) -> None:
        """Take an exported file for batches of `batch` images."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = os.cpu_count() or 1  # by default onnxruntime leaves hyperthreads out
        self.sessions[batch] = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        self.sessions[batch].run(None, {"image": noise_batch(batch, self.size)})

    def infer(self, variant: str, batch: int, at_least: float) -> float:
        """Seconds from a normalised batch to its maps and scores, as `seconds_of` takes them."""
        image = noise_batch(batch, self.size)
        return seconds_of(lambda: self.sessions[batch].run(None, {"image": image}), at_least)


if __name__ == "__main__":
    serve(Onnx())
