"""Mixed precision: convolutions and dense layers in half precision; the rest, from LayerNorm to the map, in float32.

The half-precision network is a twin that shares its parameters with the float32 one: what is trained stays float32,
and evaluation and export never see half precision.
"""

from collections.abc import Callable

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from src.detector import Detector
from src.encoder import Encoder
from src.fastflow import FastFlow
from src.kernels.exchange import exchange
from src.layers import ConvActivation
from src.utils import UserError

DTYPES = {"float16": ms.float16, "bfloat16": ms.bfloat16}
FIRST_SCALE = 2.0**10
GROWTH_STEPS = 1000  # good steps before a larger scale is tried


class HalfConv(nn.Cell):
    """A convolution computed in half precision: float32 in, float32 out, float32 parameters of the same names."""

    def __init__(self, conv: nn.Conv2d, dtype: ms.dtype):
        super().__init__(auto_prefix=False)
        self.weight, self.bias = conv.weight, conv.bias
        self.conv2d, self.dtype = conv.conv2d, dtype

    def construct(self, x: Tensor) -> Tensor:
        """(B, C, H, W) float32 -> the convolution's output, float32."""
        y = self.conv2d(x.astype(self.dtype), self.weight.astype(self.dtype)).astype(ms.float32)
        return y + self.bias.reshape((1, -1, 1, 1))


class HalfConvActivation(HalfConv):
    """As `HalfConv`; what follows the convolution is float32."""

    def __init__(self, conv: ConvActivation, dtype: ms.dtype):
        super().__init__(conv, dtype)
        self.after = conv.after

    def construct(self, x: Tensor, shortcut: Tensor | None = None) -> Tensor:
        return self.after(super().construct(x), shortcut)


class HalfDense(nn.Cell):
    """As `HalfConv`, a dense layer over the last axis."""

    def __init__(self, dense: nn.Dense, dtype: ms.dtype):
        super().__init__(auto_prefix=False)
        self.weight, self.bias = dense.weight, dense.bias
        self.product, self.dtype = ops.MatMul(transpose_b=True), dtype

    def construct(self, x: Tensor) -> Tensor:
        """(..., inputs) float32 -> (..., outputs) float32."""
        rows = x.reshape(-1, x.shape[-1]).astype(self.dtype)
        y = self.product(rows, self.weight.astype(self.dtype)).astype(ms.float32) + self.bias
        return y.reshape(*x.shape[:-1], -1)


def half_twin(network: nn.Cell, build: Callable[[], nn.Cell], dtype: ms.dtype) -> nn.Cell:
    """A network of the parameters of `network` (the same objects); convolutions and dense layers in half precision.

    Args:
        network: what is to be computed in half precision; it stays as it is.
        build: makes a network of the same structure.
        dtype: float16 or bfloat16.
    """
    names = [(parameter, parameter.name) for parameter in network.get_parameters()]
    twin = build()
    for (_, cell), (_, other) in zip(network.cells_and_names(), twin.cells_and_names(), strict=True):
        for name, parameter in cell._params.items():
            setattr(other, name, parameter)
    for parameter, name in names:  # a cell renames the parameters that it is given
        parameter.name = name
    exchange(twin, nn.Conv2d, lambda conv: HalfConv(conv, dtype))
    exchange(twin, ConvActivation, lambda conv: HalfConvActivation(conv, dtype))
    exchange(twin, nn.Dense, lambda dense: HalfDense(dense, dtype))
    return twin


def check_device(level: str, name: str) -> None:
    """Try a half-precision convolution and its gradient on the device.

    Raises:
        UserError: the device, or this MindSpore on it, has none.
    """
    probe = HalfConv(nn.Conv2d(2, 2, 3, pad_mode="pad", padding=1, has_bias=True), DTYPES[name])
    try:
        ops.value_and_grad(probe, None, [probe.weight])(Tensor(np.ones((1, 2, 8, 8), np.float32)))[0].asnumpy()
    except (TypeError, RuntimeError, ValueError) as error:
        other = "--amp_dtype float16 or " if name == "bfloat16" else ""
        raise UserError(
            f"--amp_level {level}: MindSpore {ms.__version__} has no {name} convolution on this "
            f"{ms.get_context('device_target')}; give {other}--amp_level O0"
        ) from error


class LossScale(nn.Cell):
    """The factor on the loss that keeps float16 gradients from vanishing (loss scaling, arXiv 1710.03740).

    It is halved when gradients overflow, and doubled after `GROWTH_STEPS` steps in which they did not. Its parameters
    are part of the training state: the scale, the good steps since it last changed, and the skipped steps.
    """

    def __init__(self):
        super().__init__()
        self.scale = Parameter(Tensor(FIRST_SCALE, ms.float32), name="scale", requires_grad=False)
        self.good = Parameter(Tensor(0, ms.int32), name="good", requires_grad=False)
        self.skipped = Parameter(Tensor(0, ms.int32), name="skipped", requires_grad=False)

    def construct(self, finite: Tensor) -> Tensor:
        """After a step whose gradients were all finite, or were not: the scale of the next one."""
        grows = ops.logical_and(finite, self.good + 1 >= GROWTH_STEPS)
        scale = self.scale * ops.select(grows, Tensor(2.0, ms.float32), Tensor(1.0, ms.float32))
        scale = scale * ops.select(finite, Tensor(1.0, ms.float32), Tensor(0.5, ms.float32))
        one, none = Tensor(1, ms.int32), Tensor(0, ms.int32)
        counts = ops.logical_and(finite, ops.logical_not(grows))
        good = ops.select(counts, self.good + 1, none)
        skipped = self.skipped + ops.select(finite, none, one)
        scale = ops.depend(scale, ops.assign(self.good, good))
        scale = ops.depend(scale, ops.assign(self.skipped, skipped))
        return ops.assign(self.scale, scale)


def in_precision(detector: Detector, level: str, name: str) -> tuple[FastFlow, Encoder, LossScale | None]:
    """The flows and the encoder to train with, and the loss scale that float16 needs.

    Args:
        detector: holds the parameters; it stays float32.
        level: O0: nothing in half precision; O2: the flows' convolutions; O3: the encoder's too, and its dense layers.
        name: a key of `DTYPES`.

    Raises:
        UserError: the device cannot.
    """
    if level == "O0":
        return detector.fastflow, detector.encoder, None
    check_device(level, name)
    flows, encoder = half_twin(detector.fastflow, detector.architecture.build_fastflow, DTYPES[name]), detector.encoder
    if level == "O3":
        encoder = half_twin(encoder, detector.architecture.build_encoder, DTYPES[name])
    return flows, encoder, LossScale() if name == "float16" else None
