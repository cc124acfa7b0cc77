"""anomalib's FastFlow: its own model and loss, PyTorch eager. Needs anomalib's Python and nothing of this project."""

import os

import torch
from anomalib.models.image.fastflow.loss import FastflowLoss
from anomalib.models.image.fastflow.torch_model import FastflowModel

from benchmarks import inputs
from benchmarks.workers.serve import Worker, check_loss, seconds_of, serve

CONV3X3_ONLY = {"wide_resnet50_2": False, "resnet18": True}  # this project's defaults


class Anomalib(Worker):
    """Variants: `encoded` trains, the encoder in every step; `detector` infers."""

    packages = ("anomalib", "torch", "timm", "FrEIA", "numpy")

    def open(self, backbone: str, size: int, batch: int, pictures: int, folder: str) -> None:
        """A model of random weights; every step trains on one batch of size x size, normalised beforehand."""
        torch.manual_seed(1)
        torch.set_num_threads(os.cpu_count() or 1)  # by default it leaves hyperthreads out
        self.size = size
        self.model = FastflowModel(
            (size, size), backbone, pre_trained=False, flow_steps=8, conv3x3_only=CONV3X3_ONLY[backbone]
        )
        parameters = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.Adam(parameters, lr=1e-3, weight_decay=1e-5)
        self.criterion = FastflowLoss()
        self.images = torch.from_numpy(inputs.normalized(batch, size))

    def begin(self, variant: str) -> dict[str, float]:
        """Seconds of what is done once: the first step."""
        return {"first_step": self.step(variant)}

    def step(self, variant: str) -> float:
        """Seconds of a training step."""
        self.model.train()
        return seconds_of(lambda: check_loss(self.loss()))

    def loss(self) -> float:
        """A training step: its loss."""
        loss = self.criterion(*self.model(self.images))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def infer(self, variant: str, batch: int, at_least: float) -> float:
        """Seconds from a normalised batch to its maps and scores as arrays."""
        self.model.eval()
        image = inputs.normalized(batch, self.size)
        self.detect(image)
        return seconds_of(lambda: self.detect(image), at_least)

    def detect(self, image) -> None:
        """Normalised batch -> maps and scores."""
        with torch.no_grad():
            found = self.model(torch.from_numpy(image))
            found.anomaly_map.numpy()
            found.pred_score.numpy()


if __name__ == "__main__":
    serve(Anomalib())
