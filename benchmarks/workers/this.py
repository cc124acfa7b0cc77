"""This project: the training step of train.py, with and without kept features, and the detector of eval.py.

`this_kernels` and `this_mindspore` are its processes: they settle what must be settled before MindSpore is imported.
"""

import itertools
from functools import cached_property
from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import Tensor

from benchmarks import inputs, testset
from benchmarks.workers.serve import Worker, check_loss, seconds_of
from src import evaluation
from src.cell import TrainStep, adam
from src.deploy import export
from src.detector import Architecture, Detector
from src.encoder import ENCODERS
from src.features import CachedFeatures, EncodedPictures
from src.inference import predict
from src.kernels import cells, library
from src.order import Order


def architecture(backbone: str, size: int) -> Architecture:
    """The encoder's own defaults, as train.py has them."""
    return Architecture(backbone, size, conv3x3_only=ENCODERS[backbone].conv3x3_only)


class This(Worker):
    """Variants: `cached` and `encoded` (features kept or not) train; `detector` and `mindir` (exported) infer.

    `mindir` and `export` are for a process without kernels: exported graphs have MindSpore's operations.
    """

    packages = ("mindspore", "numpy")

    def open(self, backbone: str, size: int, batch: int, pictures: int, folder: str) -> None:
        """A detector of random weights and `pictures` training pictures of size x size; files go to `folder`."""
        ms.set_seed(1)
        self.size, self.batch, self.folder = size, batch, Path(folder)
        self.detector = Detector(architecture(backbone, size))
        cells.install(self.detector, library.in_use)
        self.encoded = EncodedPictures(self.detector.encoder, inputs.pictures(pictures, size), backbone)
        order = Order(pictures, batch, seed=1)
        self.batches = map(order.batch, itertools.count())
        self.features, self.networks = {}, {}

    @cached_property
    def train_step(self) -> TrainStep:
        """Made when first asked for: who only evaluates has no optimizer."""
        return TrainStep(self.detector.fastflow, adam(self.detector.fastflow, 1e-3, 1e-5))

    def begin(self, variant: str) -> dict[str, float]:
        """Seconds of what is done once, compiling included: encoding (where features are kept) and the first step."""
        seconds = {}
        if variant == "cached":
            seconds["encoding"] = seconds_of(self._fill)
        else:
            self.features[variant] = self.encoded
        return seconds | {"first_step": self.step(variant)}

    def _fill(self) -> None:
        self.features["cached"] = CachedFeatures(self.encoded)

    def step(self, variant: str) -> float:
        """Seconds of a training step on the next batch."""
        return seconds_of(lambda: check_loss(self.loss(variant)))

    def loss(self, variant: str) -> float:
        """A training step: its loss, waited for."""
        return float(self.train_step(*self.features[variant].batch(next(self.batches))).asnumpy())

    def infer(self, variant: str, batch: int, at_least: float) -> float:
        """Seconds from a normalised batch to its maps and scores as arrays."""
        image = inputs.normalized(batch, self.size)
        if (variant, batch) not in self.networks:
            self.networks[variant, batch] = self._network(variant, batch)
            self.networks[variant, batch](image)  # compiles
        return seconds_of(lambda: self.networks[variant, batch](image), at_least)

    def _network(self, variant: str, batch: int):
        """A function from a normalised batch to arrays."""
        if variant == "mindir":
            return export.load(self._write(batch, "MINDIR"), "MINDIR")
        self.detector.set_train(False)
        return lambda image: [output.asnumpy() for output in self.detector(Tensor(image))]

    def _write(self, batch: int, file_format: str) -> Path:
        self.detector.set_train(False)
        file = self.folder / f"detector_{batch}.{file_format.lower()}"
        export.write(self.detector, Tensor(inputs.normalized(batch, self.size)), file, file_format)
        return file

    def export(self, batch: int) -> str:
        """The path of the detector as ONNX for batches of this size."""
        return str(self._write(batch, "ONNX"))

    def evaluate(self, variant: str, file: str) -> float:
        """Seconds of eval.py on decoded pictures: maps and scores, then every figure."""
        test = testset.load(Path(file))
        images = inputs.pictures(len(test.labels), self.size)
        predict(self.detector, images[: self.batch], self.batch)  # compiles
        return seconds_of(lambda: self._evaluate(test, images))

    def _evaluate(self, test: evaluation.TestSet, images: np.ndarray) -> None:
        maps, scores = predict(self.detector, images, self.batch)
        evaluation.report("benchmark", test, maps, scores)
