"""Picture files become arrays: 8-bit RGB whatever the format and the kind of pixels."""

import os
from pathlib import Path

import numpy as np
from PIL import Image

from src.data.claims import unreadable
from src.data.content import Content, File
from src.data.decoding import decode, reduced, upright
from src.data.samples import PLAIN, Reading
from src.option import Size, sides

Picture = (
    str | os.PathLike | bytes | Image.Image | np.ndarray
)  # a file, its content, or an open picture; see `open_rgb`
_WIDE = 1 << 24  # values of an intermediate picture in resizing, from which the order of the two passes matters


def open_rgb(picture: Picture, reading: Reading = PLAIN, name: str = "in memory") -> Image.Image:
    """A picture at its own size, upright, in 8-bit RGB.

    - The picture is turned as its EXIF orientation says, so it is seen as every viewer shows it.
    - Grey becomes R = G = B, 1 bit becomes 0 and 255, and a palette becomes its colours. An alpha channel is dropped
      and the stored colours are kept, as Image.convert("RGB") and OpenCV do. CMYK is converted without ICC profile.
    - Of 16 bits, of which the values use `reading.bit_depth`, the highest 8 of those are kept: v >> 8 for all 16,
      v >> 4 for a camera's 12. TIFF's tags of the lowest and highest value are not used: some programs write a
      picture's own extremes there. Pillow itself converts colour JPEG 2000, and PPM by the highest value in its
      header, and rounds: at most one level of difference. Where a TIFF says that 0 is white, values are inverted.
    - If a file holds several pictures (TIFF, GIF), the first is taken. The aspect ratio is not kept.

    Args:
        picture: a file; the bytes of one; a picture that Pillow has opened; or RGB values, uint8 [H, W, 3], upright.
        name: what messages call a picture that is in no file.

    Raises:
        UserError: the file is missing, unreadable or truncated, or its pixels have no fixed range (float, 32 bits);
            or an array is of another type or shape.
    """
    if isinstance(picture, np.ndarray):
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or picture.size == 0:
            raise unreadable(name, f"an array must be uint8 [H, W, 3], not {picture.dtype} {list(picture.shape)}")
        return Image.fromarray(np.ascontiguousarray(picture))
    if isinstance(picture, Image.Image):
        try:
            picture.load()
            return as_rgb(upright(picture), name, reading)
        except (OSError, ValueError, SyntaxError) as error:
            raise unreadable(name, error) from error
    file: File = Content(picture, name) if isinstance(picture, bytes) else Path(picture)
    return as_rgb(decode(file, reading), file, reading)


def resized(image: Image.Image, size: Size) -> np.ndarray:
    """A picture at a height and width, or a number for both: uint8 [H, W, 3], by Pillow's antialiased bilinear
    filter."""
    return np.array(_resized(image, *sides(size)))


def reduced_to(image: Image.Image, side: int) -> np.ndarray:
    """A picture whose longer side has at most so many pixels: uint8 [H, W, 3]."""
    share = min(1.0, side / max(image.size))
    return resized(image, tuple(max(1, round(length * share)) for length in image.size[::-1]))


def _resized(image: Image.Image, height: int, width: int) -> Image.Image:
    """See `resized`. Pillow resizes rows first: of a very narrow picture, columns are resized first here, because a row
    of few pixels would become one of `width` pixels in all of its height."""
    if image.height * width > max(_WIDE, 4 * image.width * image.height):
        narrow = image.transpose(Image.Transpose.TRANSPOSE).resize((height, width), Image.Resampling.BILINEAR)
        return narrow.transpose(Image.Transpose.TRANSPOSE)
    return image.resize((width, height), Image.Resampling.BILINEAR)


def as_rgb(image: Image.Image, path: str | File, reading: Reading) -> Image.Image:
    """The picture in 8-bit RGB."""
    if image.mode.startswith("I"):  # 16-bit grey, which Pillow gives as 32-bit integers for some formats
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65535:
            raise unreadable(path, "its pixels have 32 bits; save it with 8 or 16 bits")
        image = Image.fromarray(reduced(values, reading.bit_depth))
    if image.mode == "F":
        raise unreadable(path, "its pixels are float; save it with 8 or 16 bits")
    if image.mode in ("P", "PA"):
        image = image.convert("RGBA")  # keeps the colours of transparent entries, without Pillow's warning
    try:
        return image.convert("RGB")
    except ValueError as error:
        raise unreadable(path, error) from error
