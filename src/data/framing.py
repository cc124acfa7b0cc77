"""How a picture becomes an image of the network, or several: size, what is filled up, what is hidden, tiles."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from src.data.pictures import resized
from src.data.roi import Roi
from src.data.tiling import Place, Tiling
from src.option import Size, sides
from src.utils import UserError

Box = tuple[slice, slice]  # rows and columns
UNSEEN = (124, 116, 104)  # what pixels of no interest become before a picture is resized: the mean of ImageNet's


class NothingSeen(UserError):
    """The network would see nothing of a picture."""


@dataclass(frozen=True)
class Framing:
    """How a model's pictures become images.

    Attributes:
        size: height and width of the network's input.
        keep_aspect: the picture is in the middle of the image, as large as its aspect allows; the rest is hidden.
            Otherwise it is stretched to the image.
        roi: where pictures are looked at; the rest is hidden. None: everywhere.
        tiling: how pictures are divided into tiles, each of which becomes an image; None: they are not.
    """

    size: tuple[int, int]
    keep_aspect: bool = False
    roi: Roi | None = None
    tiling: Tiling | None = None

    @property
    def hides(self) -> bool:
        """Whether a part of an image may be hidden. Images are RGBA then, with an alpha of 0 there, 255 elsewhere."""
        return self.keep_aspect or self.roi is not None

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of an image: height, width, and 3 or 4 channels."""
        return *self.size, 4 if self.hides else 3

    def box(self, picture_size: Sequence[int]) -> Box:
        """Where in the image a picture (or a tile) of this width and height is."""
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

    def image(self, picture: Image.Image, file: Path | None = None) -> np.ndarray:
        """A picture in 8-bit RGB as an image: uint8 [H, W, 3 or 4].

        Raises:
            UserError: nothing says where to look in it, or nothing of it would be seen.
        """
        image = self._image(picture, self.wanted(picture.size, file))
        if self.hides and not image[..., 3].any():
            raise self.nothing_seen(file)
        return image

    def nothing_seen(self, file: Path | None) -> NothingSeen:
        """The error for a picture of which the network would see nothing."""
        height, width = self.size
        return NothingSeen(f"--roi: nothing of {file or 'the picture'} is seen at {width}x{height} pixels; mark more")

    def wanted(self, picture_size: Sequence[int], file: Path | None) -> np.ndarray | None:
        """Where a picture is looked at, bool [H, W] of its own size; None: everywhere."""
        return None if self.roi is None else self.roi.of(picture_size, file)

    def places(self, picture_size: Sequence[int], file: Path | None) -> list[Place]:
        """The tiles of a picture in which there is something to look at.

        Raises:
            UserError: the picture is smaller than a tile, and its aspect need not be kept.
        """
        (width, height), (high, wide) = picture_size, self.tiling.tile
        if (height < high or width < wide) and not self.keep_aspect:
            what = f"{file or 'the picture'} has {width}x{height} pixels, less than a tile of {wide}x{high}"
            raise UserError(f"--tile: {what}; give a smaller one, or fill such pictures up: --keep_aspect")
        places, wanted = self.tiling.places(picture_size), self.wanted(picture_size, file)
        return [p for p in places if wanted is None or wanted[p[0] : p[0] + high, p[1] : p[1] + wide].any()]

    def tile(self, picture: Image.Image, place: Place, wanted: np.ndarray | None) -> np.ndarray:
        """A tile of a picture as an image. What is beyond the picture is hidden.

        Args:
            wanted: see the method.
        """
        (high, wide), (top, left) = self.tiling.tile, place
        part = picture.crop((left, top, left + wide, top + high))
        if self.hides:
            inside = np.zeros((high, wide), bool)
            rows, columns = min(high, picture.height - top), min(wide, picture.width - left)
            inside[:rows, :columns] = True if wanted is None else wanted[top : top + rows, left : left + columns]
            wanted = inside
        return self._image(part, wanted)

    def tiles(self, picture: Image.Image, file: Path | None) -> Iterator[tuple[Place, np.ndarray]]:
        """The tiles of a picture in which something is seen: where each is, and its image."""
        wanted = self.wanted(picture.size, file)
        for place in self.places(picture.size, file):
            image = self.tile(picture, place, wanted)
            if not self.hides or image[..., 3].any():
                yield place, image

    def _image(self, picture: Image.Image, wanted: np.ndarray | None) -> np.ndarray:
        """A picture as an image that shows what is `wanted`, bool of the picture's size, or all of it."""
        if not self.hides:
            return resized(picture, self.size)
        image = np.zeros(self.shape, np.uint8)
        inside = image[self.box(picture.size)]
        size = inside.shape[:2]
        inside[..., :3], inside[..., 3] = resized(picture, size), 255
        if wanted is not None and not wanted.all():
            seen = np.array(Image.fromarray(wanted).resize(size[::-1], Image.Resampling.NEAREST), dtype=bool)
            # Nothing of what is outside is mixed into what is seen; people are shown what is there.
            without = np.where(wanted[..., None], np.asarray(picture), np.uint8(UNSEEN))
            inside[..., :3][seen] = resized(Image.fromarray(without), size)[seen]
            inside[..., 3] = 255 * seen
        return image


def framing_of(value: Framing | Size) -> Framing:
    """A framing, or a size to which pictures are stretched."""
    return value if isinstance(value, Framing) else Framing(sides(value))


def framing_by(architecture: Mapping[str, Any], size: tuple[int, int]) -> Framing:
    """The framing of a model, but for its region of interest.

    Args:
        architecture: the options that shape the network, by name; older files lack some.
        size: of the network's input.
    """
    tile, overlap, score = (architecture.get(name) for name in ("tile", "overlap", "score"))
    tiling = None if tile is None else Tiling(sides(tile), overlap or 0, score or "maximum")
    return Framing(size, architecture.get("keep_aspect", False), tiling=tiling)
