"""The 2022 way in this project's words: what it computed in every step and on the host, and this project does not.

The encoder with its batch norms inside the training graph, nn.LayerNorm, channel permutations as dense 1x1
convolutions, latents brought to the host and made a map there. The weights are those of this project's network, so
that both can be compared.
"""

import cv2
import numpy as np
from mindspore import Tensor, nn, ops

from src.detector import Architecture
from src.encoder import Encoder
from src.fastflow import FastFlow, FlowStep


class DenseFlowStep(FlowStep):
    """A flow step that permutes with a matrix; its arguments are `FlowStep`'s."""

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
    """A convolution without bias and a batch norm in inference mode that, together, do what `conv` does."""

    def __init__(self, conv: nn.Conv2d):
        super().__init__()
        channels = conv.out_channels
        self.norm = nn.BatchNorm2d(channels, beta_init=conv.bias.value(), use_batch_statistics=False)
        self.norm.moving_variance.set_data(Tensor(np.full(channels, 1 - self.norm.eps, np.float32)))
        conv.has_bias = False
        self.conv = conv

    def construct(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x))


def unfold(cell: nn.Cell) -> None:
    """Give every convolution in a cell its batch norm back."""
    for name, child in list(cell.name_cells().items()):
        if type(child) is nn.Conv2d:
            setattr(cell, name, NormalizedConv(child))
        else:
            unfold(child)
    if isinstance(cell, nn.SequentialCell):
        cell.cell_list = tuple(cell.name_cells().values())


class Network2022(nn.Cell):
    """Normalised pictures (B, 3, S, S) -> latents and log-determinants per scale, as `FastFlow` gives them.

    Args:
        architecture: of the network.
        encoder: whose weights to take; it is changed.
        seed: of the flows, which are this project's of that seed.
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
            steps = [(step.kept + step.changed, step.conv1.kernel_size[0]) for step in flow.steps]
            flow.steps = nn.CellList([DenseFlowStep(*step, architecture.hidden_ratio, rng) for step in steps])
        fastflow.norms = nn.CellList(
            [nn.LayerNorm(norm.weight.shape, 1, 1, epsilon=1e-5) for norm in fastflow.norms]  # axes C, H, W
        )
        self.fastflow: FastFlow = fastflow

    def construct(self, image: Tensor) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        return self.fastflow(*self.backbone(image))


def host_maps(latents: tuple[np.ndarray, ...], size: int) -> np.ndarray:
    """Latents on the host -> maps [B, size, size]: NumPy and OpenCV, picture by picture."""
    maps = []
    for picture in zip(*latents):
        scales = [-np.exp(-0.5 * np.mean(z**2, axis=0)) for z in picture]
        maps.append(np.mean([cv2.resize(scale, (size, size)) for scale in scales], axis=0))
    return np.stack(maps)
