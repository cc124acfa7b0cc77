"""Cells that compute with our own CPU kernels (`src/kernels/cpp/`): flow steps here, encoders in `src.kernels.encoder`.

MindSpore 2.10 hands oneDNN its weights row by row, a format for which oneDNN has no fast convolutions, and passes over
each map many times in a flow step. The kernels call the oneDNN of MindSpore's own wheel in the formats it prefers, and
compute a flow step in one operation. They are for float32 training and evaluation: exported graphs keep MindSpore's
operations.
"""

from pathlib import Path

import mindspore as ms
from mindspore import Tensor, nn, ops

from src.encoder import Encoder
from src.fastflow import CLAMP, SUBNET_GAIN, FlowStep
from src.kernels import encoder
from src.kernels.convolution import DEFAULT
from src.kernels.custom import CHANNEL_BLOCK, blocks, constant_tile, operation
from src.kernels.exchange import exchange


def install(network: nn.Cell, library: Path | None, convolution: str = DEFAULT, flow_steps: bool = True) -> None:
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
            encoder.install(cell, library, convolution)


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
        self.forward = operation(library, "FlowStepForward", self._shapes, 4)
        self.backward = operation(library, "FlowStepBackward", self._gradient_shapes, 7)

    @staticmethod
    def _shapes(x, weight1, bias1, weight2, bias2, scale, offset, permutation, constants, tiles):
        batch, _, height, width = x
        hidden = blocks(weight1[0]) * CHANNEL_BLOCK
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
