"""The 2022 way (benchmarks/way2022.py) in MindSpore's graph mode, with oneDNN limited as this project limits it."""

from src.runtime import device

device.prepare("CPU")

from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import Tensor

from benchmarks import inputs, scoring, testset
from benchmarks.way2022 import Network2022, host_maps
from benchmarks.workers.serve import Worker, check_loss, seconds_of, serve
from src.cell import TrainStep, adam
from src.dataset import normalize
from src.detector import Architecture
from src.encoder import ENCODERS, Encoder


class Way2022(Worker):
    """Variants: `encoded` trains, the encoder in every step; `detector` infers."""

    packages = ("mindspore", "numpy")

    def open(self, backbone: str, size: int, batch: int, pictures: int, folder: str) -> None:
        """A model of random weights; every step trains on one batch of size x size, normalised beforehand."""
        ms.set_seed(1)
        self.spec, self.size, self.batch = ENCODERS[backbone], size, batch
        architecture = Architecture(backbone, size, conv3x3_only=self.spec.conv3x3_only)
        self.network = Network2022(architecture, Encoder(backbone))
        self.train_step = TrainStep(self.network, adam(self.network, 1e-3, 1e-5))
        self.images = Tensor(normalize(inputs.pictures(batch, size), self.spec.mean, self.spec.std))

    def begin(self, variant: str) -> dict[str, float]:
        """Seconds of what is done once: the first step, compiling included."""
        return {"first_step": self.step(variant)}

    def step(self, variant: str) -> float:
        """Seconds of a training step."""
        return seconds_of(lambda: check_loss(float(self.train_step(self.images).asnumpy())))

    def infer(self, variant: str, batch: int, at_least: float) -> float:
        """Seconds from a normalised batch to its maps and scores as arrays."""
        image = inputs.normalized(batch, self.size)
        self.detect(image)  # compiles
        return seconds_of(lambda: self.detect(image), at_least)

    def detect(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Normalised batch -> maps [B, S, S] and scores [B]."""
        latents, _ = self.network(Tensor(image))
        maps = host_maps(tuple(z.asnumpy() for z in latents), self.size)
        return maps, maps.max((1, 2))

    def evaluate(self, variant: str, file: str) -> float:
        """Seconds of evaluating decoded pictures: maps, and pixel AUROC of Python lists."""
        import sklearn.metrics  # noqa: F401 - before the clock runs; training does not need it

        test = testset.load(Path(file))
        images = inputs.pictures(len(test.labels), self.size)
        self._maps(images[: self.batch])  # compiles
        return seconds_of(lambda: scoring.python_lists(test.masks, self._maps(images)))

    def _maps(self, images: np.ndarray) -> np.ndarray:
        """Maps of uint8 pictures; the last batch is filled up, or it would compile the graph again."""
        maps = []
        for start in range(0, len(images), self.batch):
            indices = np.minimum(np.arange(start, start + self.batch), len(images) - 1)
            maps.append(self.detect(normalize(images[indices], self.spec.mean, self.spec.std))[0])
        return np.concatenate(maps)[: len(images)]


if __name__ == "__main__":
    serve(Way2022())
