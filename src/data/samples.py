"""Samples: what one is, which files are pictures, and how masks are paired with pictures by name."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from src.utils import UserError

# What Pillow or OpenCV reads, without icons, vector graphics, documents and films.
SUFFIXES = frozenset(
    f".{suffix}"
    for line in (
        "apng avif avifs blp bmp bw dcx dds dib exr gif hdr im j2c j2k jfif jp2 jpc jpe jpeg jpf jpg jpx pam",
        "pbm pcx pfm pgm pic png pnm ppm psd pxm qoi ras rgb rgba sgi sr tga tif tiff webp xbm xpm",
    )
    for suffix in line.split()
)
_MASK_ENDING = re.compile(r"[_-]mask$", re.IGNORECASE)


@dataclass(frozen=True)
class Sample:
    """A picture and what is known of it.

    Attributes:
        image: the picture's file.
        label: 0 good, 1 defective.
        defect: "good", or the name of the defect type's folder.
        mask: the file that marks the defect; None for a good picture and where the category has no masks.
        name: unique within a list of samples, such as "broken_large/000"; results are named after it.
    """

    image: Path
    label: int
    defect: str
    mask: Path | None
    name: str


@dataclass(frozen=True)
class Split:
    """How good pictures are divided into training and test where the layout leaves it open.

    Attributes:
        seed: chooses four fifths of them (`split_good`).
        train_list: a text file of the training pictures' names, one a line; comes before the seed.
    """

    seed: int = 0
    train_list: Path | None = None


def has_masks(samples: list[Sample]) -> bool:
    """Whether pixel-level figures can be had: there are defective pictures, and each has a mask."""
    defective = [sample for sample in samples if sample.label]
    return bool(defective) and all(sample.mask for sample in defective)


def subfolders(folder: Path) -> list[Path]:
    """The folders in `folder`, sorted by name, without hidden ones; none if `folder` is missing."""
    return [path for path in _entries(folder) if path.is_dir()]


def list_pictures(folder: Path, recursive: bool = False) -> list[Path]:
    """The picture files in `folder`, sorted by name; none if `folder` is missing.

    A picture is told by its suffix (in any case); hidden files and all others are passed over. A dangling
    link counts as a picture: reading it fails and names it, where leaving it out would be silent.
    """
    found = []
    for path in _entries(folder):
        if path.is_dir():
            found += list_pictures(path, recursive) if recursive else []
        elif path.suffix.lower() in SUFFIXES:
            found.append(path)
    return found


def named(pictures: list[Path], base: Path | None, prefix: str = "") -> dict[str, Path]:
    """Sample name -> picture: `prefix` and the path below `base` (None: its own folder) without its suffix.

    Raises:
        UserError: two pictures differ by their suffix only, so their results would overwrite each other.
    """
    result: dict[str, Path] = {}
    for path in pictures:
        name = prefix + path.relative_to(base or path.parent).with_suffix("").as_posix()
        if name in result:
            raise UserError(f"{result[name]} and {path} have the same name; rename or remove one of them")
        result[name] = path
    return result


def without_mask_ending(name: str) -> str:
    """ "000" for "000_mask", "000-mask" and "000"."""
    return _MASK_ENDING.sub("", name)


def pair_masks(pictures: dict[str, Path], masks: list[tuple[str, Path]], where: Path) -> dict[str, Path]:
    """Sample name -> mask, for all defective pictures of a category.

    Args:
        pictures: the defective pictures by name.
        masks: (name, file) of each mask; it fits the picture of its name, with or without the ending `_mask`.
        where: the folder that holds the masks, for the messages.

    Raises:
        UserError: a picture without mask, a mask without picture, or two masks for one picture.
    """
    paired: dict[str, Path] = {}
    for name, mask in masks:
        target = name if name in pictures else without_mask_ending(name)
        if target not in pictures:
            raise UserError(f"no picture for the mask {mask}; add the defective picture or remove the mask")
        if target in paired:
            raise UserError(f"two masks for {pictures[target]}: {paired[target]} and {mask}; remove one")
        paired[target] = mask
    for name, picture in pictures.items():
        if name not in paired:
            raise UserError(
                f"no mask for the defective picture {picture}; add {Path(name).name}_mask.png under {where},"
                " or take all masks away to get image-level figures only"
            )
    return paired


def good_samples(pictures: dict[str, Path]) -> list[Sample]:
    """Samples of good pictures given by name, sorted by name."""
    return [Sample(path, 0, "good", None, name) for name, path in sorted(pictures.items())]


def defective_samples(pictures: dict[str, Path], masks: dict[str, Path]) -> list[Sample]:
    """Samples of defective pictures given by name, sorted by name; its first part is the defect type."""
    return [Sample(path, 1, name.split("/")[0], masks.get(name), name) for name, path in sorted(pictures.items())]


def split_good(good: dict[str, Path], seed: int) -> tuple[dict[str, Path], dict[str, Path]]:
    """(training, test): four fifths (rounded down, at least one) of the good pictures, and the rest.

    The choice follows a hash of seed and name: it is the same on every machine and version of NumPy, and a
    picture added later moves few of the others to the other side.
    """
    order = sorted(good, key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).digest())
    count = max(1, len(order) * 4 // 5)
    return {name: good[name] for name in order[:count]}, {name: good[name] for name in order[count:]}


def _entries(folder: Path) -> list[Path]:
    """What is in `folder`, sorted by name (the order of the file system differs between machines)."""
    try:
        paths = list(folder.iterdir()) if folder.is_dir() else []
    except OSError as error:
        raise UserError(f"cannot read the folder {folder}: {error.strerror}; check its permissions") from error
    return sorted((path for path in paths if not path.name.startswith(".")), key=lambda path: path.name)
