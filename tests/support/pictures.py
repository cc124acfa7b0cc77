"""Tiny pictures, masks and folders of them, for the tests of src/data and src/dataset.py."""

from pathlib import Path

import numpy as np
from PIL import Image

from src.data.masks import read_mask
from src.data.pictures import open_rgb, resized
from src.data.samples import PLAIN, Reading, Sample


def load_image(path: str | Path, size: int, reading: Reading = PLAIN) -> np.ndarray:
    """A picture's file as the network takes it: uint8 RGB [size, size, 3]."""
    return resized(open_rgb(path, reading), size)


def load_mask(path: str | Path, size: int, *given, **named) -> np.ndarray:
    """What a mask's file marks: bool [size, size]; more arguments are `read_mask`'s."""
    return read_mask(path, size, *given, **named).marked


def picture(path: Path, value: int = 128, size: tuple[int, int] = (8, 6)) -> Path:
    """Write an RGB picture of one grey level and of size (width, height), in the format that the suffix names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (value, value, value)).save(path)
    return path


def speckled(width: int, height: int, seed: int = 0) -> Image.Image:
    """Colour, with sharp edges and smooth parts."""
    values = np.random.default_rng(seed).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    return Image.fromarray(values).resize((width, height), Image.Resampling.BICUBIC)


def mask(path: Path, size: tuple[int, int] = (8, 6)) -> Path:
    """Write a mask of size (width, height) whose left half is marked."""
    path.parent.mkdir(parents=True, exist_ok=True)
    array = np.zeros(size[::-1], np.uint8)
    array[:, : size[0] // 2] = 255
    Image.fromarray(array).save(path)
    return path


def mvtec(root: Path, category: str = "nut", good: str = "good", bad: str = "cut") -> Path:
    """Write a category in MVTec's folders: three good pictures to train on, and two good and two defective ones
    with masks to test on. Returns the category's folder."""
    base = root / category
    for index in range(3):
        picture(base / "train" / good / f"{index:03d}.png")
    for index in range(2):
        picture(base / "test" / good / f"{index:03d}.png")
        picture(base / "test" / bad / f"{index:03d}.png")
        mask(base / "ground_truth" / bad / f"{index:03d}_mask.png")
    return base


def names(samples: list[Sample]) -> list[str]:
    """The samples' names in their order."""
    return [sample.name for sample in samples]
