"""Picture files become arrays: 8-bit RGB whatever the format and the kind of pixels, and masks become booleans."""

import os
from pathlib import Path

import numpy as np
from PIL import Image

from src.data.content import Content, File
from src.data.decoding import decode, read_header, reduced, unreadable, upright
from src.data.samples import PLAIN, Reading
from src.utils import UserError

Picture = (
    str | os.PathLike | bytes | Image.Image | np.ndarray
)  # a file, its content, or an open picture; see `open_rgb`
PROTOCOLS = ("nearest", "original", "max_pool")
_WIDE = 1 << 24  # values of an intermediate picture in resizing, from which the order of the two passes matters


def load_image(path: str | Path, size: int, reading: Reading = PLAIN) -> np.ndarray:
    """A picture as an RGB image: uint8 [size, size, 3]; `resized` of `open_rgb`."""
    return resized(open_rgb(path, reading), size)


def open_rgb(picture: Picture, reading: Reading = PLAIN, name: str = "in memory") -> Image.Image:
    """A picture at its own size, upright, in 8-bit RGB.

    - The picture is turned as its EXIF orientation says, so it is seen as every viewer shows it.
    - Grey becomes R = G = B, 1 bit becomes 0 and 255, and a palette becomes its colours. An alpha channel is dropped
      and the stored colours are kept, as Image.convert("RGB") and OpenCV do. CMYK is converted without ICC profile.
    - Of 16 bits, of which the values use `reading.bit_depth`, the highest 8 of those are kept: v >> 8 for all 16,
      v >> 4 for a camera's 12. TIFF's tags of the lowest and highest value are not used: some programs write a
      picture's own extremes there. Pillow itself converts colour JPEG 2000, and PPM by the highest value in its
      header, and rounds: at most one level of difference.
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
            return _rgb(upright(picture), name, reading)
        except (OSError, ValueError, SyntaxError) as error:
            raise unreadable(name, error) from error
    file: File = Content(picture, name) if isinstance(picture, bytes) else Path(picture)
    return _rgb(decode(file, reading), file, reading)


def resized(image: Image.Image, size: int) -> np.ndarray:
    """A picture as the network takes it: uint8 [size, size, 3], by Pillow's antialiased bilinear filter."""
    return np.array(_resized(image, size))


def load_mask(
    path: str | Path,
    size: int,
    protocol: str = "nearest",
    picture_path: str | Path | None = None,
    reading: Reading = PLAIN,
) -> np.ndarray:
    """A mask as an array: bool [size, size], True where the defect is.

    Args:
        protocol: how the mask is resized. "nearest": a pixel is a defect if any of its channels is above 0 and it is
            not transparent, and the mask is resized by nearest neighbour; in a JPEG file, whose compression
            blurs edges, a pixel must be above half white. "original": as published in 2022, the mask is made 8-bit
            grey, resized bilinearly, scaled to 0..1 and truncated to whole numbers, so that only full white stays.
            "max_pool": marked as for "nearest"; a pixel of the result is a defect if any of the pixels that it covers
            is, so that thin defects stay.
        picture_path: the picture that the mask belongs to. If it is given, both must have the same size.

    Raises:
        UserError: the file cannot be read, the protocol is unknown, or mask and picture differ in size.
    """
    if protocol not in PROTOCOLS:
        raise UserError(f"unknown mask protocol {protocol!r}; choose from {', '.join(PROTOCOLS)}")
    image = decode(Path(path), reading)
    if picture_path is not None:
        _check_size(path, image.size, picture_path, reading)
    if protocol == "original":
        grey = _rgb(image, path, reading).convert("L")
        return np.asarray(grey.resize((size, size), Image.Resampling.BILINEAR)) == 255
    marked = marked_pixels(image)
    if protocol == "max_pool":
        return _pooled(_pooled(marked, size).T, size).T.copy()
    return np.array(Image.fromarray(marked).resize((size, size), Image.Resampling.NEAREST), dtype=bool)


def _pooled(marked: np.ndarray, size: int) -> np.ndarray:
    """Rows of a mask, bool [H, W], joined to [size, W]: each row of the result is any of those that it covers."""
    height = len(marked)
    starts = np.arange(size) * height // size
    stops = np.maximum(-(-np.arange(1, size + 1) * height // size), starts + 1)
    return np.stack([marked[start:stop].any(0) for start, stop in zip(starts, stops)])


def _resized(image: Image.Image, size: int) -> Image.Image:
    """The picture at size x size. Pillow resizes rows first: of a very narrow picture, columns are resized first here,
    because a row of few pixels would become one of `size` pixels in all of its height."""
    if image.height * size > max(_WIDE, 4 * image.width * image.height):
        narrow = image.transpose(Image.Transpose.TRANSPOSE).resize((size, size), Image.Resampling.BILINEAR)
        return narrow.transpose(Image.Transpose.TRANSPOSE)
    return image.resize((size, size), Image.Resampling.BILINEAR)


def _rgb(image: Image.Image, path: str | File, reading: Reading) -> Image.Image:
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


def marked_pixels(image: Image.Image) -> np.ndarray:
    """Which pixels of a mask are marked: bool [H, W]."""
    if image.mode in ("1", "L", "F") or image.mode.startswith("I"):
        values = np.asarray(image)
    else:
        rgba = np.asarray(image.convert("RGBA"))
        values = rgba[..., :3].max(axis=-1) * (rgba[..., 3] > 0)
    return values > (127 if image.format == "JPEG" else 0)


def _check_size(mask_path: str | Path, mask_size: tuple[int, int], picture_path: str | Path, reading: Reading) -> None:
    """Check that a mask has the size of its picture."""
    header = read_header(Path(picture_path), reading)
    if (header.width, header.height) != mask_size:
        raise UserError(
            f"the mask {mask_path} is {mask_size[0]}x{mask_size[1]} and its picture {picture_path} is"
            f" {header.width}x{header.height}; make the mask as large as the picture"
        )
