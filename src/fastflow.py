"""FastFlow (arXiv 2111.07677): a 2D normalizing flow per feature scale, made of affine coupling steps.

Shapes are written with B for the batch, C for the channels and H x W for the map of one scale. Everything here is
float32; `src.runtime.precision` exchanges convolutions for half-precision ones.
"""

import math
from collections.abc import Sequence

import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from src.initial import Draws, generator, uniform_conv
from src.kernels.operations import ChannelSplit, PermutedAffine, PictureSum
from src.layers import Affine
from src.option import Size, sides

# The constants of a flow step, as FastFlow sets them in FrEIA's AllInOneBlock.
CLAMP = 2.0  # |s| < CLAMP: one coupling scales a value by e^-2 to e^2
SUBNET_GAIN = 0.1  # on the subnet's output: s and t begin small
# What a_s is multiplied by, before the tanh, in each form of the soft clamp: its slope at 0 is CLAMP, or 1.
LOG_SCALE_GAINS = {"plain": SUBNET_GAIN, "scaled": SUBNET_GAIN / CLAMP}
SCALE_GAIN, SCALE_SLOPE = 0.2, 0.5  # scale = SCALE_GAIN * log(1 + exp(SCALE_SLOPE * g)), above 0 for every g
INITIAL_SCALE = 1.0


class FlowStep(nn.Cell):
    """One invertible step: affine coupling, then a scale and an offset per channel, then a permutation of channels.

    With x1 the first C - C//2 channels of x and x2 the other C//2:

        a_s, a_t   = subnet(x1), in two halves        the subnet is convolution, ReLU, convolution
        s          = CLAMP * tanh(SUBNET_GAIN * a_s)                or, scaled: CLAMP * tanh(SUBNET_GAIN * a_s / CLAMP)
        t          = SUBNET_GAIN * a_t
        y          = concat(x1, x2 * exp(s) + t) * scale + offset         scale: see channel_scale
        out[:, i]  = y[:, permutation[i]]
        log|det J| = sum(s) + H * W * sum(log(scale))

    The coupling is RealNVP's (arXiv 1605.08803), scale and offset per channel are Glow's (arXiv 1807.03039), together
    they are FrEIA's AllInOneBlock, as in FastFlow's public implementations; its clamp is scaled since August 2023.

    Args:
        channels: C.
        kernel: size of the subnet's two convolutions.
        hidden_ratio: the subnet's hidden channels over its input channels.
        rng: draws the initial weights, and the permutation, which stays as it is.
        soft_clamp: a key of `LOG_SCALE_GAINS`.
    """

    def __init__(
        self,
        channels: int,
        kernel: int,
        hidden_ratio: float,
        rng: Draws,
        soft_clamp: str = "plain",
    ):
        super().__init__()
        self.log_scale_gain = LOG_SCALE_GAINS[soft_clamp]
        self.kept, self.changed = channels - channels // 2, channels // 2
        hidden = int(self.kept * hidden_ratio)
        self.conv1 = uniform_conv(self.kept, hidden, kernel, rng)
        self.conv2 = uniform_conv(hidden, 2 * self.changed, kernel, rng)
        self.relu = nn.ReLU()
        self.split, self.split_coupling = ChannelSplit(self.kept), ChannelSplit(self.changed)
        self.picture_sum, self.permuted_affine = PictureSum(), PermutedAffine()
        start = math.log(math.exp(INITIAL_SCALE / SCALE_GAIN) - 1) / SCALE_SLOPE  # channel_scale() is INITIAL_SCALE
        self.global_scale = Parameter(Tensor(np.full((1, channels, 1, 1), start, np.float32)))
        self.global_offset = Parameter(Tensor(np.zeros((1, channels, 1, 1), np.float32)))
        permutation = rng.permutation(channels).astype(np.int32)
        self.permutation = Parameter(Tensor(permutation), requires_grad=False)

    def coupling(self, x1: Tensor) -> tuple[Tensor, Tensor]:
        """x1 (B, C - C//2, H, W) -> log-scale s and shift t of the other channels, each (B, C//2, H, W)."""
        a_s, a_t = self.split_coupling(self.conv2(self.relu(self.conv1(x1))))
        return CLAMP * ops.tanh(self.log_scale_gain * a_s), SUBNET_GAIN * a_t

    def channel_scale(self) -> Tensor:
        """The positive scale per channel, (1, C, 1, 1)."""
        return SCALE_GAIN * ops.log(1 + ops.exp(SCALE_SLOPE * self.global_scale))

    def couple(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x (B, C, H, W) -> the step's output, (B, C, H, W), and s, (B, C//2, H, W)."""
        x1, x2 = self.split(x)
        s, t = self.coupling(x1)
        y = ops.concat((x1, x2 * ops.exp(s) + t), 1)
        return self.permuted_affine(y, self.channel_scale(), self.global_offset, self.permutation), s

    def transform(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x (B, C, H, W) -> the step's output, (B, C, H, W), and the sum of s per picture, (B,)."""
        out, s = self.couple(x)
        return out, self.picture_sum(s)

    def construct(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x (B, C, H, W) -> the step's output, (B, C, H, W), and log|det J| per picture, (B,)."""
        out, sum_s = self.transform(x)
        return out, sum_s + x.shape[2] * x.shape[3] * ops.log(self.channel_scale()).sum()

    def inverse(self, out: Tensor) -> Tensor:
        """A step's output -> the x that it is the output of, both (B, C, H, W)."""
        y = ops.gather(out, ops.argsort(self.permutation), 1)
        y = (y - self.global_offset) / self.channel_scale()
        x1, y2 = y[:, : self.kept], y[:, self.kept :]
        s, t = self.coupling(x1)
        return ops.concat((x1, (y2 - t) * ops.exp(-s)), 1)


class Flow(nn.Cell):
    """The flow steps of one feature scale, one after the other.

    Args:
        channels: C of the scale.
        steps: number of flow steps.
        conv3x3_only: every subnet has 3x3 convolutions; otherwise 3x3 and 1x1 subnets take turns, 3x3 first.
        hidden_ratio, rng, soft_clamp: as in `FlowStep`.
    """

    def __init__(
        self,
        channels: int,
        steps: int,
        conv3x3_only: bool,
        hidden_ratio: float,
        rng: Draws,
        soft_clamp: str = "plain",
    ):
        super().__init__()
        kernels = [3 if conv3x3_only or i % 2 == 0 else 1 for i in range(steps)]
        self.steps = nn.CellList([FlowStep(channels, kernel, hidden_ratio, rng, soft_clamp) for kernel in kernels])

    def construct(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x (B, C, H, W) -> latent z, (B, C, H, W), and log|det dz/dx| per picture, (B,)."""
        log_det = 0
        for step in self.steps:
            x, step_log_det = step(x)
            log_det = log_det + step_log_det
        return x, log_det

    def latent(self, x: Tensor) -> Tensor:
        """The latent of `construct` without the log-determinant, for inference and export."""
        for step in self.steps:
            x, _ = step.transform(x)
        return x

    def inverse(self, z: Tensor) -> Tensor:
        """Latent z -> the x that it is the latent of, both (B, C, H, W)."""
        for step in self.steps[::-1]:
            z = step.inverse(z)
        return z


class FastFlow(nn.Cell):
    """Standardised features of every scale -> latents and log-determinants.

    Args:
        channels: C of each scale.
        sizes: height and width of each scale's map, or one number for both.
        flow_step: number of flow steps per scale.
        conv3x3_only, hidden_ratio, soft_clamp: as in `Flow`.
        norm_affine: whether the features pass LayerNorm's elementwise affine first; without it, trainings are steadier.
        seed: of the initial weights and the permutations; None: they are loaded next, and not drawn.
    """

    def __init__(
        self,
        channels: tuple[int, ...],
        sizes: Sequence[Size],
        flow_step: int = 8,
        conv3x3_only: bool = False,
        hidden_ratio: float = 1.0,
        norm_affine: bool = True,
        seed: int | None = 1,
        soft_clamp: str = "plain",
    ):
        super().__init__()
        rng, shapes = generator(seed), [(c, *sides(size)) for c, size in zip(channels, sizes)]
        self.norms = nn.CellList([Affine(shape) if norm_affine else nn.Identity() for shape in shapes])
        self.flows = nn.CellList([Flow(c, flow_step, conv3x3_only, hidden_ratio, rng, soft_clamp) for c in channels])

    def construct(self, *features: Tensor) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Features (B, C_i, H_i, W_i) -> latents of the same shapes and log-determinants (B,), one per scale."""
        latents, log_dets = (), ()
        for norm, flow, feature in zip(self.norms, self.flows, features):
            z, log_det = flow(norm(feature))
            latents += (z,)
            log_dets += (log_det,)
        return latents, log_dets

    def latents(self, *features: Tensor) -> tuple[Tensor, ...]:
        """The latents of `construct` without the log-determinants, for inference and export."""
        latents = ()
        for norm, flow, feature in zip(self.norms, self.flows, features):
            latents += (flow.latent(norm(feature)),)
        return latents
