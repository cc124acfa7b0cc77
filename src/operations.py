"""Operations of the flow whose gradient MindSpore's own rules compute slowly, with the gradient written out.

On the CPU, reductions over the axes of a picture and the gradient of a gather are several times slower than the
matrix products and gathers used here. The gradients are the same (see tests/test_operations.py).
"""

import numpy as np
from mindspore import Tensor, nn, ops


class ChannelSplit(nn.Cell):
    """(B, C, H, W) -> its first `first` channels, and the others. The gradient is one concatenation."""

    def __init__(self, first: int):
        super().__init__()
        self.first = first

    def construct(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x[:, : self.first], x[:, self.first :]

    def bprop(self, x: Tensor, out: tuple[Tensor, Tensor], dout: tuple[Tensor, Tensor]) -> tuple[Tensor]:
        return (ops.concat(dout, 1),)


def channel_sums(x: Tensor) -> Tensor:
    """(B, C, H, W) -> the sum over H and W, (B, C), as a product with a vector of ones."""
    batch, channels, height, width = x.shape
    ones = ops.ones((height * width, 1), x.dtype)
    return ops.matmul(x.reshape(batch * channels, height * width), ones).reshape(batch, channels)


class PictureSum(nn.Cell):
    """(B, C, H, W) -> the sum over C, H and W, (B,)."""

    def construct(self, x: Tensor) -> Tensor:
        return channel_sums(x).sum(1)

    def bprop(self, x: Tensor, out: Tensor, dout: Tensor) -> tuple[Tensor]:
        return (ops.broadcast_to(dout.reshape(-1, 1, 1, 1), x.shape),)


class PermutedAffine(nn.Cell):
    """`(y * scale + offset)[:, permutation]`: y (B, C, H, W), scale and offset (1, C, 1, 1), permutation int32 (C,)."""

    def construct(self, y: Tensor, scale: Tensor, offset: Tensor, permutation: Tensor) -> Tensor:
        return ops.gather(y * scale + offset, permutation, 1)

    def bprop(self, y, scale, offset, permutation, out, dout):
        channels = permutation.shape[0]
        order = Tensor(np.arange(channels, dtype=np.int32))
        inverse = ops.tensor_scatter_elements(ops.zeros_like(permutation), permutation, order, 0)
        gradient = ops.gather(dout, inverse, 1)
        of_scale = channel_sums(gradient * y).sum(0).reshape(1, channels, 1, 1)
        of_offset = channel_sums(gradient).sum(0).reshape(1, channels, 1, 1)
        return gradient * scale, of_scale, of_offset, ops.zeros_like(permutation)
