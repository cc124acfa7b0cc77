"""Picture files -> arrays: every format and pixel mode becomes 8-bit RGB, every mask becomes booleans."""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from src.utils import UserError

cv2.setLogLevel(0)  # it prints a line of its own for every damaged file, beside our error

PROTOCOLS = ("nearest", "original")
_ORIENTATION = 0x0112  # the EXIF tag; its values 2 to 8 say how the stored picture is to be turned
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def load_image(path: str | Path, size: int) -> np.ndarray:
    """A picture as RGB, resized with Pillow's antialiased bilinear filter: uint8 [size, size, 3].

    - The EXIF orientation is honoured: the picture is taken as every viewer shows it.
    - Grey becomes R = G = B; 1 bit becomes 0 and 255; a palette becomes its colours; alpha is left out, which
      keeps the stored colours (as Image.convert("RGB") and OpenCV do); CMYK is converted without ICC profile.
    - 16 bits become 8 by leaving out the low byte (v >> 8), so a 12-bit picture in a 16-bit file must be
      scaled up before. Pillow rounds colour PPM and JPEG 2000 instead: at most one level apart.
    - Of several pictures in a file (TIFF, GIF) the first is taken. The aspect ratio is not kept.

    Raises:
        UserError: missing, unreadable or truncated file, or pixels without a fixed range (float, 32 bits).
    """
    image, turn = _open(Path(path))
    resized = _turned(_rgb(image, path), turn).resize((size, size), Image.Resampling.BILINEAR)
    return np.array(resized)


def load_mask(
    path: str | Path, size: int, protocol: str = "nearest", image_path: str | Path | None = None
) -> np.ndarray:
    """A mask: bool [size, size], True where the defect is.

    Args:
        protocol: "nearest": a pixel above 0 in any channel (and not transparent) is a defect, in JPEG, which
            smears edges, from half white on; resized by nearest neighbour. "original": the 2022 protocol:
            8-bit grey, resized bilinearly, scaled to 0..1 and truncated, so only full white stays.
        image_path: the picture that the mask belongs to; given, their sizes are compared.

    Raises:
        UserError: unreadable file, unknown protocol, or mask and picture differ in size.
    """
    if protocol not in PROTOCOLS:
        raise UserError(f"unknown mask protocol {protocol!r}; choose from {', '.join(PROTOCOLS)}")
    image, turn = _open(Path(path))
    if image_path is not None:
        _check_size(path, _shown_size(image, turn), image_path)
    if protocol == "original":
        grey = _turned(_rgb(image, path), turn).convert("L")
        return np.asarray(grey.resize((size, size), Image.Resampling.BILINEAR)) == 255
    mask = _turned(Image.fromarray(_marked(image)), turn)
    return np.array(mask.resize((size, size), Image.Resampling.NEAREST), dtype=bool)


def _open(path: Path) -> tuple[Image.Image, int]:
    """The decoded picture and its EXIF orientation (1 upright)."""
    try:
        with Image.open(path) as image:
            image.load()
            return image, image.getexif().get(_ORIENTATION, 1)
    except UnidentifiedImageError:
        return _open_with_opencv(path), 1
    except MemoryError:
        raise
    except Exception as error:  # decoders raise many kinds for a broken file
        raise _unreadable(path, error) from error


def _open_with_opencv(path: Path) -> Image.Image:
    """What Pillow does not know, such as PAM, with OpenCV."""
    try:
        data = np.fromfile(path, dtype=np.uint8)  # not cv2.imread: it takes no non-ASCII path on Windows
        array = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
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
    if isinstance(reason, OSError) and reason.strerror:
        reason = reason.strerror
    return UserError(f"cannot read the picture {path}: {' '.join(str(reason).split())}; replace or remove it")


def _rgb(image: Image.Image, path: str | Path) -> Image.Image:
    """8-bit RGB."""
    if image.mode.startswith("I"):  # 16-bit grey; Pillow opens it as 32 bits (mode I) from some formats
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65535:
            raise _unreadable(path, "its pixels have 32 bits; save it with 8 or 16 bits")
        image = Image.fromarray((values >> 8).astype(np.uint8))
    if image.mode == "F":
        raise _unreadable(path, "its pixels are float; save it with 8 or 16 bits")
    if image.mode in ("P", "PA"):
        image = image.convert("RGBA")  # so that a transparent palette entry keeps its colour, without a warning
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
    return image.transpose(_TURNS[turn]) if turn in _TURNS else image


def _shown_size(image: Image.Image, turn: int) -> tuple[int, int]:
    """(width, height) after turning."""
    return image.size[::-1] if turn in (5, 6, 7, 8) else image.size


def _check_size(mask_path: str | Path, mask_size: tuple[int, int], image_path: str | Path) -> None:
    """The mask must have the picture's size; of the picture only the head is read, where Pillow knows it."""
    try:
        with Image.open(image_path) as image:
            size = _shown_size(image, image.getexif().get(_ORIENTATION, 1))
    except Exception:  # not by its head: decode it, which gives the error its text
        size = _shown_size(*_open(Path(image_path)))
    if size != mask_size:
        raise UserError(
            f"the mask {mask_path} is {mask_size[0]}x{mask_size[1]} and its picture {image_path} is"
            f" {size[0]}x{size[1]}; make the mask as large as the picture"
        )
