"""Samples: what a sample is, and how good ones are divided.

The files of the data sets are built from these functions. Between them, pictures are passed on by name: as a dict from
the name of the sample to its file.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from src.data.listing import list_pictures

MAX_MEGAPIXELS = 500.0  # of a picture, unless the user allows more: 1.5 GB in RGB


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
        mask: the file that marks the defect, or the folder of files that mark it together; None for a good picture, and
            for all pictures of a category without masks.
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
    return [path for sample in samples for path in (sample.picture, *mask_files(sample.mask))]


def mask_files(mask: Path | None) -> list[Path]:
    """The files of a sample's mask: itself, those of its folder, or none."""
    if mask is None:
        return []
    return list_pictures(mask) if mask.is_dir() else [mask]


def evenly(samples: list[Sample], count: int) -> list[Sample]:
    """At most `count` of the samples, from all of them in equal steps."""
    return samples[:: max(1, len(samples) // count)][:count]


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
