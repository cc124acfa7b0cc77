"""Layers as other software has them: convolution with what follows it, standardisation, LayerNorm's affine, GELU."""

from typing import Any

import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from src.kernels.operations import Spread

ACTIVATIONS = {"none": nn.Identity, "relu": nn.ReLU, "relu6": nn.ReLU6}


class AddActivate(nn.Cell):
    """What follows a convolution: a shortcut is added, if one is given, and an activation computed.

    Args:
        activation: of `ACTIVATIONS`.
    """

    def __init__(self, activation: str):
        super().__init__()
        self.name, self.activation = activation, ACTIVATIONS[activation]()

    def construct(self, y: Tensor, shortcut: Tensor | None) -> Tensor:
        return self.activation(y if shortcut is None else y + shortcut)


class ConvActivation(nn.Conv2d):
    """A convolution with bias, and what follows it: one cell, since faster ways to compute it do both at once.

    The CPU kernels keep its output in a format of their own (`src/kernels/encoder.py`), so only another such cell,
    `StemPool` or an encoder's output may read it. Where other cells read a map, nn.Conv2d makes it.

    Args:
        channels_in, channels_out, kernel, stride, more: of nn.Conv2d.
        activation: of `ACTIVATIONS`.

    Inputs: (B, channels_in, H, W), and a shortcut of the output's shape or None. Output: (B, channels_out, H / stride,
        W / stride).
    """

    def __init__(
        self, channels_in: int, channels_out: int, kernel: int, stride: int = 1, activation: str = "none", **more: Any
    ):
        super().__init__(channels_in, channels_out, kernel, stride, has_bias=True, **more)
        self.after = AddActivate(activation)

    def construct(self, x: Tensor, shortcut: Tensor | None = None) -> Tensor:
        return self.after(super().construct(x), shortcut)


class Standardize(nn.Cell):
    """LayerNorm over some axes without its affine part: an array of any shape -> the same shape.

    It is computed from mean and variance, because neither nn.LayerNorm over three axes nor Rsqrt exports to ONNX.

    Args:
        axes: (1, 2, 3) of a map (B, C, H, W), or (2,) of tokens (B, N, C).
    """

    def __init__(self, axes: tuple[int, ...] = (1, 2, 3), eps: float = 1e-5):
        super().__init__()
        self.axes, self.eps, self.spread = axes, eps, Spread()

    def construct(self, x: Tensor) -> Tensor:
        centred = x - self.spread(x.mean(self.axes, keep_dims=True), x)
        variance = ops.square(centred).mean(self.axes, keep_dims=True)
        return centred / self.spread(ops.sqrt(variance + self.eps), x)


class Affine(nn.Cell):
    """LayerNorm's elementwise scale and offset, each (C, H, W), for features that are already standardised.

    MindSpore Lite 2.0 takes a product and a sum with constants of one shape for a scale per channel, and builds no
    model where a convolution comes before them. Constants of different ranks are left alone.
    """

    def __init__(self, shape: tuple[int, int, int]):
        super().__init__()
        self.weight = Parameter(Tensor(np.ones(shape, np.float32)))
        self.bias = Parameter(Tensor(np.zeros(shape, np.float32)))
        self.spread = Spread()

    def construct(self, x: Tensor) -> Tensor:
        bias = ops.expand_dims(self.bias, 0)  # of another rank than the weight: see the class
        return x * self.spread(self.weight, x) + self.spread(bias, x)


class GELU(nn.Cell):
    """x * Phi(x), Phi the normal distribution function (arXiv 1606.08415), of any shape; exact to 1e-6.

    As relu(x) - |x| Phi(-|x|), with Abramowitz and Stegun's formula 7.1.26 for Phi: every runtime has its operations,
    and on a CPU they take no longer than MindSpore's erf, which does not export to ONNX.
    """

    def __init__(self):
        super().__init__()
        self.one = Tensor(np.ones(1, np.float32))  # 1 / x of a number exports as Reciprocal, which ONNX files lack here

    def construct(self, x: Tensor) -> Tensor:
        u = ops.abs(x)
        t = self.one / (1 + 0.23164189 * u)  # 0.3275911 / sqrt(2)
        tail = ((((0.5307027145 * t - 0.7265760135) * t + 0.7107068705) * t - 0.142248368) * t + 0.127414796) * t
        return ops.relu(x) - u * tail * ops.exp(-0.5 * u * u)
