"""Cells on CPU kernels of our own (`src/kernels/cpp/`): a flow step with its gradient, and an encoder's convolution.

MindSpore 2.10 hands oneDNN its weights row by row, for which oneDNN has no fast convolutions, and passes over each map
many times in a flow step. The kernels call the oneDNN of MindSpore's own wheel in the formats it prefers, and compute
a step in one operation. They are for float32 training and evaluation: exported graphs have MindSpore's operations.
"""

import mindspore as ms
from mindspore import Tensor, nn, ops

from src.encoder import Encoder
from src.fastflow import FlowStep
from src.kernels.exchange import exchange_convolutions

CHANNEL_BLOCK = 16  # oneDNN fills the channels of a map up to a multiple of this


def install(network: nn.Cell, library) -> None:
    """Let the flow steps and encoders of a network compute with the kernels, if this process uses them."""
    if library is None:
        return
    for _, cell in list(network.cells_and_names()):
        if isinstance(cell, FlowStep):
            cell.kernel = FlowStepKernel(library)
        elif isinstance(cell, Encoder):
            exchange_convolutions(cell, lambda conv: ConvolutionKernel(conv, library))


def _custom(library, name: str, out_shape, outputs: int) -> ops.Custom:
    """An operation of the library; all outputs are float32 as the first input is."""
    dtypes = (lambda *types: types[0]) if outputs == 1 else (lambda *types: (types[0],) * outputs)
    return ops.Custom(f"{library}:{name}", out_shape, dtypes, "aot")


class FlowStepKernel(nn.Cell):
    """`FlowStep` but for what depends on its scale alone.

    Inputs: x (B, C, H, W), weight and bias of both convolutions, scale and offset (C,), permutation int32 (C,).
    Outputs: the step's output (B, C, H, W), the sum of the coupling's log-scales per picture (B,), and what the
    gradient needs.
    """

    def __init__(self, library):
        super().__init__()
        self.forward = _custom(library, "FlowStepForward", self._shapes, 4)
        self.backward = _custom(library, "FlowStepBackward", self._gradient_shapes, 7)

    @staticmethod
    def _shapes(x, weight1, bias1, weight2, bias2, scale, offset, permutation):
        batch, _, height, width = x
        hidden = -(-weight1[0] // CHANNEL_BLOCK) * CHANNEL_BLOCK
        return x, [batch], [batch * hidden * height * width], [batch, weight2[0], height, width]

    @staticmethod
    def _gradient_shapes(x, weight1, weight2, scale, permutation, hidden, a, gradient, sum_gradient):
        return x, weight1, [weight1[0]], weight2, [weight2[0]], scale, scale

    def construct(self, x, weight1, bias1, weight2, bias2, scale, offset, permutation):
        return self.forward(x, weight1, bias1, weight2, bias2, scale, offset, permutation)

    def bprop(self, x, weight1, bias1, weight2, bias2, scale, offset, permutation, out, dout):
        hidden, a = out[2], out[3]
        gradients = self.backward(x, weight1, weight2, scale, permutation, hidden, a, dout[0], dout[1])
        return (*gradients, ops.zeros_like(permutation))


class ConvolutionKernel(nn.Cell):
    """A convolution with bias of the frozen encoder, without a gradient: float32 (B, I, H, W) -> (B, O, H', W').

    Args:
        conv: the convolution; its parameters are shared, and keep their names.
    """

    def __init__(self, conv: nn.Conv2d, library):
        super().__init__(auto_prefix=False)
        self.weight, self.bias = conv.weight, conv.bias
        self.kernel, self.stride, self.same = conv.kernel_size[0], conv.stride[0], conv.pad_mode == "same"
        self.operation = _custom(library, "EncoderConvolution", self._shape, 1)

    def _size(self, size: int) -> int:
        """Of the output: both kinds of padding that the encoders have give the input's over the stride."""
        return -(-size // self.stride)

    def _shape(self, x, weight, bias, geometry):
        return [x[0], weight[0], self._size(x[2]), self._size(x[3])]

    def construct(self, x: Tensor) -> Tensor:
        # TensorFlow's SAME has the larger part of an odd padding below and to the right, torch's padding the smaller.
        total = (self._size(x.shape[2]) - 1) * self.stride + self.kernel - x.shape[2]
        before = max(total, 0) // 2 if self.same else self.kernel // 2
        return self.operation(x, self.weight, self.bias, Tensor([self.stride, before], ms.int32))
