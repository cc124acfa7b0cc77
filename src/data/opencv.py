"""What OpenCV decodes because Pillow does not: colours of 16 bits, and formats that Pillow cannot open."""

import os

# OpenCV's own limit for what a header may claim, read when it is loaded.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(1 << 30))

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from src.data.claims import check_limit, unreadable
from src.data.content import File, bytes_of
from src.data.samples import Reading

# For every damaged file OpenCV would print a line of its own, beside our error.
cv2.setLogLevel(0)
_PNG = b"\x89PNG\r\n\x1a\n"  # what such a file begins with


def array_of(path: File, reading: Reading, whole: bool = False, reason: Exception | None = None) -> np.ndarray:
    """A file's values as they are stored: [H, W] or [H, W, C], colours as blue, green, red.

    Args:
        whole: whether Pillow has opened the file; else `reason` is why it could not.

    Raises:
        UserError: the file cannot be read, or claims too many pixels.
    """
    try:
        data = bytes_of(path)
        # Pillow knows every whole PNG. In a damaged one OpenCV takes as much memory as a part claims to need.
        known = bytes(data[:8]) == _PNG and not whole
        if bytes(data[:2]) == b"BM" and len(data) > 26:  # the claim of a BMP, before OpenCV takes memory for it
            width, height = np.abs(np.frombuffer(data[18:26].tobytes(), "<i4").astype(np.int64))
            check_limit(int(width), int(height), path, reading)
        array = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size and not known else None
    except (OSError, cv2.error) as error:
        raise unreadable(path, error) from error
    if array is None:
        pillows = "" if reason is None or isinstance(reason, UnidentifiedImageError) else f" ({reason})"
        raise unreadable(path, "it is empty" if not data.size else f"no known picture format, or damaged{pillows}")
    check_limit(array.shape[1], array.shape[0], path, reading)
    return array


def picture_of(array: np.ndarray) -> Image.Image:
    """OpenCV's array of 8-bit values as a picture."""
    if array.ndim == 3:
        array = cv2.cvtColor(array, cv2.COLOR_BGRA2RGBA if array.shape[2] == 4 else cv2.COLOR_BGR2RGB)
    return Image.fromarray(array)
