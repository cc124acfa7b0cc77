"""Operations of the flow that MindSpore computes slowly on the CPU, written in other ways with their gradients.

On the CPU, MindSpore's sums over the axes of an image and its gradient of a gather are several times slower than the
matrix products and gathers that give the same here. Arithmetic that broadcasts an operand is slower than arithmetic on
an operand that was spread to the full shape before, and each such operation keeps two copies of the whole map until the
program ends, which are gigabytes over all flow steps. Values and gradients are those of the plain expressions (see
tests/units/kernels/test_operations.py).
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from mindspore import Tensor, nn, ops


class ChannelSplit(nn.Cell):
    """(B, C, H, W) -> its first `first` channels and the others; the gradient is one concatenation."""

    def __init__(self, first: int):
        super().__init__()
        self.first = first

    def construct(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x[:, : self.first], x[:, self.first :]

    def bprop(self, x: Tensor, out: tuple[Tensor, Tensor], dout: tuple[Tensor, Tensor]) -> tuple[Tensor]:
        return (ops.concat(dout, 1),)


def channel_sums(x: Tensor) -> Tensor:
    """(B, C, H, W) -> the sums over H and W, (B, C), by a product with a vector of ones."""
    batch, channels, height, width = x.shape
    ones = ops.ones((height * width, 1), x.dtype)
    return ops.matmul(x.reshape(batch * channels, height * width), ones).reshape(batch, channels)


class PictureSum(nn.Cell):
    """(B, C, H, W) -> the sums over C, H and W, (B,)."""

    def construct(self, x: Tensor) -> Tensor:
        return channel_sums(x).sum(1)

    def bprop(self, x: Tensor, out: Tensor, dout: Tensor) -> tuple[Tensor]:
        return (ops.broadcast_to(dout.reshape(-1, 1, 1, 1), x.shape),)


class Spread(nn.Cell):
    """An operand and a map (B, C, H, W) that it can be broadcast to -> the operand spread to the map's shape.

    Attributes:
        plain: return the operand as it is, and let the arithmetic that follows broadcast it. Compilers of exported
            files expect that.
    """

    def __init__(self):
        super().__init__()
        self.plain = False

    def construct(self, operand: Tensor, like: Tensor) -> Tensor:
        return operand if self.plain else ops.broadcast_to(operand, like.shape)


@contextmanager
def plain(network: nn.Cell) -> Iterator[None]:
    """While this context is entered, graphs compiled of the network leave all broadcasting to the arithmetic."""
    spreads = [cell for _, cell in network.cells_and_names() if isinstance(cell, Spread)]
    for spread in spreads:
        spread.plain = True
    try:
        yield
    finally:
        for spread in spreads:
            spread.plain = False


class PermutedAffine(nn.Cell):
    """`(y * scale + offset)[:, permutation]`, (B, C, H, W).

    Inputs: y (B, C, H, W), scale and offset (1, C, 1, 1), permutation int32 (C,).
    """

    def __init__(self):
        super().__init__()
        self.spread, self.bias_add = Spread(), ops.BiasAdd()

    def construct(self, y: Tensor, scale: Tensor, offset: Tensor, permutation: Tensor) -> Tensor:
        y = y * self.spread(scale, y)
        y = y + offset if self.spread.plain else self.bias_add(y, offset.reshape(-1))
        return ops.gather(y, permutation, 1)

    def bprop(self, y, scale, offset, permutation, out, dout):
        channels = permutation.shape[0]
        order = Tensor(np.arange(channels, dtype=np.int32))
        inverse = ops.tensor_scatter_elements(ops.zeros_like(permutation), permutation, order, 0)
        gradient = ops.gather(dout, inverse, 1)
        of_scale = channel_sums(gradient * y).sum(0).reshape(1, channels, 1, 1)
        of_offset = channel_sums(gradient).sum(0).reshape(1, channels, 1, 1)
        return gradient * self.spread(scale, y), of_scale, of_offset, ops.zeros_like(permutation)
