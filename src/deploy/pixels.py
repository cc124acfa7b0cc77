"""Files that take the pictures' pixels as they are: uint8 (B, S, S, 3), a quarter of the bytes of the float32 images.

Either the graph normalises them, in every runtime, or an Ascend device's own preprocessing (AIPP) does, before a graph
that is left as it is.
"""

from collections.abc import Sequence

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops

from src.dataset import normalize
from src.encoder_spec import EncoderSpec


class OfPixels(nn.Cell):
    """A network of normalised images as a network of pixels: RGB, uint8 (B, S, S, 3).

    Args:
        network: takes images (B, 3, S, S).
        spec: has the mean and std, which it is normalised by.
    """

    def __init__(self, network: nn.Cell, spec: EncoderSpec):
        super().__init__(auto_prefix=False)
        self.network = network
        mean, std = (np.array(values).reshape(1, 3, 1, 1) for values in (spec.mean, spec.std))
        self.factor = Tensor(1 / (255 * std), ms.float32)
        self.offset = Tensor(-mean / std, ms.float32)
        self.to_planes = ops.Transpose()

    def construct(self, pixels: Tensor) -> tuple[Tensor, ...]:
        image = self.to_planes(ops.cast(pixels, ms.float32), (0, 3, 1, 2))
        return self.network(image * self.factor + self.offset)


def random_pixels(batch_size: int, size: int) -> np.ndarray:
    """Always the same uniformly distributed pixels, uint8 (batch_size, size, size, 3)."""
    return np.random.default_rng(0).integers(0, 256, (batch_size, size, size, 3), np.uint8)


def images_of(pixels: np.ndarray, spec: EncoderSpec) -> np.ndarray:
    """The normalised images of pixels, as `OfPixels` makes them."""
    return normalize(pixels, spec.mean, spec.std)


def aipp_config(size: int, mean: Sequence[float], std: Sequence[float]) -> str:
    """The configuration by which an Ascend device makes normalised images of pixels, S x S RGB, before the graph.

    Its equation, for each channel: (pixel - mean_chn - min_chn) * var_reci_chn, in float16. mean_chn are whole numbers,
    so that min_chn has all of the mean. (CANN, ATC tool, "AIPP configuration file".)
    """
    channels = [
        line
        for channel in range(3)
        for line in (
            f"mean_chn_{channel}: 0",
            f"min_chn_{channel}: {255 * mean[channel]:.6g}",
            f"var_reci_chn_{channel}: {1 / (255 * std[channel]):.6g}",
        )
    ]
    lines = [
        "aipp_mode: static",
        "input_format: RGB888_U8",
        f"src_image_size_w: {size}",
        f"src_image_size_h: {size}",
        "crop: false",
        "csc_switch: false",
        "rbuv_swap_switch: false",
        *channels,
    ]
    return "aipp_op {\n" + "".join(f"    {line}\n" for line in lines) + "}\n"
