"""What the contestants compute on. Times do not depend on what is in a picture, so it is noise. Only NumPy here."""

import numpy as np


def pictures(count: int, size: int, seed: int = 0) -> np.ndarray:
    """Noise as pictures: uint8 [count, size, size, 3]."""
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), np.uint8)


def normalized(count: int, size: int, seed: int = 0) -> np.ndarray:
    """Noise as a normalised batch: float32 [count, 3, size, size], of mean 0 and variance 1."""
    return np.random.default_rng(seed).standard_normal((count, 3, size, size), np.float32)
