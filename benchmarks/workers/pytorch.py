"""The same network in PyTorch, eager, as a PyTorch user would write it."""

import os
from pathlib import Path

import numpy as np
import torch

from benchmarks.torch_fastflow import FastFlow, adam
from benchmarks.workers import scoring
from benchmarks.workers.worker import CONV3X3_ONLY, NetworkWorker, noise_images, seconds_of, serve
from src.dataset import normalize

# As `src.encoder` has them, which this process does not import because it needs MindSpore. A test compares the two.
CHANNELS = {
    "wide_resnet50_2": (256, 512, 1024),
    "resnet50": (256, 512, 1024),
    "resnet18": (64, 128, 256),
    "efficientnet_lite0": (24, 40, 112),
    "efficientnet_lite1": (24, 40, 112),
    "efficientnet_lite2": (24, 48, 120),
}
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class PyTorch(NetworkWorker):
    """Variants: `encoded` trains with the encoder in every step; `cached`, on kept features; `detector` infers."""

    packages = ("torch", "numpy")

    def open(self, backbone: str, size: int, batch: int, pictures: int, folder: str) -> None:
        """As `NetworkWorker.open`. Every step trains on the same batch, normalised beforehand."""
        torch.manual_seed(1)
        torch.set_num_threads(os.cpu_count() or 1)  # by default PyTorch leaves hyperthreads out
        self.size, self.batch, self.pictures = size, batch, pictures
        self.model = FastFlow(backbone, CHANNELS[backbone], size, conv3x3_only=CONV3X3_ONLY[backbone])
        self.optimizer = adam(self.model)
        self.images = torch.from_numpy(normalize(noise_images(batch, size), MEAN, STD))

    def begin(self, variant: str) -> dict[str, float]:
        """Seconds of encoding as many batches as the training set has (one is kept), and of the first step."""
        seconds = {}
        if variant == "cached":
            self.features = self.model.features(self.images)
            batches = -(-self.pictures // self.batch)
            seconds["encoding"] = sum(seconds_of(lambda: self.model.features(self.images)) for _ in range(batches))
        return seconds | super().begin(variant)

    def loss(self, variant: str) -> float:
        """Do one training step; its loss."""
        features = self.features if variant == "cached" else self.model.features(self.images)
        loss = self.model.loss(features)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def detect(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Normalised batch -> maps [B, S, S] and scores [B]."""
        with torch.no_grad():
            latents, _ = self.model.flow(self.model.feature_extractor(torch.from_numpy(image)))
            maps = self.model.anomaly_map(latents)
            return maps[:, 0].numpy(), maps.amax((1, 2, 3)).numpy()

    def evaluate(self, file: str) -> float:
        """Seconds from decoded pictures to maps, and from these to pixel AUROC and AP by scikit-learn on arrays."""
        scoring.import_scikit_learn()
        test = scoring.load_test_set(Path(file))
        images = noise_images(len(test.labels), self.size)
        return seconds_of(lambda: self._evaluate(test, images))

    def _evaluate(self, test: scoring.TestSet, images: np.ndarray) -> None:
        parts = [images[i : i + self.batch] for i in range(0, len(images), self.batch)]
        maps = [self.detect(normalize(part, MEAN, STD))[0] for part in parts]
        scoring.scikit_learn(test, np.concatenate(maps))


if __name__ == "__main__":
    serve(PyTorch())
