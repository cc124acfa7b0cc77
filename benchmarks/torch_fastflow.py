"""FastFlow in PyTorch: a contestant of the benchmarks, and what the tests compare this project with.

Nothing here is taken from `src/`, so that equal outputs mean something. Parameters have the names that anomalib and
gathierry/FastFlow save; their blocks are FrEIA's AllInOneBlock. Those files hold permutations as dense matrices; here
they are indices, as one would write them for speed.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks import torch_encoders


class Block(nn.Module):
    """A flow step: affine coupling with clamp 2, a softplus scale and an offset per channel, a fixed permutation.

    Args:
        channels: of the input and the output.
        kernel: size of the subnet's two convolutions.
        hidden_ratio: the subnet's hidden channels over its input channels.
        slope: of the soft clamp at 0: 2, or 1 as in FrEIA since August 2023.
    """

    def __init__(self, channels: int, kernel: int, hidden_ratio: float, slope: float = 2.0):
        super().__init__()
        self.slope = slope
        self.kept = channels - channels // 2
        hidden = int(self.kept * hidden_ratio)
        conv1 = nn.Conv2d(self.kept, hidden, kernel, padding="same")
        conv2 = nn.Conv2d(hidden, 2 * (channels // 2), kernel, padding="same")
        self.subnet = nn.Sequential(conv1, nn.ReLU(), conv2)
        self.global_scale = nn.Parameter(2 * torch.log(torch.exp(torch.full((1, channels, 1, 1), 5.0)) - 1))
        self.global_offset = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.register_buffer("permutation", torch.randperm(channels), persistent=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, H, W) -> the output, of the same shape, and log|det J|, (B,)."""
        x1, x2 = torch.split(x, [self.kept, x.shape[1] - self.kept], 1)
        a = self.subnet(x1) * 0.1
        changed = x2.shape[1]
        log_scale = 2.0 * torch.tanh(a[:, :changed] * (self.slope / 2.0))
        y = torch.cat([x1, x2 * torch.exp(log_scale) + a[:, changed:]], 1)
        scale = 0.1 * F.softplus(self.global_scale, beta=0.5)
        log_det = log_scale.sum((1, 2, 3)) + x.shape[2] * x.shape[3] * torch.log(scale).sum()
        return self.permute(y * scale + self.global_offset), log_det

    def permute(self, y: Tensor) -> Tensor:
        """Channel i of the result is channel `permutation[i]` of y."""
        return y.index_select(1, self.permutation)


class Flow(nn.Module):
    """The flow steps of one scale."""

    def __init__(self, blocks: list[nn.Module]):
        super().__init__()
        self.module_list = nn.ModuleList(blocks)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, H, W) -> latent z, of the same shape, and log|det dz/dx|, (B,)."""
        log_det = 0
        for block in self.module_list:
            x, block_log_det = block(x)
            log_det = log_det + block_log_det
        return x, log_det


class FastFlow(nn.Module):
    """The whole network, with random weights.

    Args:
        backbone: the encoder's name.
        channels: of the encoder's map per scale.
        size: pixels per side of a picture.
        flow_steps: per scale.
        conv3x3_only: whether every flow step convolves 3x3, instead of 3x3 and 1x1 in turn.
        hidden_ratio: as in `Block`.
        affine: whether the LayerNorms have an elementwise affine part.
        strides: of the encoder's maps.
        norms: whether the maps pass a LayerNorm; those of transformers, which have passed their own, do not.
        block: makes a flow step from channels, kernel and hidden_ratio.
    """

    def __init__(
        self,
        backbone: str,
        channels: tuple[int, ...],
        size: int,
        flow_steps: int = 8,
        conv3x3_only: bool = False,
        hidden_ratio: float = 1.0,
        affine: bool = True,
        block: Callable[[int, int, float], nn.Module] = Block,
        strides: tuple[int, ...] = (4, 8, 16),
        norms: bool = True,
    ):
        super().__init__()
        self.size = size
        self.feature_extractor = torch_encoders.encoder(backbone)
        shapes = [(count, size // stride, size // stride) for count, stride in zip(channels, strides)]
        self.norms = nn.ModuleList(
            [nn.LayerNorm(shape, elementwise_affine=affine) if norms else nn.Identity() for shape in shapes]
        )
        kernels = [3 if conv3x3_only or i % 2 == 0 else 1 for i in range(flow_steps)]
        self.fast_flow_blocks = nn.ModuleList(
            [Flow([block(count, kernel, hidden_ratio) for kernel in kernels]) for count in channels]
        )

    def features(self, image: Tensor) -> tuple[Tensor, ...]:
        """The encoder's maps of normalised pictures (B, 3, S, S): per scale (B, C, H, W). The encoder is frozen."""
        with torch.no_grad():
            return self.feature_extractor(image)

    def flow(self, features: tuple[Tensor, ...]) -> tuple[list[Tensor], list[Tensor]]:
        """Maps -> per scale the latent (B, C, H, W) and the log-determinant (B,)."""
        pairs = [flow(norm(feature)) for norm, flow, feature in zip(self.norms, self.fast_flow_blocks, features)]
        return [z for z, _ in pairs], [log_det for _, log_det in pairs]

    def loss(self, features: tuple[Tensor, ...]) -> Tensor:
        """Maps -> the negative log-likelihood (but for a constant), averaged over the batch and summed over scales."""
        latents, log_dets = self.flow(features)
        return sum(torch.mean(0.5 * torch.sum(z**2, dim=(1, 2, 3)) - d) for z, d in zip(latents, log_dets))

    def anomaly_map(self, latents: list[Tensor]) -> Tensor:
        """Latents -> maps (B, 1, S, S) in -1..0."""
        maps = []
        for z in latents:
            scale_map = -torch.exp(-torch.mean(z**2, dim=1, keepdim=True) * 0.5)
            maps.append(F.interpolate(scale_map, size=(self.size, self.size), mode="bilinear", align_corners=False))
        return torch.stack(maps, -1).mean(-1)


def adam(model: FastFlow) -> torch.optim.Adam:
    """Adam as train.py has it, over LayerNorms and flows."""
    parameters = [*model.norms.parameters(), *model.fast_flow_blocks.parameters()]
    return torch.optim.Adam([p for p in parameters if p.requires_grad], lr=1e-3, weight_decay=1e-5)
