"""Files that take the pictures' pixels as they are: uint8 (B, H, W, 3), a quarter of the bytes of the float32 images.

Either the graph normalises them, in every runtime, or an Ascend device's own preprocessing (AIPP) does, before a graph
that is left as it is. Where a part of an image may be hidden, pixels have a fourth value, which is 0 there.
"""

from collections.abc import Sequence

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops

from src import hidden
from src.dataset import normalize
from src.encoder_spec import EncoderSpec
from src.option import Size, sides


class OfPixels(nn.Cell):
    """A network of normalised images as a network of pixels: RGB or RGBA, uint8 (B, H, W, 3 or 4).

    Args:
        network: takes images (B, 3, H, W).
        spec: has the mean and std, which it is normalised by.
        hides: whether the pixels are RGBA, where an alpha of 0 hides one.
    """

    def __init__(self, network: nn.Cell, spec: EncoderSpec, hides: bool):
        super().__init__(auto_prefix=False)
        self.network, self.hides, self.relu = network, hides, nn.ReLU()
        mean, std = (np.array(values).reshape(1, 3, 1, 1) for values in (spec.mean, spec.std))
        self.factor = Tensor(1 / (255 * std), ms.float32)
        self.offset = Tensor(-mean / std, ms.float32)
        self.to_planes = ops.Transpose()

    def construct(self, pixels: Tensor) -> tuple[Tensor, ...]:
        planes = self.to_planes(ops.cast(pixels, ms.float32), (0, 3, 1, 2))
        image = planes[:, :3] * self.factor + self.offset if self.hides else planes * self.factor + self.offset
        if self.hides:
            unseen = self.relu(1 - planes[:, 3:])  # 1 where alpha is 0, else 0
            image = image * (1 - unseen) + hidden.INPUT * unseen
        return self.network(image)


def images_of(pixels: np.ndarray, spec: EncoderSpec) -> np.ndarray:
    """The normalised images of pixels, as `OfPixels` makes them."""
    return normalize(pixels, spec.mean, spec.std)


def aipp_config(size: Size, mean: Sequence[float], std: Sequence[float]) -> str:
    """The configuration by which an Ascend device makes normalised images of pixels, RGB, before the graph.

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
    height, width = sides(size)
    lines = [
        "aipp_mode: static",
        "input_format: RGB888_U8",
        f"src_image_size_w: {width}",
        f"src_image_size_h: {height}",
        "crop: false",
        "csc_switch: false",
        "rbuv_swap_switch: false",
        *channels,
    ]
    return "aipp_op {\n" + "".join(f"    {line}\n" for line in lines) + "}\n"
