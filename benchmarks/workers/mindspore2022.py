"""What the 2022 original computed, in MindSpore's graph mode; this project does none of it.

The encoder is in the training graph, with its batch norms; nn.LayerNorm; permutations of channels are dense 1x1
convolutions; latents are brought to the host and become a map there; figures come from Python lists. The network is
built from this project's cells and has this project's weights, so that a test can compare the outputs. oneDNN is
limited to AVX2 here too.
"""

if __name__ == "__main__":  # before MindSpore is imported
    from src.runtime import device

    device.prepare("CPU")

from pathlib import Path

import cv2
import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops

from benchmarks.workers import scoring
from benchmarks.workers.worker import NetworkWorker, noise_images, seconds_of, serve
from src.cell import TrainStep, adam
from src.dataset import normalize
from src.detector import Architecture
from src.encoder import ENCODERS, Encoder
from src.fastflow import FlowStep
from src.layers import ConvActivation


class DenseFlowStep(FlowStep):
    """A flow step that permutes with a matrix. Its arguments are `FlowStep`'s."""

    def __init__(self, channels: int, kernel: int, hidden_ratio: float, rng: np.random.Generator):
        super().__init__(channels, kernel, hidden_ratio, rng)
        matrix = np.eye(channels, dtype=np.float32)[self.permutation.asnumpy()]
        self.dense = nn.Conv2d(channels, channels, 1, weight_init=Tensor(matrix.reshape(channels, channels, 1, 1)))
        self.dense.weight.requires_grad = False

    def transform(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """As `FlowStep.transform`."""
        x1, x2 = ops.split(x, (self.kept, self.changed), 1)
        s, t = self.coupling(x1)
        y = ops.concat((x1, x2 * ops.exp(s) + t), 1) * self.channel_scale() + self.global_offset
        return self.dense(y), self.picture_sum(s)


class NormalizedConv(nn.Cell):
    """A convolution without bias, a batch norm in inference mode, and what follows: together what `conv` does."""

    def __init__(self, conv: ConvActivation):
        super().__init__()
        channels = conv.out_channels
        self.after = conv.after
        self.norm = nn.BatchNorm2d(channels, beta_init=conv.bias.value(), use_batch_statistics=False)
        self.norm.moving_variance.set_data(Tensor(np.full(channels, 1 - self.norm.eps, np.float32)))
        self.conv2d, self.weight = conv.conv2d, conv.weight

    def construct(self, x: Tensor, shortcut: Tensor | None = None) -> Tensor:
        return self.after(self.norm(self.conv2d(x, self.weight)), shortcut)


def unfold(cell: nn.Cell) -> None:
    """Give every convolution in a cell its batch norm back, in place."""
    for name, child in list(cell.name_cells().items()):
        if type(child) is ConvActivation:
            setattr(cell, name, NormalizedConv(child))
        else:
            unfold(child)
    if isinstance(cell, nn.SequentialCell):
        cell.cell_list = tuple(cell.name_cells().values())


class Network2022(nn.Cell):
    """Normalised batch (B, 3, S, S) -> latents and log-determinants per scale, as `FastFlow` gives them.

    Args:
        architecture: of the network.
        encoder: gives its weights, and is changed.
        seed: the flows are those that this project builds from it.
    """

    def __init__(self, architecture: Architecture, encoder: Encoder, seed: int = 1):
        super().__init__()
        self.backbone = encoder.backbone
        unfold(self.backbone)
        for parameter in self.backbone.get_parameters():
            parameter.requires_grad = False
        self.backbone.set_train(False)
        fastflow = architecture.build_fastflow(seed)
        rng = np.random.default_rng(seed)
        for flow in fastflow.flows:
            dense = []
            for step in flow.steps:
                channels, kernel = step.kept + step.changed, step.conv1.kernel_size[0]
                dense.append(DenseFlowStep(channels, kernel, architecture.hidden_ratio, rng))
            flow.steps = nn.CellList(dense)
        fastflow.norms = nn.CellList(
            [nn.LayerNorm(norm.weight.shape, 1, 1, epsilon=1e-5) for norm in fastflow.norms]  # axes C, H, W
        )
        self.fastflow = fastflow  # after the changes, because this names the parameters

    def construct(self, image: Tensor) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        return self.fastflow(*self.backbone(image))


def host_maps(latents: tuple[np.ndarray, ...], size: int) -> np.ndarray:
    """Latents per scale (B, C, H, W) -> maps [B, size, size] by NumPy and OpenCV, image by image."""
    maps = []
    for i in range(len(latents[0])):
        scales = [-np.exp(-0.5 * np.mean(z[i] ** 2, axis=0)) for z in latents]
        maps.append(np.mean([cv2.resize(scale, (size, size)) for scale in scales], axis=0))
    return np.stack(maps)


class MindSpore2022(NetworkWorker):
    """Variants: `encoded` trains, with the encoder in every step; `detector` infers."""

    packages = ("mindspore", "numpy")

    def open(self, backbone: str, size: int, batch: int, pictures: int, folder: str) -> None:
        """As `NetworkWorker.open`. Every step trains on the same batch, normalised beforehand."""
        ms.set_seed(1)
        self.spec, self.size, self.batch = ENCODERS[backbone], size, batch
        architecture = Architecture(backbone, size, conv3x3_only=self.spec.conv3x3_only)
        self.network = Network2022(architecture, Encoder(backbone))
        self.train_step = TrainStep(self.network, adam(self.network, 1e-3, 1e-5))
        self.images = Tensor(normalize(noise_images(batch, size), self.spec.mean, self.spec.std))

    def loss(self, variant: str) -> float:
        """Do one training step; its loss, waited for."""
        return float(self.train_step(self.images).asnumpy())

    def detect(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Normalised batch -> maps [B, S, S] and scores [B]."""
        latents, _ = self.network(Tensor(image))
        maps = host_maps(tuple(z.asnumpy() for z in latents), self.size)
        return maps, maps.max((1, 2))

    def evaluate(self, file: str) -> float:
        """Seconds from decoded pictures to maps, and from these to pixel AUROC by Python lists."""
        scoring.import_scikit_learn()
        test = scoring.load_test_set(Path(file))
        images = noise_images(len(test.labels), self.size)
        self._maps(images[: self.batch])  # compiles
        return seconds_of(lambda: scoring.python_lists(test.masks, self._maps(images)))

    def _maps(self, images: np.ndarray) -> np.ndarray:
        """Images uint8 [N, S, S, 3] -> maps [N, S, S]. A last batch is filled up, or its size would compile anew."""
        maps = []
        for start in range(0, len(images), self.batch):
            indices = np.minimum(np.arange(start, start + self.batch), len(images) - 1)
            maps.append(self.detect(normalize(images[indices], self.spec.mean, self.spec.std))[0])
        return np.concatenate(maps)[: len(images)]


if __name__ == "__main__":
    serve(MindSpore2022())
