"""What an exported file is tried with: always the same images or pixels."""

import numpy as np

from src import hidden
from src.option import Size, sides


def random_images(batch_size: int, size: Size, hides: bool = False) -> np.ndarray:
    """Always the same normally distributed images, float32 (batch_size, 3, H, W).

    Args:
        size: H and W, or one number; hides: whether a part of each is hidden.
    """
    images = np.random.default_rng(0).standard_normal((batch_size, 3, *sides(size)), np.float32)
    if hides:
        images[..., : images.shape[2] // 3, :] = hidden.INPUT
    return images


def random_pixels(batch_size: int, size: Size, hides: bool = False) -> np.ndarray:
    """Always the same uniformly distributed pixels, uint8 (batch_size, H, W, 3), or RGBA where a part is hidden."""
    pixels = np.random.default_rng(0).integers(0, 256, (batch_size, *sides(size), 4 if hides else 3), np.uint8)
    if hides:
        pixels[..., 3] = 255
        pixels[:, : pixels.shape[1] // 3, :, 3] = 0
    return pixels
