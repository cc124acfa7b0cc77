"""A user's own pictures:

<category>/good/            good pictures; they may lie in folders within
<category>/test_good/       optional: good pictures to test on; without it, a fifth of good/ is kept for the test
<category>/defect/          optional: defective pictures, or a folder of them for each type of defect
<category>/masks/           optional: masks named as their pictures, with or without the ending _mask

Masks may also lie in a folder mask/ or ground_truth/, and any of the three may stand at any depth, also inside defect/;
or beside their pictures, with the ending. A folder named as a picture holds several, of which each marks a part.
Where two types of defects have pictures of the same name, their masks need a folder with the name of the type.
"""

from pathlib import Path

from src.data.layout import Layout, Split
from src.data.listing import list_pictures, named, subfolders
from src.data.roles import MASK_FOLDERS, masks_beside, pair_masks, without_mask_ending
from src.data.samples import Sample, defective_samples, good_samples, split_good
from src.utils import UserError

_GOOD, _TEST_GOOD, _DEFECT = "good", "test_good", "defect"


def find_categories(root: Path) -> list[str]:
    """The folders that have a folder good/."""
    return [path.name for path in subfolders(root) if (path / _GOOD).is_dir()]


def find_training(root: Path, category: str, split: Split) -> list[Sample]:
    """All pictures of good/ if there are pictures in test_good/, else four fifths of them, chosen by the seed."""
    training, _ = _good(root / category, split)
    return good_samples(training)


def find_testing(root: Path, category: str, split: Split) -> list[Sample]:
    """The good pictures that are not trained on, then the defective ones, with masks if there are any.

    Raises:
        UserError: pictures lie in a folder whose meaning is unknown, a type of defect has the name "good" or
            "defect", or there are masks and they do not fit the defective pictures one to one.
    """
    base = root / category
    _check_folder_names(base)
    found = _pictures(base / _DEFECT)
    defective = {name if "/" in name else f"{_DEFECT}/{name}": path for name, path in found.items()}
    good_stems = {path.stem for folder in (_GOOD, _TEST_GOOD) for path in _pictures(base / folder).values()}
    masks = []
    for name, path in _masks(base, defective):
        target = _target(name, path, defective, good_stems)
        if target is not None:
            masks.append((target, path))
    paired = pair_masks(defective, masks, base / "masks") if masks else {}
    _, good = _good(base, split)
    return good_samples(good) + defective_samples(defective, paired)


def _check_folder_names(base: Path) -> None:
    """Refuse folders whose pictures would be left out without a word, or would be taken for something else."""
    known = {_GOOD, _TEST_GOOD, _DEFECT, *MASK_FOLDERS}
    for folder in subfolders(base):
        if folder.name not in known and _pictures(folder):
            raise UserError(
                f"{folder} is none of good, test_good, defect, masks; move defective pictures of one type to"
                f" {base / _DEFECT / folder.name}"
            )
    # "good" means no defect, and "defect" is the type of the pictures that lie in defect/ itself.
    for taken in (_GOOD, _DEFECT):
        if (base / _DEFECT / taken).is_dir():
            raise UserError(f"{base / _DEFECT} has a folder {taken}; rename it after its defect")


def _good(base: Path, split: Split) -> tuple[dict[str, Path], dict[str, Path]]:
    """The good pictures by name: those to train on, and those to test on."""
    good = _pictures(base / _GOOD, "good/")
    kept = _pictures(base / _TEST_GOOD, "good/")
    return (good, kept) if kept else split_good(good, split.seed)


def _pictures(folder: Path, prefix: str = "") -> dict[str, Path]:
    """The pictures at any depth in `folder` by name; files in mask folders, and masks beside them, are left out."""
    found = list_pictures(folder, recursive=True)
    pictures = [path for path in found if not MASK_FOLDERS & set(path.relative_to(folder).parts[:-1])]
    beside = masks_beside(pictures)
    return named([path for path in pictures if path not in beside], folder, prefix)


def _masks(base: Path, defective: dict[str, Path]) -> list[tuple[str, Path]]:
    """The name and the file of every mask, or the folder of several that make one.

    Its name is its path in `base` without suffix, mask folders and defect/.
    """
    result = {}
    found = list_pictures(base, recursive=True)
    beside = masks_beside(found)
    for path in found:
        *folders, stem = path.relative_to(base).with_suffix("").parts
        kept = [folder for folder in folders if folder not in MASK_FOLDERS and folder != _DEFECT]
        if MASK_FOLDERS & set(folders):
            whole, parts = "/".join([*kept, stem]), "/".join(kept)
            known = parts in defective or f"{_DEFECT}/{parts}" in defective
            several = known and without_mask_ending(whole) not in defective
            result[path.parent if several else path] = parts if several else whole
        elif path in beside and folders[:1] == [_DEFECT]:
            result[path] = "/".join([*kept, stem])
    return [(name, path) for path, name in result.items()]


def _target(name: str, mask: Path, defective: dict[str, Path], good_stems: set[str]) -> str | None:
    """The sample name of the defective picture that a mask belongs to.

    A picture of the same path as the mask comes first. A mask that lies in no folder of a type of defect may
    belong to a picture in such a folder, if there is only one of its file name.

    Args:
        name, mask: as `_masks` gives them.
        defective: the defective pictures by name.
        good_stems: the file names of the good pictures, without suffix.

    Returns:
        The name; None if the mask is a good picture's, which is black and not needed. If no picture fits, the
        mask's own name, so that `pair_masks` reports the mask.

    Raises:
        UserError: pictures of several types fit.
    """
    *folders, stem = name.split("/")
    if folders and folders[0] in (_GOOD, _TEST_GOOD):
        return None
    stems = (stem, without_mask_ending(stem))
    for candidate in stems:
        path = "/".join([*(folders or [_DEFECT]), candidate])
        if path in defective:
            return path
    types = {picture.split("/")[0] for picture in defective}
    if folders and folders[0] in types:
        return name
    fits = [picture for picture in defective if picture.split("/")[-1] in stems]
    if len(fits) > 1:
        raise UserError(
            f"the mask {mask} fits {defective[fits[0]]} and {defective[fits[1]]}; put it into a folder"
            " named after the defect type"
        )
    if fits:
        return fits[0]
    return None if good_stems.intersection(stems) else name


LAYOUT = Layout(
    name="folder",
    description=(
        "your own: <category>/good/, optional test_good/, defect/ (or defect/<type>/), masks in masks/ at any depth"
    ),
    find_categories=find_categories,
    find_training=find_training,
    find_testing=find_testing,
    sign="folders with good/ and defect/",
    train_folder="{category}/good",
    test_folder="{category}/{{test_good,defect}}",
)
