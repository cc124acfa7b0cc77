"""Tiny picture trees for the tests of the data modules."""

from pathlib import Path

import numpy as np
from PIL import Image


def picture(path: Path, value: int = 128, size: tuple[int, int] = (8, 6)) -> Path:
    """A plain grey-level RGB picture of (width, height); the format follows the suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (value, value, value)).save(path)
    return path


def mask(path: Path, size: tuple[int, int] = (8, 6)) -> Path:
    """A mask whose left half is marked."""
    path.parent.mkdir(parents=True, exist_ok=True)
    array = np.zeros(size[::-1], np.uint8)
    array[:, : size[0] // 2] = 255
    Image.fromarray(array).save(path)
    return path


def mvtec(root: Path, category: str = "nut", good: str = "good", bad: str = "cut") -> Path:
    """Three training pictures, two good and two defective ones with masks; returns the category's folder."""
    base = root / category
    for index in range(3):
        picture(base / "train" / good / f"{index:03d}.png")
    for index in range(2):
        picture(base / "test" / good / f"{index:03d}.png")
        picture(base / "test" / bad / f"{index:03d}.png")
        mask(base / "ground_truth" / bad / f"{index:03d}_mask.png")
    return base
