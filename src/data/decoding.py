"""Files become decoded pictures: what the header says is checked first, and each kind of pixels has a stated range."""

import os
from dataclasses import dataclass
from pathlib import Path

# OpenCV decodes what Pillow does not know. This is its own limit for what a header may claim, read when it is loaded.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(1 << 30))

import cv2
import numpy as np
from PIL import Image, PngImagePlugin, UnidentifiedImageError

from src.data.content import File, bytes_of, length_of, stream_of
from src.data.samples import PLAIN, Reading
from src.utils import UserError

# For every damaged file OpenCV would print a line of its own, beside our error.
cv2.setLogLevel(0)
# Pillow's own limits: of pixels, in the place of which stands `Reading.max_megapixels`, and of the texts in a PNG.
Image.MAX_IMAGE_PIXELS = None
PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY

MOST_PIXELS_PER_BYTE = 10_000  # of a file; PNG has 1,032 at the most, and a camera's picture less than 100
FEW_PIXELS = 1 << 22  # that any file may have; 16 MB of memory
DEPTHS = (8, 10, 12, 14, 16)  # the bits that cameras use of 16
_PNG = b"\x89PNG\r\n\x1a\n"  # what such a file begins with
_ORIENTATION = 0x0112  # the EXIF tag that says how a stored picture must be turned to stand upright
_GREY = ("I", "I;16", "I;16B", "I;16L", "I;16N")  # the modes in which Pillow keeps 16 bits
_TURNS = {  # the values of that tag; 1 stands for a picture that is upright already
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Header:
    """What a picture's header says: width and height, and whether a value has 16 bits."""

    width: int
    height: int
    deep: bool


def read_header(path: Path, reading: Reading = PLAIN, upright: bool = True) -> Header:
    """What a picture's header says; its pixels are decoded only where Pillow does not know the format.

    Args:
        upright: whether width and height are those of the upright picture. To know how a PNG is turned, Pillow has to
            decode it.

    Raises:
        UserError: the file cannot be read, or claims too many pixels.
    """
    try:
        with Image.open(path) as image:
            _check_claim(image, path, reading)
            deep = _is_deep(image)  # first: to find a PNG's orientation, Pillow loads all of it
            return Header(*(_upright_size(image) if upright else image.size), deep)
    except UserError:
        raise
    except Exception:  # what Pillow cannot open, OpenCV may; else it says why not
        array = _decode_with_opencv(path, reading)
        return Header(array.shape[1], array.shape[0], array.dtype == np.uint16)


def decode(path: File, reading: Reading = PLAIN) -> Image.Image:
    """The picture, upright, in a mode of Pillow's. Of a 16-bit colour file the values are reduced to 8 bits.

    Raises:
        UserError: the file is missing, damaged, or claims too many pixels.
    """
    try:
        image = Image.open(stream_of(path))
    except Exception as error:  # decoders raise errors of many kinds for files that they do not know or take
        return _decode_other(path, reading, error)
    with image:
        _check_claim(image, path, reading)
        try:
            deep = _is_deep(image)  # first, as above
            turn = image.getexif().get(_ORIENTATION, 1)
            if reading.bit_depth < 16 and deep and image.mode not in _GREY:
                return upright(_rgb_of(reduced(_decode_with_opencv(path, reading, True), reading.bit_depth)), turn)
            image.load()
            return upright(image, turn)
        except (MemoryError, UserError):
            raise
        except Exception as error:  # for a broken file, decoders raise errors of many kinds
            raise unreadable(path, error) from error


def highest_value(path: Path, reading: Reading = PLAIN) -> int:
    """The highest value of a 16-bit file, without its alpha channel."""
    with Image.open(path) as image:
        grey = image.mode in _GREY
    values = np.asarray(decode(path, reading)) if grey else _decode_with_opencv(path, reading, True)
    return int((values[..., :3] if values.ndim == 3 else values).max())


def depth_of(highest: int) -> int:
    """The least of `DEPTHS` whose values reach so high."""
    return next(depth for depth in DEPTHS if highest < 1 << depth or depth == DEPTHS[-1])


def reduced(values: np.ndarray, bit_depth: int) -> np.ndarray:
    """16-bit values that use so many bits, as 8 bits: the bits below are dropped, and what is above becomes 255."""
    return np.minimum(values >> (bit_depth - 8), 255).astype(np.uint8)


def upright(image: Image.Image, turn: int | None = None) -> Image.Image:
    """A loaded picture turned as its EXIF orientation, or `turn`, says. Of a TIFF, Pillow has done that in loading."""
    if image.format == "TIFF":
        return image
    turn = image.getexif().get(_ORIENTATION, 1) if turn is None else turn
    result = image.transpose(_TURNS[turn]) if turn in _TURNS else image  # a turn that EXIF does not know is ignored
    result.format = image.format
    return result


def unreadable(path: str | File, reason: object) -> UserError:
    """The error for a picture that cannot be read, with the decoder's reason in one line."""
    if isinstance(reason, OSError) and reason.strerror:
        reason = reason.strerror
    return UserError(f"cannot read the picture {path}: {' '.join(str(reason).split())}; replace or remove it")


def _check_claim(image: Image.Image, path: File, reading: Reading) -> None:
    """Refuse a picture whose header claims more pixels than the user allows, or than its bytes can hold."""
    _check_limit(image.width, image.height, path, reading)
    if image.width * image.height > max(FEW_PIXELS, MOST_PIXELS_PER_BYTE * length_of(path)):
        raise unreadable(path, f"it claims {image.width}x{image.height} pixels, too many for its size")


def _check_limit(width: int, height: int, path: File, reading: Reading) -> None:
    """Refuse a picture of more pixels than the user allows."""
    if width * height > reading.max_megapixels * 1e6:
        raise UserError(
            f"the picture {path} has {width}x{height} pixels, more than {reading.max_megapixels:g} million;"
            " reduce or remove it"
        )


def _is_deep(image: Image.Image) -> bool:
    """Whether an opened, not yet loaded picture has values of 16 bits (12 in a TIFF). PPM has only where its header
    says 65535, because by any less Pillow scales them."""
    codes = [str(tile.args if isinstance(tile.args, str) else tile.args[0]) for tile in image.tile if tile.args]
    if image.format == "PPM":
        return image.mode in _GREY or any(tile.args[-1] == 65535 for tile in image.tile)
    return image.mode.startswith("I;16") or any(";16" in code or code == "I;12" for code in codes)


def _upright_size(image: Image.Image) -> tuple[int, int]:
    """Width and height of an opened picture when it stands upright; of a TIFF, Pillow gives them so."""
    turn = 1 if image.format == "TIFF" else image.getexif().get(_ORIENTATION, 1)
    return image.size[::-1] if turn in (5, 6, 7, 8) else image.size


def _decode_other(path: File, reading: Reading, error: Exception) -> Image.Image:
    """Decode with OpenCV a picture that Pillow cannot open: PAM, or a kind of BMP that only OpenCV takes."""
    array = _decode_with_opencv(path, reading, reason=error)
    if array.dtype == np.uint16:
        array = reduced(array, reading.bit_depth)
    if array.dtype != np.uint8:
        raise unreadable(path, f"its pixels are {array.dtype}; save it with 8 or 16 bits")
    return _rgb_of(array)


def _rgb_of(array: np.ndarray) -> Image.Image:
    """OpenCV's array of 8-bit values as a picture."""
    if array.ndim == 3:
        array = cv2.cvtColor(array, cv2.COLOR_BGRA2RGBA if array.shape[2] == 4 else cv2.COLOR_BGR2RGB)
    return Image.fromarray(array)


def _decode_with_opencv(
    path: File, reading: Reading, whole: bool = False, reason: Exception | None = None
) -> np.ndarray:
    """OpenCV's array of a file, as it is stored: `whole` where Pillow has opened it, else with Pillow's `reason`."""
    try:
        data = bytes_of(path)
        # Pillow knows every whole PNG. In a damaged one OpenCV takes as much memory as a part claims to need.
        known = bytes(data[:8]) == _PNG and not whole
        if bytes(data[:2]) == b"BM" and len(data) > 26:  # the claim of a BMP, before OpenCV takes memory for it
            width, height = np.abs(np.frombuffer(data[18:26].tobytes(), "<i4").astype(np.int64))
            _check_limit(int(width), int(height), path, reading)
        array = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size and not known else None
    except (OSError, cv2.error) as error:
        raise unreadable(path, error) from error
    if array is None:
        pillows = "" if reason is None or isinstance(reason, UnidentifiedImageError) else f" ({reason})"
        raise unreadable(path, "it is empty" if not data.size else f"no known picture format, or damaged{pillows}")
    _check_limit(array.shape[1], array.shape[0], path, reading)
    return array
