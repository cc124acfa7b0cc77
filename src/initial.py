"""The flows' initial weights and permutations."""

import math

import numpy as np
from mindspore import Tensor, nn


class NotDrawn:
    """In a random generator's place where weights are loaded next: zeros, and channels in their order."""

    def uniform(self, low: float, high: float, size: int | tuple[int, ...]) -> np.ndarray:
        """As `numpy.random.Generator.uniform`."""
        return np.zeros(size, np.float32)

    def permutation(self, count: int) -> np.ndarray:
        """As `numpy.random.Generator.permutation`."""
        return np.arange(count)


Draws = np.random.Generator | NotDrawn


def generator(seed: int | None) -> Draws:
    """What draws the initial values; None: nothing is drawn."""
    return NotDrawn() if seed is None else np.random.default_rng(seed)


def uniform_conv(channels_in: int, channels_out: int, kernel: int, rng: Draws) -> nn.Conv2d:
    """A convolution with zero padding: (B, channels_in, H, W) -> (B, channels_out, H, W).

    Weight and bias are drawn from the distribution that PyTorch initialises them with: uniform in +-1/sqrt(fan_in).
    """
    bound = 1 / math.sqrt(channels_in * kernel**2)
    weight = rng.uniform(-bound, bound, (channels_out, channels_in, kernel, kernel)).astype(np.float32, copy=False)
    bias = rng.uniform(-bound, bound, channels_out).astype(np.float32, copy=False)
    drawn = {"weight_init": Tensor(weight), "bias_init": Tensor(bias)}
    conv = nn.Conv2d(channels_in, channels_out, kernel, pad_mode="pad", padding=kernel // 2, has_bias=True, **drawn)
    conv.weight_init = conv.bias_init = None  # else it keeps them, and MindSpore writes them as text to compile
    return conv
