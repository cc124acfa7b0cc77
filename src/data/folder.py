"""A user's own pictures without any published layout -> samples, from a folder <root>/<category> with

good/                 good pictures, sub-folders allowed
test_good/            optional: good pictures for the test; without it, a seeded fifth of good/ is kept for it
defect/[<type>/]      optional: defective pictures, in a sub-folder per defect type if wished
masks/                optional, at any depth, also mask/ or ground_truth/: masks named as their pictures,
                      with or without the ending _mask, below folders of the defect types where names repeat
"""

from pathlib import Path

from src.data.samples import (
    Sample,
    Split,
    defective_samples,
    good_samples,
    list_pictures,
    named,
    pair_masks,
    split_good,
    subfolders,
    without_mask_ending,
)
from src.utils import UserError

_MASK_FOLDERS = {"masks", "mask", "ground_truth"}
_GOOD, _TEST_GOOD, _DEFECT = "good", "test_good", "defect"


def categories(root: Path) -> list[str]:
    """The folders below `root` that have a folder good/."""
    return [path.name for path in subfolders(root) if (path / _GOOD).is_dir()]


def train(root: Path, category: str, split: Split) -> list[Sample]:
    """All of good/ where there is test_good/, else four fifths of it."""
    return good_samples(_good(root / category, split)[0])


def test(root: Path, category: str, split: Split) -> list[Sample]:
    """The good pictures kept from training, then the defective ones with their masks.

    Raises:
        UserError: a folder of another name holds pictures (they would silently be left out), or the masks do
            not fit the pictures.
    """
    base = root / category
    known = {_GOOD, _TEST_GOOD, _DEFECT, *_MASK_FOLDERS}
    for folder in subfolders(base):
        if folder.name not in known and _pictures(folder):
            raise UserError(
                f"{folder} is none of good, test_good, defect, masks; move defective pictures of one type to"
                f" {base / _DEFECT / folder.name}"
            )
    for taken in (_GOOD, _DEFECT):  # good is no defect; defect/ is the type of pictures without one
        if (base / _DEFECT / taken).is_dir():
            raise UserError(f"{base / _DEFECT} has a folder {taken}; rename it after its defect")
    pictures = {name if "/" in name else f"{_DEFECT}/{name}": path for name, path in _pictures(base / _DEFECT).items()}
    good = {path.stem for folder in (_GOOD, _TEST_GOOD) for path in _pictures(base / folder).values()}
    masks = [(target, path) for name, path in _masks(base) if (target := _target(name, path, pictures, good))]
    paired = pair_masks(pictures, masks, base / "masks") if masks else {}
    return good_samples(_good(base, split)[1]) + defective_samples(pictures, paired)


def _good(base: Path, split: Split) -> tuple[dict[str, Path], dict[str, Path]]:
    """(training, test) good pictures by name."""
    good = _pictures(base / _GOOD, "good/")
    kept = _pictures(base / _TEST_GOOD, "good/")
    return (good, kept) if kept else split_good(good, split.seed)


def _pictures(folder: Path, prefix: str = "") -> dict[str, Path]:
    """The pictures below `folder` by name, without those in mask folders."""
    found = list_pictures(folder, recursive=True)
    plain = [path for path in found if not _MASK_FOLDERS & set(path.relative_to(folder).parts[:-1])]
    return named(plain, folder, prefix)


def _masks(base: Path) -> list[tuple[str, Path]]:
    """(name, file) of every mask: its path without suffix and the names of mask folders and defect/."""
    result = []
    for path in list_pictures(base, recursive=True):
        parts = path.relative_to(base).with_suffix("").parts
        if _MASK_FOLDERS & set(parts[:-1]):
            kept = [part for part in parts[:-1] if part not in _MASK_FOLDERS | {_DEFECT}]
            result.append(("/".join([*kept, parts[-1]]), path))
    return result


def _target(name: str, mask: Path, pictures: dict[str, Path], good: set[str]) -> str | None:
    """The name of the defective picture that a mask belongs to; None for the (black) mask of a good picture.

    The same path fits first; a mask that lies under no defect type's name may fit by its file name alone.
    """
    *folders, stem = name.split("/")
    if folders and folders[0] in (_GOOD, _TEST_GOOD):
        return None
    plain = without_mask_ending(stem)
    for candidate in ("/".join([*(folders or [_DEFECT]), last]) for last in (stem, plain)):
        if candidate in pictures:
            return candidate
    if folders and folders[0] in {picture.split("/")[0] for picture in pictures}:
        return name
    fits = [picture for picture in pictures if picture.split("/")[-1] in (stem, plain)]
    if len(fits) > 1:
        raise UserError(
            f"the mask {mask} fits {pictures[fits[0]]} and {pictures[fits[1]]}; put it into a folder"
            " named after the defect type"
        )
    if fits:
        return fits[0]
    return None if {stem, plain} & good else name
