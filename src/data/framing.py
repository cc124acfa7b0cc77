"""How a picture becomes an image of the network: its size, what is filled up, and what is hidden."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from src.data.pictures import resized
from src.option import Size, sides

Box = tuple[slice, slice]  # rows and columns


@dataclass(frozen=True)
class Framing:
    """How a model's pictures become images.

    Attributes:
        size: height and width of the network's input.
        keep_aspect: the picture is in the middle of the image, as large as its aspect allows; the rest is hidden.
            Otherwise it is stretched to the image.
    """

    size: tuple[int, int]
    keep_aspect: bool = False

    @property
    def hides(self) -> bool:
        """Whether a part of an image may be hidden. Images are RGBA then, with an alpha of 0 there, 255 elsewhere."""
        return self.keep_aspect

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of an image: height, width, and 3 or 4 channels."""
        return *self.size, 4 if self.hides else 3

    def box(self, picture_size: Sequence[int]) -> Box:
        """Where in the image a picture of this width and height is."""
        if not self.keep_aspect:
            return slice(0, self.size[0]), slice(0, self.size[1])
        (width, height), (high, wide) = picture_size, self.size
        share = min(high / height, wide / width)
        rows, columns = min(high, max(1, round(height * share))), min(wide, max(1, round(width * share)))
        top, left = (high - rows) // 2, (wide - columns) // 2
        return slice(top, top + rows), slice(left, left + columns)

    def of_picture(self, array: np.ndarray, picture_size: Sequence[int]) -> np.ndarray:
        """The part of an image or a map, [H, W, ...], that covers the picture, whose width and height are given."""
        return array[self.box(picture_size)]

    def image(self, picture: Image.Image) -> np.ndarray:
        """A picture in 8-bit RGB as an image: uint8 [H, W, 3 or 4]."""
        if not self.hides:
            return resized(picture, self.size)
        image = np.zeros(self.shape, np.uint8)
        inside = image[self.box(picture.size)]
        inside[..., :3], inside[..., 3] = resized(picture, inside.shape[:2]), 255
        return image


def framing_of(value: Framing | Size) -> Framing:
    """A framing, or a size to which pictures are stretched."""
    return value if isinstance(value, Framing) else Framing(sides(value))
