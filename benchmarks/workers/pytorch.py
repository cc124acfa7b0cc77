"""The same network in PyTorch, eager, as a PyTorch user would write it."""

import os
from pathlib import Path

import numpy as np
import torch

from benchmarks import inputs, scoring, testset
from benchmarks.torch_network import adam, by_index
from benchmarks.workers.serve import Worker, check_loss, seconds_of, serve
from src.dataset import normalize
from tests.support import torch_reference

# Of src.encoder, which needs MindSpore: channels, and whether the flow has 3x3 convolutions only. Tested to be equal.
SHAPES = {
    "wide_resnet50_2": ((256, 512, 1024), False),
    "resnet18": ((64, 128, 256), True),
    "efficientnet_lite0": ((24, 40, 112), False),
}
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def build(backbone: str, size: int) -> torch_reference.FastFlow:
    """The network with this project's defaults."""
    channels, conv3x3_only = SHAPES[backbone]
    return by_index(torch_reference.FastFlow(backbone, channels, size, conv3x3_only=conv3x3_only, zero_pad_cells=False))


class PyTorch(Worker):
    """Variants: `encoded`, the encoder in every step without gradients; `cached`, features given; `detector` infers."""

    packages = ("torch", "numpy")

    def open(self, backbone: str, size: int, batch: int, pictures: int, folder: str) -> None:
        """A model of random weights; every step trains on one batch of size x size, normalised beforehand."""
        torch.manual_seed(1)
        torch.set_num_threads(os.cpu_count() or 1)  # by default it leaves hyperthreads out
        self.size, self.batch, self.pictures = size, batch, pictures
        self.model = build(backbone, size)
        self.optimizer = adam(self.model)
        self.images = torch.from_numpy(normalize(inputs.pictures(batch, size), MEAN, STD))

    def begin(self, variant: str) -> dict[str, float]:
        """Seconds of what is done once: encoding all pictures (of which one batch is kept) and the first step."""
        seconds = {}
        if variant == "cached":
            self.features = self.model.features(self.images)
            batches = -(-self.pictures // self.batch)
            seconds["encoding"] = sum(seconds_of(lambda: self.model.features(self.images)) for _ in range(batches))
        return seconds | {"first_step": self.step(variant)}

    def step(self, variant: str) -> float:
        """Seconds of a training step."""
        return seconds_of(lambda: check_loss(self.loss(variant)))

    def loss(self, variant: str) -> float:
        """A training step: its loss."""
        features = self.features if variant == "cached" else self.model.features(self.images)
        loss = self.model.loss(features)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def infer(self, variant: str, batch: int, at_least: float) -> float:
        """Seconds from a normalised batch to its maps and scores as arrays."""
        image = inputs.normalized(batch, self.size)
        self.detect(image)
        return seconds_of(lambda: self.detect(image), at_least)

    def detect(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Normalised batch -> maps [B, S, S] and scores [B]."""
        with torch.no_grad():
            latents, _ = self.model.flow(self.model.feature_extractor(torch.from_numpy(image)))
            maps = self.model.anomaly_map(latents)
            return maps[:, 0].numpy(), maps.amax((1, 2, 3)).numpy()

    def evaluate(self, variant: str, file: str) -> float:
        """Seconds of evaluating decoded pictures: maps, then pixel AUROC and AP by scikit-learn on arrays."""
        import sklearn.metrics  # noqa: F401 - before the clock runs; training does not need it

        test = testset.load(Path(file))
        images = inputs.pictures(len(test.labels), self.size)
        return seconds_of(lambda: self._evaluate(test, images))

    def _evaluate(self, test: testset.TestSet, images: np.ndarray) -> None:
        parts = [images[i : i + self.batch] for i in range(0, len(images), self.batch)]
        maps = [self.detect(normalize(part, MEAN, STD))[0] for part in parts]
        scoring.scikit_learn(test, np.concatenate(maps))


if __name__ == "__main__":
    serve(PyTorch())
