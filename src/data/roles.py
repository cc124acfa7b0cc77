"""Which files are masks: by their names, by the folders that they lie in, and by the pictures that they belong to."""

import re
from collections.abc import Iterable
from pathlib import Path

from src.utils import UserError

MASK_FOLDERS = frozenset({"masks", "mask", "ground_truth"})
_MASK_ENDING = re.compile(r"[._-](masks?|labels?|gt|ground_?truth)$", re.IGNORECASE)


def without_mask_ending(name: str) -> str:
    """The name without an ending such as _mask, -mask, .mask, _label or _gt: "000" for "000_mask", "000-gt", "000"."""
    return _MASK_ENDING.sub("", name)


def is_named_as_mask(path: Path) -> bool:
    """Whether a file's name has such an ending."""
    return without_mask_ending(path.stem) not in (path.stem, "")


def masks_beside(paths: Iterable[Path]) -> dict[Path, Path]:
    """The files that are masks of others in the same folder, with these: 000_mask.png with 000.png or 000.jpg."""
    paths = list(paths)
    known = {path.with_suffix(""): path for path in paths}
    result = {}
    for path in paths:
        target = known.get(path.with_name(without_mask_ending(path.stem))) if is_named_as_mask(path) else None
        if target is not None:
            result[path] = target
    return result


def masks_among(paths: Iterable[Path], base: Path) -> set[Path]:
    """The files under `base` that are masks of others: those beside their picture, and those in a folder of masks for
    which there is a picture of that name elsewhere, or of the folder's name where several make one mask."""
    paths = list(paths)
    result = set(masks_beside(paths))
    kept = {path for path in paths if MASK_FOLDERS & set(path.relative_to(base).parts[:-1])}
    stems = {path.stem for path in paths if path not in kept and path not in result}
    return result | {path for path in kept if {without_mask_ending(path.stem), path.stem, path.parent.name} & stems}


def pair_masks(pictures: dict[str, Path], masks: list[tuple[str, Path]], where: Path) -> dict[str, Path]:
    """The masks by the names of their pictures, one for each defective picture of a category.

    Args:
        pictures: the defective pictures by name.
        masks: the name and the file of each mask (or its folder, see `Sample`). A mask belongs to the picture that has
            its name, or has its name without the ending _mask.
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
