"""Files become decoded pictures: what the header says is checked first, and each kind of pixels has a stated range."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from src.data.claims import check_claim, unreadable
from src.data.content import File, stream_of
from src.data.noise import Listener
from src.data.opencv import array_of, picture_of
from src.data.samples import PLAIN, Reading
from src.utils import UserError, log

DEPTHS = (8, 10, 12, 14, 16)  # the bits that cameras use of 16
_ORIENTATION = 0x0112  # the EXIF tag that says how a stored picture must be turned to stand upright
_PHOTOMETRIC, _WHITE_IS_ZERO = 0x0106, 0  # a TIFF's tag of what its values mean, and the value for "0 is white"
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
_LISTENER = Listener()  # a process has one standard error


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
    header, _ = _LISTENER.hear(lambda: _header(path, reading, upright))
    return header


def decode(path: File, reading: Reading = PLAIN) -> Image.Image:
    """The picture, upright, in a mode of Pillow's. Of a 16-bit colour file the values are reduced to 8 bits.

    What the decoding library has to say of a picture that it reads becomes a warning.

    Raises:
        UserError: the file is missing, damaged, or claims too many pixels.
    """
    image, noise = _LISTENER.hear(lambda: _decode(path, reading))
    if noise is not None:
        log.warning("warning: %s: %s", path, noise)
    return image


def highest_value(path: Path, reading: Reading = PLAIN) -> int:
    """The highest stored value of a 16-bit file, without its alpha channel.

    Raises:
        UserError: the file cannot be read.
    """
    values, _ = _LISTENER.hear(lambda: _values(path, reading))
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


def _header(path: Path, reading: Reading, upright: bool) -> Header:
    """See `read_header`."""
    try:
        with Image.open(path) as image:
            check_claim(image, path, reading)
            deep = _is_deep(image)  # first: to find a PNG's orientation, Pillow loads all of it
            return Header(*(_upright_size(image) if upright else image.size), deep)
    except UserError:
        raise
    except Exception as error:  # what Pillow cannot open, OpenCV may; else it says why not
        array = array_of(path, reading, reason=error)
        return Header(array.shape[1], array.shape[0], array.dtype == np.uint16)


def _decode(path: File, reading: Reading) -> Image.Image:
    """See `decode`."""
    try:
        image = Image.open(stream_of(path))
    except Exception as error:  # decoders raise errors of many kinds for files that they do not know or take
        return _decode_other(path, reading, error)
    with image:
        check_claim(image, path, reading)
        try:
            deep = _is_deep(image)  # first, as above
            turn = image.getexif().get(_ORIENTATION, 1)
            if reading.bit_depth < 16 and deep and image.mode not in _GREY:
                values = array_of(path, reading, whole=True)
                return upright(picture_of(reduced(values, reading.bit_depth)), turn)
            image.load()
            if image.format == "TIFF":  # Pillow turned it when it loaded it
                return _with_black_zero(image, reading)
            return upright(image, turn)
        except (MemoryError, UserError):
            raise
        except Exception as error:  # for a broken file, decoders raise errors of many kinds
            raise unreadable(path, error) from error


def _with_black_zero(image: Image.Image, reading: Reading) -> Image.Image:
    """A loaded TIFF in which 0 is black. Of 8 bits and fewer, Pillow has inverted one in which it was white."""
    if not image.mode.startswith("I;16") or image.tag_v2.get(_PHOTOMETRIC) != _WHITE_IS_ZERO:
        return image
    most = (1 << reading.bit_depth) - 1
    return Image.fromarray((most - np.minimum(np.asarray(image), most)).astype(np.uint16))


def _values(path: Path, reading: Reading) -> np.ndarray:
    """The stored values of a 16-bit file: [H, W], or [H, W, C]."""
    try:
        with Image.open(path) as image:
            check_claim(image, path, reading)
            if image.mode in _GREY:
                return np.asarray(image)
    except UserError:
        raise
    except Exception as error:
        return array_of(path, reading, reason=error)
    return array_of(path, reading, whole=True)


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
    array = array_of(path, reading, reason=error)
    if array.dtype == np.uint16:
        array = reduced(array, reading.bit_depth)
    if array.dtype != np.uint8:
        raise unreadable(path, f"its pixels are {array.dtype}; save it with 8 or 16 bits")
    return picture_of(array)
