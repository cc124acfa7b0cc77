"""Operations of the kernels' library, as MindSpore's graphs hold them."""

from collections.abc import Callable
from pathlib import Path

from mindspore import ops

from src.kernels.convolution import output_tile

CHANNEL_BLOCK = 16  # the channels of a map are filled up to a multiple of this

constant_tile = ops.constexpr(output_tile)  # is called while a graph is compiled


def blocks(channels: int) -> int:
    """How many blocks these channels are at most."""
    return -(-channels // CHANNEL_BLOCK)


def operation(library: Path, name: str, shapes: Callable, outputs: int = 1) -> ops.Custom:
    """An operation of the library.

    Args:
        library: the built kernels.
        name: of the operation's function there.
        shapes: the shapes of the inputs -> the shape of the output, or a tuple of them.
        outputs: how many outputs there are. Each is float32, as the first input is.
    """
    dtypes = (lambda *types: types[0]) if outputs == 1 else (lambda *types: (types[0],) * outputs)
    return ops.Custom(f"{library}:{name}", shapes, dtypes, "aot")
