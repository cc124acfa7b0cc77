"""anomalib's FastFlow: its own model and loss, in PyTorch. Runs in anomalib's Python and needs nothing of `src/`."""

import os

import numpy as np
import torch
from anomalib.models.image.fastflow.loss import FastflowLoss
from anomalib.models.image.fastflow.torch_model import FastflowModel

from benchmarks.workers.worker import CONV3X3_ONLY, NetworkWorker, noise_batch, serve


class Anomalib(NetworkWorker):
    """Variants: `encoded` trains, with the encoder in every step; `detector` infers."""

    packages = ("anomalib", "torch", "timm", "FrEIA", "numpy")

    def open(self, backbone: str, size: int, batch: int, pictures: int, folder: str) -> None:
        """As `NetworkWorker.open`. Every step trains on the same batch, normalised beforehand."""
        torch.manual_seed(1)
        torch.set_num_threads(os.cpu_count() or 1)  # by default PyTorch leaves hyperthreads out
        self.size = size
        self.model = FastflowModel(
            (size, size), backbone, pre_trained=False, flow_steps=8, conv3x3_only=CONV3X3_ONLY[backbone]
        )
        parameters = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.Adam(parameters, lr=1e-3, weight_decay=1e-5)
        self.criterion = FastflowLoss()
        self.images = torch.from_numpy(noise_batch(batch, size))

    def step(self, variant: str) -> float:
        """Seconds of a training step."""
        self.model.train()
        return super().step(variant)

    def loss(self, variant: str) -> float:
        """Do one training step; its loss."""
        loss = self.criterion(*self.model(self.images))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def infer(self, variant: str, batch: int, at_least: float) -> float:
        """As `NetworkWorker.infer`."""
        self.model.eval()
        return super().infer(variant, batch, at_least)

    def detect(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Normalised batch -> maps and scores."""
        with torch.no_grad():
            found = self.model(torch.from_numpy(image))
            return found.anomaly_map.numpy(), found.pred_score.numpy()


if __name__ == "__main__":
    serve(Anomalib())
