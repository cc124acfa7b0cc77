"""What the pixels of a mask's file mark."""

import numpy as np
from PIL import Image

_LOSSY = ("JPEG", "MPO", "AVIF")  # formats whose compression blurs edges, so that values above 0 stand beside a defect


def marked_pixels(image: Image.Image) -> np.ndarray:
    """Which pixels of a mask are marked: bool [H, W]."""
    values, visible = values_of(image)
    return values * visible > (127 if image.format in _LOSSY else 0)


def values_of(image: Image.Image) -> tuple[np.ndarray, np.ndarray | bool]:
    """The highest channel of each pixel, [H, W], and whether the pixel is not transparent."""
    if image.mode in ("1", "L", "F") or image.mode.startswith("I"):
        return np.asarray(image), True
    rgba = np.asarray(image.convert("RGBA"))
    return rgba[..., :3].max(axis=-1), rgba[..., 3] > 0
