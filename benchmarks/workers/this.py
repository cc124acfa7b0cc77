"""This project: train.py's training step, with and without kept features, and eval.py's detector.

`python -m benchmarks.workers.this direct`, or another value of `--convolution`, computes with the CPU kernels; oneDNN
has no limit then, so none of MindSpore's own convolutions may be used. `... this mindspore` computes with MindSpore's
operations, oneDNN limited to AVX2; this one also exports, because exported graphs have MindSpore's operations, and
times a single convolution.
"""

import sys

if __name__ == "__main__":  # before MindSpore is imported
    from src.runtime import device

    on_kernels = {"cpu_kernels": "on", "convolution": sys.argv[1]}
    used = device.prepare("CPU", **({} if sys.argv[1] == "mindspore" else on_kernels))

import itertools
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn

from benchmarks.workers import scoring
from benchmarks.workers.worker import NetworkWorker, noise_batch, noise_images, seconds_of, serve
from src.cell import TrainStep, adam
from src.deploy import comparison, export
from src.detector import Architecture, Detector
from src.encoder import ENCODERS
from src.features import CachedFeatures, EncodedPictures
from src.inference import predict
from src.initial import uniform_conv
from src.kernels import cells, update
from src.order import Order
from src.runtime.device import Device


class This(NetworkWorker):
    """Variants: `cached` trains on kept features; `encoded`, with the encoder in every step; `detector` and `mindir`
    (the exported file) infer.
    """

    packages = ("mindspore", "numpy")

    def __init__(self, device: Device):
        self.device = device

    def open(self, backbone: str, size: int, batch: int, pictures: int, folder: str) -> None:
        """As `NetworkWorker.open`. Every step trains on the next batch of `pictures` pictures."""
        ms.set_seed(1)
        self.size, self.batch, self.folder = size, batch, Path(folder)
        self.detector = Detector(Architecture(backbone, size, conv3x3_only=ENCODERS[backbone].conv3x3_only))
        cells.install(self.detector, self.device.kernels, self.device.convolution)
        self.encoded = EncodedPictures(self.detector.encoder, noise_images(pictures, size), backbone)
        order = Order(pictures, batch, seed=1)
        self.batches = map(order.batch, itertools.count())
        self.features, self.networks = {}, {}

    @cached_property
    def train_step(self) -> TrainStep:
        """Made at the first training step, so that an evaluation has no optimizer in memory."""
        step = TrainStep(self.detector.fastflow, adam(self.detector.fastflow, 1e-3, 1e-5))
        update.install(step, self.device.kernels, self.device.convolution)
        return step

    def begin(self, variant: str) -> dict[str, float]:
        """Seconds of encoding all pictures (where features are kept) and of the first step, compiling included."""
        seconds = {}
        if variant == "cached":
            seconds["encoding"] = seconds_of(self._fill)
        else:
            self.features[variant] = self.encoded
        return seconds | super().begin(variant)

    def _fill(self) -> None:
        self.features["cached"] = CachedFeatures(self.encoded)

    def loss(self, variant: str) -> float:
        """Do one training step on the next batch; its loss, waited for."""
        return float(self.train_step(*self.features[variant].batch(next(self.batches))).asnumpy())

    def infer(self, variant: str, batch: int, at_least: float) -> float:
        """As `NetworkWorker.infer`."""
        image = noise_batch(batch, self.size)
        if (variant, batch) not in self.networks:
            self.networks[variant, batch] = self._network(variant, batch)
            self.networks[variant, batch](image)  # compiles
        return seconds_of(lambda: self.networks[variant, batch](image), at_least)

    def _network(self, variant: str, batch: int) -> Callable[[np.ndarray], list[np.ndarray]]:
        """A function from a normalised batch to maps and scores."""
        if variant == "mindir":
            return comparison.load(self._write(batch, "MINDIR"), "MINDIR")
        self.detector.set_train(False)
        return lambda image: [output.asnumpy() for output in self.detector(Tensor(image))]

    def _write(self, batch: int, file_format: str) -> Path:
        """Export the detector for batches of `batch` images; the file's path."""
        self.detector.set_train(False)
        file = self.folder / f"detector_{batch}.{file_format.lower()}"
        export.write(self.detector, Tensor(noise_batch(batch, self.size)), file, file_format, self.device)
        return file

    def export(self, batch: int) -> str:
        """Export the detector as ONNX for batches of `batch` images; the file's path."""
        return str(self._write(batch, "ONNX"))

    def evaluate(self, file: str) -> float:
        """Seconds from decoded pictures to maps and scores, and from these to every figure, as in eval.py."""
        test = scoring.load_test_set(Path(file))
        images = noise_images(len(test.labels), self.size)
        predict(self.detector, images[: self.batch], self.batch)  # compiles
        return seconds_of(lambda: scoring.every_figure(test, *predict(self.detector, images, self.batch)))

    def convolve(self, batch: int, size: int) -> float:
        """Seconds of MindSpore's convolution, (batch, 128, size, size) -> (batch, 256, size, size), once compiled."""
        rng = np.random.default_rng(1)
        network = nn.SequentialCell(uniform_conv(128, 256, 3, rng))
        x = Tensor(rng.standard_normal((batch, 128, size, size), np.float32))
        network.compile(x)
        return seconds_of(lambda: network(x).asnumpy())


if __name__ == "__main__":
    serve(This(used))
