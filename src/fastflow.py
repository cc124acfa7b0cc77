"""FastFlow (arXiv 2111.07677): a 2D normalizing flow per scale, of affine coupling steps."""

import math

import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from src.kernels.operations import ChannelSplit, PermutedAffine, PictureSum, Spread

CLAMP = 2.0  # |s| < 2: one coupling scales by e^-2 to e^2 (FrEIA's AllInOneBlock as FastFlow sets it)


def uniform_conv(channels_in: int, channels_out: int, kernel: int, rng: np.random.Generator) -> nn.Conv2d:
    """A zero-padded convolution, weight and bias drawn as PyTorch draws them: uniform in +-1/sqrt(fan_in)."""
    bound = 1 / math.sqrt(channels_in * kernel**2)
    weight = rng.uniform(-bound, bound, (channels_out, channels_in, kernel, kernel)).astype(np.float32)
    bias = rng.uniform(-bound, bound, channels_out).astype(np.float32)
    return nn.Conv2d(
        *(channels_in, channels_out, kernel),
        pad_mode="pad",
        padding=kernel // 2,
        has_bias=True,
        weight_init=Tensor(weight),
        bias_init=Tensor(bias),
    )


class FlowStep(nn.Cell):
    """One invertible step: affine coupling, a scale and offset per channel, a fixed permutation of channels.

    With x1 the first C - C//2 channels and x2 the others, `a = 0.1 * subnet(x1)`, `s = 2 * tanh(a_s)`,
    `y2 = x2 * exp(s) + a_t`, then `(concat(x1, y2) * scale + offset)` permuted.

    Args:
        channels: C.
        kernel: size of the subnet's two convolutions.
        hidden_ratio: the subnet's hidden channels over its input channels.
        rng: draws the initial weights and the permutation.
    """

    def __init__(self, channels: int, kernel: int, hidden_ratio: float, rng: np.random.Generator):
        super().__init__()
        self.kept, self.changed = channels - channels // 2, channels // 2
        hidden = int(self.kept * hidden_ratio)
        self.conv1 = uniform_conv(self.kept, hidden, kernel, rng)
        self.conv2 = uniform_conv(hidden, 2 * self.changed, kernel, rng)
        self.relu = nn.ReLU()
        self.split, self.split_coupling = ChannelSplit(self.kept), ChannelSplit(self.changed)
        self.picture_sum, self.permuted_affine = PictureSum(), PermutedAffine()
        self.kernel = None  # set by src.kernels.install
        # scale = 0.2 * log(1 + exp(0.5 * g)), 1 at the start.
        self.global_scale = Parameter(Tensor(np.full((1, channels, 1, 1), 2 * math.log(math.exp(5) - 1), np.float32)))
        self.global_offset = Parameter(Tensor(np.zeros((1, channels, 1, 1), np.float32)))
        permutation = rng.permutation(channels).astype(np.int32)
        self.permutation = Parameter(Tensor(permutation), requires_grad=False)

    def coupling(self, x1: Tensor) -> tuple[Tensor, Tensor]:
        """Log-scale s and shift t of the other half, each (B, C//2, H, W), from x1 (B, C - C//2, H, W)."""
        a_s, a_t = self.split_coupling(self.conv2(self.relu(self.conv1(x1))))
        return CLAMP * ops.tanh(0.1 * a_s), 0.1 * a_t

    def scale(self) -> Tensor:
        """The scale per channel, (1, C, 1, 1), above 0."""
        return 0.2 * ops.log(1 + ops.exp(0.5 * self.global_scale))

    def transform(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, H, W) -> the step's output, the same shape, and the sum of s per picture, (B,)."""
        if self.kernel is not None:
            convolutions = (self.conv1.weight, self.conv1.bias, self.conv2.weight, self.conv2.bias)
            per_channel = (self.scale().reshape(-1), self.global_offset.reshape(-1), self.permutation)
            found = self.kernel(x, *convolutions, *per_channel)
            return found[0], found[1]
        x1, x2 = self.split(x)
        s, t = self.coupling(x1)
        y = ops.concat((x1, x2 * ops.exp(s) + t), 1)
        out = self.permuted_affine(y, self.scale(), self.global_offset, self.permutation)
        return out, self.picture_sum(s)

    def construct(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, H, W) -> the step's output, the same shape, and log|det J|, (B,)."""
        out, sum_s = self.transform(x)
        return out, sum_s + x.shape[2] * x.shape[3] * ops.log(self.scale()).sum()

    def inverse(self, out: Tensor) -> Tensor:
        """The x that `construct` turns into `out`, both (B, C, H, W)."""
        y = ops.gather(out, ops.argsort(self.permutation.astype("float32")).astype("int32"), 1)
        y = (y - self.global_offset) / self.scale()
        x1, y2 = y[:, : self.kept], y[:, self.kept :]
        s, t = self.coupling(x1)
        return ops.concat((x1, (y2 - t) * ops.exp(-s)), 1)


class Flow(nn.Cell):
    """The flow steps of one scale: 3x3 and 1x1 subnets in turn, or 3x3 throughout.

    Args:
        channels: C of the scale.
        steps: number of flow steps.
        conv3x3_only: no 1x1 subnets.
        hidden_ratio, rng: as in `FlowStep`.
    """

    def __init__(self, channels: int, steps: int, conv3x3_only: bool, hidden_ratio: float, rng: np.random.Generator):
        super().__init__()
        kernels = [3 if conv3x3_only or i % 2 == 0 else 1 for i in range(steps)]
        self.steps = nn.CellList([FlowStep(channels, kernel, hidden_ratio, rng) for kernel in kernels])

    def construct(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, H, W) -> latent z, the same shape, and log|det dz/dx|, (B,)."""
        log_det = 0
        for step in self.steps:
            x, step_log_det = step(x)
            log_det = log_det + step_log_det
        return x, log_det

    def latent(self, x: Tensor) -> Tensor:
        """`construct` without the log-determinant, for inference and export."""
        for step in self.steps:
            x, _ = step.transform(x)
        return x

    def inverse(self, z: Tensor) -> Tensor:
        """The x of a latent z, both (B, C, H, W)."""
        for step in self.steps[::-1]:
            z = step.inverse(z)
        return z


class Affine(nn.Cell):
    """LayerNorm's elementwise scale and offset, each (C, H, W), for features that are standardised already."""

    def __init__(self, shape: tuple[int, int, int]):
        super().__init__()
        self.weight = Parameter(Tensor(np.ones(shape, np.float32)))
        self.bias = Parameter(Tensor(np.zeros(shape, np.float32)))
        self.spread = Spread()

    def construct(self, x: Tensor) -> Tensor:
        return x * self.spread(self.weight, x) + self.spread(self.bias, x)


class FastFlow(nn.Cell):
    """Standardised features of three scales -> latents and log-determinants.

    Args:
        channels: channels per scale.
        sizes: height (= width) of the map per scale.
        flow_step, conv3x3_only, hidden_ratio: as in `Flow`.
        norm_affine: LayerNorm's elementwise affine; False is steadier and smaller (gathierry/FastFlow issue 3).
        seed: of the initial weights and permutations.
    """

    def __init__(
        self,
        channels: tuple[int, ...],
        sizes: tuple[int, ...],
        flow_step: int = 8,
        conv3x3_only: bool = False,
        hidden_ratio: float = 1.0,
        norm_affine: bool = True,
        seed: int = 1,
    ):
        super().__init__()
        rng = np.random.default_rng(seed)
        self.norms = nn.CellList([Affine((c, h, h)) if norm_affine else nn.Identity() for c, h in zip(channels, sizes)])
        self.flows = nn.CellList([Flow(c, flow_step, conv3x3_only, hidden_ratio, rng) for c in channels])

    def construct(self, *features: Tensor) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Features (B, C_i, H_i, W_i) -> latents of these shapes and log-determinants (B,), one per scale."""
        latents, log_dets = (), ()
        for norm, flow, feature in zip(self.norms, self.flows, features):
            z, log_det = flow(norm(feature))
            latents += (z,)
            log_dets += (log_det,)
        return latents, log_dets

    def latents(self, *features: Tensor) -> tuple[Tensor, ...]:
        """`construct` without the log-determinants, for inference and export."""
        found = ()
        for norm, flow, feature in zip(self.norms, self.flows, features):
            found += (flow.latent(norm(feature)),)
        return found
