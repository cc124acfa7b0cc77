"""Cells that compute with our own CPU kernels (`src/kernels/cpp/`): a flow step, and an encoder's convolution.

MindSpore 2.10 hands oneDNN its weights row by row, a format for which oneDNN has no fast convolutions, and passes over
each map many times in a flow step. The kernels call the oneDNN of MindSpore's own wheel in the formats it prefers, and
compute a flow step in one operation. They are for float32 training and evaluation: exported graphs keep MindSpore's
operations.
"""

from collections.abc import Callable
from pathlib import Path

import mindspore as ms
from mindspore import Tensor, nn, ops

from src.encoder import Encoder, Whitening
from src.fastflow import CLAMP, SUBNET_GAIN, FlowStep
from src.kernels.convolution import DIRECT, output_tile
from src.kernels.exchange import exchange

CHANNEL_BLOCK = 16  # the channels of a map are filled up to a multiple of this

constant_tile = ops.constexpr(output_tile)  # is called while a graph is compiled


def install(network: nn.Cell, library: Path | None, convolution: str = DIRECT, flow_steps: bool = True) -> None:
    """Exchange a network's flow steps and its encoders' convolutions for cells that compute with the kernels.

    Args:
        network: is changed; its parameters (the same objects) and their names are not.
        library: the built kernels, or None: the network stays as it is.
        convolution: how 3x3 convolutions are computed, one of `src.kernels.convolution.CONVOLUTIONS`.
        flow_steps: whether flow steps are exchanged; the kernels give no log-determinant of a part of an image, which
            is trained where another is hidden.
    """
    if library is None:
        return
    if flow_steps:
        exchange(network, FlowStep, lambda step: KernelFlowStep(step, library, convolution))
    for _, cell in network.cells_and_names():
        if isinstance(cell, Encoder):
            for kind in (nn.Conv2d, Whitening):
                exchange(cell, kind, lambda conv: KernelConv(conv, library, convolution))


def _custom(library: Path, name: str, shapes: Callable, outputs: int) -> ops.Custom:
    """An operation of the library.

    Args:
        library: the built kernels.
        name: of the operation's function there.
        shapes: the shapes of the inputs -> the shape of the output, or a tuple of them.
        outputs: how many outputs there are. Each is float32, as the first input is.
    """
    dtypes = (lambda *types: types[0]) if outputs == 1 else (lambda *types: (types[0],) * outputs)
    return ops.Custom(f"{library}:{name}", shapes, dtypes, "aot")


class FlowStepOperation(nn.Cell):
    """`FlowStep.transform` with its gradient, given the channel scale.

    Inputs: x (B, C, H, W), weight and bias of both convolutions, scale and offset (C,), permutation int32 (C,).
    Outputs: the step's output (B, C, H, W), the sum of s per picture (B,), and two maps for the gradient: the subnet's
    hidden map in a format of oneDNN's choice, as a vector, and the subnet's output (B, 2 (C//2), H, W).
    """

    def __init__(self, library: Path, convolution: str, log_scale_gain: float):
        super().__init__()
        self.convolution = convolution
        self.constants = Tensor([CLAMP, log_scale_gain, SUBNET_GAIN], ms.float32)
        self.forward = _custom(library, "FlowStepForward", self._shapes, 4)
        self.backward = _custom(library, "FlowStepBackward", self._gradient_shapes, 7)

    @staticmethod
    def _shapes(x, weight1, bias1, weight2, bias2, scale, offset, permutation, constants, tiles):
        batch, _, height, width = x
        hidden = -(-weight1[0] // CHANNEL_BLOCK) * CHANNEL_BLOCK
        return x, [batch], [batch * hidden * height * width], [batch, weight2[0], height, width]

    @staticmethod
    def _gradient_shapes(x, weight1, weight2, scale, permutation, constants, tiles, hidden, a, gradient, sum_gradient):
        return x, weight1, [weight1[0]], weight2, [weight2[0]], scale, scale

    def construct(self, x, weight1, bias1, weight2, bias2, scale, offset, permutation):
        tiles = self._tiles(x.shape, weight1.shape, weight2.shape)
        return self.forward(x, weight1, bias1, weight2, bias2, scale, offset, permutation, self.constants, tiles)

    def bprop(self, x, weight1, bias1, weight2, bias2, scale, offset, permutation, out, dout):
        _, _, hidden, a = out
        tiles = self._tiles(x.shape, weight1.shape, weight2.shape)
        gradients = self.backward(
            x, weight1, weight2, scale, permutation, self.constants, tiles, hidden, a, dout[0], dout[1]
        )
        return (*gradients, ops.zeros_like(permutation))

    def _tiles(self, x: tuple, weight1: tuple, weight2: tuple) -> Tensor:
        """The sizes of Winograd's tiles for both convolutions, from the shapes; 0 where they are computed directly."""
        sizes = [
            constant_tile(self.convolution, x[0], weight[:2], x[2], x[3]) if weight[2] == 3 else 0
            for weight in (weight1, weight2)
        ]
        return Tensor(sizes, ms.int32)


class KernelFlowStep(FlowStep):
    """A flow step whose `transform` is one operation of the kernels.

    Args:
        step: the flow step to replace; its parameters are shared, and keep their names.
        library: the built kernels.
        convolution: as `install`.
    """

    def __init__(self, step: FlowStep, library: Path, convolution: str):
        nn.Cell.__init__(self, auto_prefix=False)  # not FlowStep's, which would draw new parameters
        self.kept, self.changed = step.kept, step.changed
        self.conv1, self.conv2, self.relu, self.split_coupling = step.conv1, step.conv2, step.relu, step.split_coupling
        self.global_scale, self.global_offset = step.global_scale, step.global_offset
        self.permutation, self.log_scale_gain = step.permutation, step.log_scale_gain
        self.operation = FlowStepOperation(library, convolution, step.log_scale_gain)

    def transform(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """As `FlowStep.transform`."""
        out, sum_s, _, _ = self.operation(
            x,
            self.conv1.weight,
            self.conv1.bias,
            self.conv2.weight,
            self.conv2.bias,
            self.channel_scale().reshape(-1),
            self.global_offset.reshape(-1),
            self.permutation,
        )
        return out, sum_s


class KernelConv(nn.Cell):
    """A convolution with bias of the frozen encoder, without a gradient: float32 (B, I, H, W) -> (B, O, H', W').

    Args:
        conv: the convolution to replace; its parameters are shared, and keep their names.
        library: the built kernels.
        convolution: as `install`.
    """

    def __init__(self, conv: nn.Conv2d, library: Path, convolution: str):
        super().__init__(auto_prefix=False)
        self.convolution = convolution
        self.weight, self.bias = conv.weight, conv.bias
        self.kernel, self.stride, self.same = conv.kernel_size[0], conv.stride[0], conv.pad_mode == "same"
        self.margin = 0 if conv.pad_mode == "valid" else self.kernel // 2
        self.has_tiles = self.kernel == 3 and self.stride == 1 and conv.group == 1
        self.operation = _custom(library, "EncoderConvolution", self._shape, 1)

    def _size(self, size: int) -> int:
        """The output's height or width, from the input's: with the encoders' paddings their ratio is the stride."""
        return -(-size // self.stride)

    def _shape(self, x, weight, bias, geometry):
        return [x[0], weight[0], self._size(x[2]), self._size(x[3])]

    def construct(self, x: Tensor) -> Tensor:
        # TensorFlow's SAME puts the larger part of an odd padding below and to the right; PyTorch pads all sides alike.
        total = (self._size(x.shape[2]) - 1) * self.stride + self.kernel - x.shape[2]
        before = max(total, 0) // 2 if self.same else self.margin
        batch, channels, height, width = x.shape
        tile = 0
        if self.has_tiles:
            tile = constant_tile(self.convolution, batch, (channels, self.weight.shape[0]), height, width)
        return self.operation(x, self.weight, self.bias, Tensor([self.stride, before, tile], ms.int32))
