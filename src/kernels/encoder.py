"""An encoder's cells that compute with our own CPU kernels, without gradients.

Between a network's convolutions maps are channel-blocked, as oneDNN and Winograd's filtering compute with them: tensors
(B, ceil(C / 16), H, W, 16), which only the kernels read. What follows a convolution is computed with it.
"""

from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn

from src.encoder import Encoder, Whitening
from src.kernels.convolution import DIRECT
from src.kernels.custom import CHANNEL_BLOCK, blocks, constant_tile, operation
from src.kernels.exchange import exchange
from src.layers import ACTIVATIONS, ConvActivation, Standardize
from src.resnet import StemPool


def install(encoder: Encoder, library: Path, convolution: str) -> None:
    """As `src.kernels.cells.install`, of an encoder."""
    for kind in (nn.Conv2d, Whitening):
        exchange(encoder, kind, lambda conv: KernelConv(conv, library, convolution))
    if any(isinstance(cell, ConvActivation) for _, cell in encoder.cells_and_names()):
        exchange(encoder, ConvActivation, lambda conv: KernelConvActivation(conv, library, convolution))
        exchange(encoder, StemPool, lambda pool: KernelPool(library))
        encoder.standardizes = nn.CellList(
            [
                KernelStandardize(cell.eps, channels, library)
                if type(cell) is Standardize and convolution != DIRECT  # which gives the results of earlier versions
                else Unblocked(cell, channels, library)
                for cell, channels in zip(encoder.standardizes, encoder.channels)
            ]
        )


class KernelConv(nn.Cell):
    """A convolution with bias: float32 (B, I, H, W) -> (B, O, H', W').

    Args:
        conv: the convolution to replace; its parameters are shared, and keep their names.
        library: the built kernels.
        convolution: as `install`.
    """

    blocked = False  # the output

    def __init__(self, conv: nn.Conv2d, library: Path, convolution: str):
        super().__init__(auto_prefix=False)
        self.convolution = convolution
        self.weight, self.bias = conv.weight, conv.bias
        self.channels_in, self.channels_out, self.group = conv.in_channels, conv.out_channels, conv.group
        self.kernel, self.stride, self.same = conv.kernel_size[0], conv.stride[0], conv.pad_mode == "same"
        self.margin = 0 if conv.pad_mode == "valid" else self.kernel // 2
        self.has_tiles = self.kernel == 3 and self.stride == 1 and conv.group == 1
        self.activation, self.nothing = 0, Tensor(np.zeros(1, np.float32))
        self.operation = operation(library, "EncoderConvolution", self._shape)

    def _size(self, size: int) -> int:
        """The output's height or width, from the input's: with the encoders' paddings their ratio is the stride."""
        return -(-size // self.stride)

    def _shape(self, x, weight, bias, added, geometry):
        height, width = self._size(x[2]), self._size(x[3])
        if self.blocked:
            return [x[0], blocks(weight[0]), height, width, CHANNEL_BLOCK]
        return [x[0], weight[0], height, width]

    def construct(self, x: Tensor) -> Tensor:
        return self.computed(x, self.nothing)

    def computed(self, x: Tensor, added: Tensor) -> Tensor:
        """The convolution of x, plain or blocked, with what is added to it, or one number: nothing."""
        batch, height, width = x.shape[0], x.shape[2], x.shape[3]
        # TensorFlow's SAME puts the larger part of an odd padding below and to the right; PyTorch pads all sides alike.
        total = (self._size(height) - 1) * self.stride + self.kernel - height
        before = max(total, 0) // 2 if self.same else self.margin
        tile = 0
        if self.has_tiles:
            channels = self.channels_in, self.channels_out
            tile = constant_tile(self.convolution, batch, channels, height, width)
        geometry = Tensor([self.stride, self.group, before, tile, self.activation], ms.int32)
        return self.operation(x, self.weight, self.bias, added, geometry)


class KernelConvActivation(KernelConv):
    """As `KernelConv`, with what follows: a blocked map, or an image (B, 3, H, W) -> a blocked map."""

    blocked = True

    def __init__(self, conv: ConvActivation, library: Path, convolution: str):
        super().__init__(conv, library, convolution)
        self.activation = tuple(ACTIVATIONS).index(conv.after.name)

    def construct(self, x: Tensor, shortcut: Tensor | None = None) -> Tensor:
        return self.computed(x, self.nothing if shortcut is None else shortcut)


class KernelPool(nn.Cell):
    """As `StemPool`, of blocked maps. Each block is pooled alone: what only fills the room may count as channels."""

    def __init__(self, library: Path):
        super().__init__(auto_prefix=False)
        self.operation = operation(library, "EncoderMaxPool", self._shape)

    @staticmethod
    def _shape(x, geometry):
        return [x[0], x[1], x[2] // 2, x[3] // 2, x[4]]

    def construct(self, x: Tensor) -> Tensor:
        window, stride, before = 3, 2, 1
        return self.operation(x, Tensor([x.shape[1] * CHANNEL_BLOCK, window, stride, before], ms.int32))


class Unblocked(nn.Cell):
    """A cell whose first input is a plain map of so many channels, given a blocked one.

    Args:
        cell: has no parameters.
    """

    def __init__(self, cell: nn.Cell, channels: int, library: Path):
        super().__init__(auto_prefix=False)
        self.cell = cell
        self.operation = operation(library, "PlainFeature", lambda x: [x[0], channels, x[2], x[3]])

    def construct(self, x: Tensor, *more: Tensor) -> Tensor:
        return self.cell(self.operation(x), *more)


class KernelStandardize(nn.Cell):
    """As `Standardize`, of a blocked map of so many channels; its output is plain."""

    def __init__(self, eps: float, channels: int, library: Path):
        super().__init__(auto_prefix=False)
        self.eps = Tensor([eps], ms.float32)
        self.operation = operation(library, "StandardizedFeature", lambda x, eps: [x[0], channels, x[2], x[3]])

    def construct(self, x: Tensor) -> Tensor:
        return self.operation(x, self.eps)
