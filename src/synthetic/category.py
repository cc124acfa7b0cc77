"""A generated category in MVTec's folders: pictures of woven fabric, with four kinds of defects and exact masks."""

import re
from pathlib import Path

import numpy as np
from PIL import Image

from src.synthetic.damages import KINDS
from src.synthetic.fabric import draw
from src.trust.temporary import remove_leftovers, temporary_folder
from src.utils import UserError

MIN_SIZE = 32


def make_category(
    output_dir: str | Path,
    category: str,
    train: int = 60,
    good: int = 16,
    defects: int = 32,
    image_size: int = 256,
    seed: int = 0,
) -> Path:
    """Write PNG files into train/good, test/good, test/<kind> and ground_truth/<kind> of `<output_dir>/<category>`.

    Args:
        train: the number of training pictures.
        good: the number of good test pictures.
        defects: the number of defective test pictures; each of `KINDS` gets the next one in turn. How a picture looks
            does not depend on these three numbers.
        image_size: pixels per side, at least 32.
        seed: with the same libraries, the same seed and category give the same files to the byte.

    Returns:
        The category's folder. Until all files are written, they are in a hidden folder beside it, so it is never
        there in part.

    Raises:
        UserError: a name, size, number or seed that cannot be used, or a folder that is not empty or cannot be written.
    """
    if not re.fullmatch(r"\w[\w .-]*", category):
        raise UserError(f"{category!r} cannot name a category; use letters, digits, _, - and .")
    if image_size < MIN_SIZE:
        raise UserError(f"an image size of {image_size}; give {MIN_SIZE} or more")
    if min(train, good, defects) < 1 or seed < 0:
        raise UserError("train, good and defects must be 1 or more, and the seed 0 or more; change them")
    target = Path(output_dir) / category
    try:
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise UserError(f"{target} exists and is not empty; remove it or choose another folder or name")
        target.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(target.parent)
        with temporary_folder(target) as hidden:
            fresh = hidden / category
            _write(fresh, category, train, good, defects, image_size, seed)
            if target.exists():
                target.rmdir()
            fresh.rename(target)
    except OSError as error:
        raise UserError(f"cannot write {target}: {error.strerror}; choose a folder that can be written") from error
    return target


def _write(folder: Path, category: str, train: int, good: int, defects: int, size: int, seed: int) -> None:
    """Write all pictures and masks of a category into `folder`."""
    for index in range(train):
        _save(folder / "train" / "good" / f"{index:03d}.png", draw(category, seed, "train", index, size)[0])
    for index in range(good):
        _save(folder / "test" / "good" / f"{index:03d}.png", draw(category, seed, "good", index, size)[0])
    for index in range(defects):
        kind, number = list(KINDS)[index % len(KINDS)], index // len(KINDS)
        image, mask = draw(category, seed, kind, number, size)
        _save(folder / "test" / kind / f"{number:03d}.png", image)
        _save(folder / "ground_truth" / kind / f"{number:03d}_mask.png", mask.astype(np.uint8) * 255)


def _save(path: Path, array: np.ndarray) -> None:
    """Write an array as a picture, and make its folder before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)
