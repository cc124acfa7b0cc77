"""Samples: what a sample is, how it is named, and which mask belongs to which picture.

The files of the data sets are built from these functions. Between them, pictures are passed on by name: as a dict from
the name of the sample to its file.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from src.utils import UserError

MAX_MEGAPIXELS = 500.0  # of a picture, unless the user allows more: 1.5 GB in RGB
_MASK_ENDING = re.compile(r"[_-](mask|label|gt)$", re.IGNORECASE)


@dataclass(frozen=True)
class Reading:
    """How picture files are read.

    Attributes:
        bit_depth: the bits that the values of a 16-bit file use, 8 to 16: 12 for a camera's 0..4095.
        max_megapixels: a picture whose header claims more million pixels is refused.
    """

    bit_depth: int = 16
    max_megapixels: float = MAX_MEGAPIXELS


PLAIN = Reading()


@dataclass(frozen=True)
class Sample:
    """A picture and what is known of it.

    Attributes:
        picture: the picture's file.
        label: 0 if it is good, 1 if it is defective.
        defect: "good", or the name of the folder that holds the pictures with this type of defect.
        mask: the file that marks the defect; None for a good picture, and for all pictures of a category without masks.
        name: unique within a list of samples, for example "broken_large/000"; results are named after it.
        reading: how its files are read.
    """

    picture: Path
    label: int
    defect: str
    mask: Path | None
    name: str
    reading: Reading = PLAIN


def has_masks(samples: list[Sample]) -> bool:
    """Whether pixel-level figures can be computed: there are defective pictures, and each of them has a mask."""
    defective = [sample for sample in samples if sample.label]
    return bool(defective) and all(sample.mask for sample in defective)


def files_of(samples: list[Sample]) -> list[Path]:
    """All files that are read for samples: their pictures and masks."""
    return [path for sample in samples for path in (sample.picture, sample.mask) if path is not None]


def evenly(samples: list[Sample], count: int) -> list[Sample]:
    """At most `count` of the samples, from all of them in equal steps."""
    return samples[:: max(1, len(samples) // count)][:count]


def named(pictures: list[Path], base: Path | None, prefix: str = "") -> dict[str, Path]:
    """The pictures by name. A name is `prefix` followed by the picture's path in `base`, without suffix.

    Args:
        base: a folder that holds the pictures at any depth; None for each picture's own folder.

    Raises:
        UserError: two pictures get the same name, so the results of one would overwrite those of the other.
    """
    result: dict[str, Path] = {}
    for path in pictures:
        name = prefix + path.relative_to(base or path.parent).with_suffix("").as_posix()
        if name in result:
            raise UserError(f"{result[name]} and {path} have the same name; rename or remove one of them")
        result[name] = path
    return result


def without_mask_ending(name: str) -> str:
    """The name without an ending such as _mask, -mask, _label or _gt: "000" for "000_mask", "000-gt" and "000"."""
    return _MASK_ENDING.sub("", name)


def pair_masks(pictures: dict[str, Path], masks: list[tuple[str, Path]], where: Path) -> dict[str, Path]:
    """The masks by the names of their pictures, one for each defective picture of a category.

    Args:
        pictures: the defective pictures by name.
        masks: the name and the file of each mask. A mask belongs to the picture that has its name, or has its name
            without the ending _mask.
        where: the folder that holds the masks, for the error message.

    Raises:
        UserError: a picture has no mask or two masks, or a mask has no picture.
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
    """The samples of good pictures, sorted by name."""
    return [Sample(path, 0, "good", None, name) for name, path in sorted(pictures.items())]


def defective_samples(pictures: dict[str, Path], masks: dict[str, Path]) -> list[Sample]:
    """The samples of defective pictures, sorted by name. The first part of a name is the type of the defect."""
    return [Sample(path, 1, name.split("/")[0], masks.get(name), name) for name, path in sorted(pictures.items())]


def split_good(good: dict[str, Path], seed: int) -> tuple[dict[str, Path], dict[str, Path]]:
    """Divide good pictures into four fifths to train on (rounded down, at least one) and the rest to test on.

    The pictures are ordered by a hash of the seed and their name. So the choice is the same on every machine and with
    every version of NumPy, and if pictures are added later, few of the others change sides.
    """
    order = sorted(good, key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).digest())
    count = max(1, len(order) * 4 // 5)
    return {name: good[name] for name in order[:count]}, {name: good[name] for name in order[count:]}
