"""Picture files become arrays: 8-bit RGB whatever the format and the kind of pixels, and masks become booleans."""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from src.utils import UserError

# For every damaged file OpenCV would print a line of its own, beside our error.
cv2.setLogLevel(0)

PROTOCOLS = ("nearest", "original")
MOST_PIXELS_PER_BYTE = 10_000  # of a file; PNG has 1,032 at the most, and a camera's picture less than 100
FEW_PIXELS = 1 << 22  # that any file may have; 16 MB of memory
_PNG = b"\x89PNG\r\n\x1a\n"  # what such a file begins with
_ORIENTATION = 0x0112  # the EXIF tag that says how a stored picture must be turned to stand upright
_TURNS = {  # the values of that tag; 1 stands for a picture that is upright already
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def load_image(path: str | Path, size: int) -> np.ndarray:
    """A picture as an RGB image: uint8 [size, size, 3], resized with Pillow's antialiased bilinear filter.

    - The picture is turned as its EXIF orientation says, so it is seen as every viewer shows it.
    - Grey becomes R = G = B, 1 bit becomes 0 and 255, and a palette becomes its colours. An alpha channel is dropped
      and the stored colours are kept, as Image.convert("RGB") and OpenCV do. CMYK is converted without ICC profile.
    - 16 bits become 8 by dropping the low byte (v >> 8), so a 12-bit picture in a 16-bit file must be scaled up
      before. Pillow itself converts colour PPM and JPEG 2000, and rounds: at most one level of difference.
    - If a file holds several pictures (TIFF, GIF), the first is taken. The aspect ratio is not kept.

    Raises:
        UserError: the file is missing, unreadable or truncated, or its pixels have no fixed range (float, 32 bits).
    """
    image, turn = _open(Path(path))
    resized = _turned(_rgb(image, path), turn).resize((size, size), Image.Resampling.BILINEAR)
    return np.array(resized)


def load_mask(
    path: str | Path, size: int, protocol: str = "nearest", picture_path: str | Path | None = None
) -> np.ndarray:
    """A mask as an array: bool [size, size], True where the defect is.

    Args:
        protocol: how the mask is resized. "nearest": a pixel is a defect if any of its channels is above 0 and it is
            not transparent, and the mask is resized by nearest neighbour; in a JPEG file, whose compression
            blurs edges, a pixel must be above half white. "original": as published in 2022, the mask is made 8-bit
            grey, resized bilinearly, scaled to 0..1 and truncated to whole numbers, so that only full white stays.
        picture_path: the picture that the mask belongs to. If it is given, both must have the same size.

    Raises:
        UserError: the file cannot be read, the protocol is unknown, or mask and picture differ in size.
    """
    if protocol not in PROTOCOLS:
        raise UserError(f"unknown mask protocol {protocol!r}; choose from {', '.join(PROTOCOLS)}")
    image, turn = _open(Path(path))
    if picture_path is not None:
        _check_size(path, _shown_size(image, turn), picture_path)
    if protocol == "original":
        grey = _turned(_rgb(image, path), turn).convert("L")
        return np.asarray(grey.resize((size, size), Image.Resampling.BILINEAR)) == 255
    mask = _turned(Image.fromarray(_marked(image)), turn)
    return np.array(mask.resize((size, size), Image.Resampling.NEAREST), dtype=bool)


def _open(path: Path) -> tuple[Image.Image, int]:
    """The decoded picture, and its EXIF orientation (1 if the file has none)."""
    try:
        with Image.open(path) as image:
            if image.width * image.height > max(FEW_PIXELS, MOST_PIXELS_PER_BYTE * path.stat().st_size):
                raise _unreadable(path, f"it claims {image.width}x{image.height} pixels, too many for its size")
            image.load()
            return image, image.getexif().get(_ORIENTATION, 1)
    except UnidentifiedImageError:
        return _open_with_opencv(path), 1
    except (MemoryError, UserError):
        raise
    except Exception as error:  # for a broken file, decoders raise errors of many kinds
        raise _unreadable(path, error) from error


def _open_with_opencv(path: Path) -> Image.Image:
    """Decode with OpenCV a picture of a format that Pillow does not know, for example PAM."""
    try:
        data = np.fromfile(path, dtype=np.uint8)  # cv2.imread would fail for a non-ASCII path on Windows
        # Pillow knows every whole PNG. In a damaged one OpenCV takes as much memory as a part claims to need.
        known = bytes(data[:8]) == _PNG
        array = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size and not known else None
    except (OSError, cv2.error) as error:
        raise _unreadable(path, error) from error
    if array is None:
        raise _unreadable(path, "it is empty" if not data.size else "no known picture format, or damaged")
    if array.dtype == np.uint16:
        array = (array >> 8).astype(np.uint8)
    if array.dtype != np.uint8:
        raise _unreadable(path, f"its pixels are {array.dtype}; save it with 8 or 16 bits")
    if array.ndim == 3:
        array = cv2.cvtColor(array, cv2.COLOR_BGRA2RGBA if array.shape[2] == 4 else cv2.COLOR_BGR2RGB)
    return Image.fromarray(array)


def _unreadable(path: str | Path, reason: object) -> UserError:
    """The error for a picture that cannot be read, with the decoder's reason in one line."""
    if isinstance(reason, OSError) and reason.strerror:
        reason = reason.strerror
    return UserError(f"cannot read the picture {path}: {' '.join(str(reason).split())}; replace or remove it")


def _rgb(image: Image.Image, path: str | Path) -> Image.Image:
    """The picture in 8-bit RGB."""
    if image.mode.startswith("I"):  # 16-bit grey, which Pillow gives as 32-bit integers for some formats
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65535:
            raise _unreadable(path, "its pixels have 32 bits; save it with 8 or 16 bits")
        image = Image.fromarray((values >> 8).astype(np.uint8))
    if image.mode == "F":
        raise _unreadable(path, "its pixels are float; save it with 8 or 16 bits")
    if image.mode in ("P", "PA"):
        image = image.convert("RGBA")  # keeps the colours of transparent entries, without Pillow's warning
    try:
        return image.convert("RGB")
    except ValueError as error:
        raise _unreadable(path, error) from error


def _marked(image: Image.Image) -> np.ndarray:
    """Which pixels of a mask are marked: bool [H, W]."""
    if image.mode in ("1", "L", "F") or image.mode.startswith("I"):
        values = np.asarray(image)
    else:
        rgba = np.asarray(image.convert("RGBA"))
        values = rgba[..., :3].max(axis=-1) * (rgba[..., 3] > 0)
    return values > (127 if image.format == "JPEG" else 0)


def _turned(image: Image.Image, turn: int) -> Image.Image:
    """The picture turned upright; a turn that EXIF does not know is ignored."""
    return image.transpose(_TURNS[turn]) if turn in _TURNS else image


def _shown_size(image: Image.Image, turn: int) -> tuple[int, int]:
    """Width and height of the picture when it is turned upright."""
    return image.size[::-1] if turn in (5, 6, 7, 8) else image.size


def _check_size(mask_path: str | Path, mask_size: tuple[int, int], picture_path: str | Path) -> None:
    """Check that a mask has the size of its picture. If Pillow knows the format, it reads the file's header only."""
    try:
        with Image.open(picture_path) as image:
            size = _shown_size(image, image.getexif().get(_ORIENTATION, 1))
    except Exception:  # the header was not enough: decode the picture, which reports what is wrong with it
        size = _shown_size(*_open(Path(picture_path)))
    if size != mask_size:
        raise UserError(
            f"the mask {mask_path} is {mask_size[0]}x{mask_size[1]} and its picture {picture_path} is"
            f" {size[0]}x{size[1]}; make the mask as large as the picture"
        )
