"""Mask files become booleans at the network's size, and what is doubtful in them is told."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from src.data.decoding import decode, read_header
from src.data.framing import Framing, framing_of
from src.data.marks import marked_pixels, values_of
from src.data.pictures import as_rgb
from src.data.samples import PLAIN, Reading, mask_files
from src.option import Size
from src.utils import UserError

PROTOCOLS = ("nearest", "original", "max_pool")
DOUBTS = {  # what may be wrong with masks: its name in results, and what users are told
    "empty": "mark no pixel",
    "transparent": "mark no pixel: all that is not black is transparent",
    "faint": "mark no pixel: in JPEG files a value counts above half white; save them as PNG",
    "vanished": "mark no pixel any more when resized to the network's size; --gt_protocol max_pool keeps thin defects",
    "nearly_all": "mark nearly everything; are they inverted?",
}
NEARLY_ALL = 0.9  # share of marked pixels, or half of them and nearly all of the mask's edge


@dataclass(frozen=True)
class Mask:
    """A mask as it is used.

    Attributes:
        marked: bool [H, W], true where the defect is.
        doubt: the name in `DOUBTS` of what may be wrong with it, or None.
    """

    marked: np.ndarray
    doubt: str | None


def read_mask(
    path: str | Path,
    framing: Framing | Size,
    protocol: str = "nearest",
    picture_path: str | Path | None = None,
    reading: Reading = PLAIN,
) -> Mask:
    """A mask, resized as the network's image is.

    Args:
        path: of its file, or of a folder of files: then it marks what any of them does.
        framing: how the picture becomes an image, or the size to which it is stretched.
        protocol: how the mask is resized. "nearest": a pixel is a defect if any of its channels is above 0 and it is
            not transparent, and the mask is resized by nearest neighbour; in a JPEG file, whose compression
            blurs edges, a pixel must be above half white. "original": as published in 2022, the mask is made 8-bit
            grey, resized bilinearly, scaled to 0..1 and truncated to whole numbers, so that only full white stays.
            "max_pool": marked as for "nearest"; a pixel of the result is a defect if any of the pixels that it covers
            is, so that thin defects stay.
        picture_path: the picture that the mask belongs to. If it is given, both must have the same size.

    Raises:
        UserError: the file cannot be read, the protocol is unknown, or mask and picture differ in size.
    """
    if protocol not in PROTOCOLS:
        raise UserError(f"unknown mask protocol {protocol!r}; choose from {', '.join(PROTOCOLS)}")
    size_of_picture, framing = None, framing_of(framing)
    if picture_path is not None:
        header = read_header(Path(picture_path), reading)
        size_of_picture = (header.width, header.height)
    parts = [_part(file, framing, protocol, picture_path, size_of_picture, reading) for file in mask_files(Path(path))]
    if not parts:
        raise UserError(f"no mask files in {path}; put the masks of the picture there")
    if len({part[0].shape for part in parts}) > 1:
        raise UserError(f"the masks in {path} differ in size; make all as large as their picture")
    whole, resized = (np.logical_or.reduce(arrays) for arrays in list(zip(*parts))[:2])
    return Mask(resized, _doubt(whole, resized, next((part[2] for part in parts if part[2]), "empty")))


def missing_mask(picture: Path) -> UserError:
    """The error for a defective picture without a mask, where others have theirs."""
    return UserError(f"no mask for {picture}; add one, or take all masks away to get image-level figures only")


def told(doubts: Mapping[str, str], count: int) -> tuple[dict[str, Any], list[str]]:
    """What is doubtful in a data set's masks: for its results, and in lines for users.

    Args:
        doubts: by picture's name, what is doubtful in its mask.
        count: of all masks.

    Returns:
        For each kind of doubt how many masks have it (`count`) and the `first` picture; and a line for each.
    """
    names = {kind: [name for name, doubt in doubts.items() if doubt == kind] for kind in DOUBTS}
    found = {kind: {"count": len(those), "first": those[0]} for kind, those in names.items() if those}
    lines = [
        f"warning: {those['count']} of {count} masks {DOUBTS[kind]} (first: that of {those['first']})"
        for kind, those in found.items()
    ]
    return found, lines


def _part(
    path: Path,
    framing: Framing,
    protocol: str,
    picture_path: str | Path | None,
    size_of_picture: tuple[int, int] | None,
    reading: Reading,
) -> tuple[np.ndarray, np.ndarray, str | None]:
    """What a file marks, bool [H, W], also resized; and, where that is nothing, why it may be."""
    image = decode(path, reading)
    if size_of_picture not in (None, image.size):
        raise UserError(
            f"the mask {path} is {image.width}x{image.height} and its picture {picture_path} is"
            f" {size_of_picture[0]}x{size_of_picture[1]}; make the mask as large as the picture"
        )
    marked, why = marked_pixels(image), None
    if not marked.any():
        values, visible = values_of(image)
        why = "transparent" if values.any() and not np.any(values * visible) else "faint" if values.any() else None
    return marked, _framed(image, marked, framing, protocol, path, reading), why


def _framed(
    image: Image.Image, marked: np.ndarray, framing: Framing, protocol: str, path: Path, reading: Reading
) -> np.ndarray:
    """The marked pixels, bool [H, W], of a mask in the network's image."""
    result = np.zeros(framing.size, bool)
    inside = framing.of_picture(result, image.size)
    height, width = inside.shape
    if protocol == "original":
        grey = as_rgb(image, path, reading).convert("L")
        inside[:] = np.asarray(grey.resize((width, height), Image.Resampling.BILINEAR)) == 255
    elif protocol == "max_pool":
        inside[:] = _pooled(_pooled(marked, height).T, width).T
    else:
        inside[:] = np.array(Image.fromarray(marked).resize((width, height), Image.Resampling.NEAREST), dtype=bool)
    return result


def _pooled(marked: np.ndarray, size: int) -> np.ndarray:
    """Rows of a mask, bool [H, W], joined to [size, W]: each row of the result is any of those that it covers."""
    height = len(marked)
    starts = np.arange(size) * height // size
    stops = np.maximum(-(-np.arange(1, size + 1) * height // size), starts + 1)
    return np.stack([marked[start:stop].any(0) for start, stop in zip(starts, stops)])


def _doubt(marked: np.ndarray, resized: np.ndarray, why: str) -> str | None:
    """What may be wrong with a mask [H, W] and what is `resized` of it; `why` it marks nothing if it does not."""
    share = marked.mean()
    if share == 0:
        return why
    if not resized.any():
        return "vanished"
    edge = np.concatenate([marked[0], marked[-1], marked[:, 0], marked[:, -1]]).mean()
    return "nearly_all" if share > NEARLY_ALL or (share > 0.5 and edge > NEARLY_ALL) else None
