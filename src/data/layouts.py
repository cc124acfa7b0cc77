# ruff: noqa: PT028 (`test_samples` is no test)
"""Data sets in their published folder layouts -> samples.

mvtec   <root>/<category>/{train/good, test/good, test/<type>, ground_truth/<type>}
btad    <root>/{01,02,03}/{train/ok, test/ok, test/ko, ground_truth/ko}
visa    <root>/split_csv/1cls.csv (object,split,label,image,mask) and <root>/<object>/Data/...
mtd     <root>/MT_{Free,Blowhole,Break,Crack,Fray,Uneven}/Imgs/*.jpg, masks beside them as *.png
folder  a user's own pictures: see `src.folder_layout`
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from src.data import folder
from src.data import published_layouts as published
from src.data.samples import Sample, Split
from src.utils import UserError


@dataclass(frozen=True)
class Layout:
    """An adapter.

    Attributes:
        categories: root -> names of the categories.
        train, test: (root, category, how to split the good pictures) -> samples.
        sign: what makes a folder a category, for the messages.
        train_folder, test_folder: where the pictures are sought, for the messages; {category} is filled in.
    """

    categories: Callable[[Path], list[str]]
    train: Callable[[Path, str, Split], list[Sample]]
    test: Callable[[Path, str, Split], list[Sample]]
    sign: str
    train_folder: str
    test_folder: str


def categories(root: str | Path, layout: str = "mvtec") -> list[str]:
    """The names of the categories under `root`, sorted.

    Raises:
        UserError: unknown layout, missing folder, or no category in it.
    """
    root, adapter = Path(root), _adapter(layout)
    if not root.is_dir():
        raise UserError(f"no folder {root}; give the folder that holds the data set's categories")
    found = sorted(adapter.categories(root))
    if not found:
        raise UserError(f"no categories in {root}; layout {layout} looks for {adapter.sign}{_hint(root, adapter)}")
    return found


def train_samples(
    root: str | Path,
    category: str,
    layout: str = "mvtec",
    *,
    train_list: str | Path | None = None,
    seed: int = 0,
) -> list[Sample]:
    """The good pictures to train on, sorted by name.

    Args:
        train_list: for `mtd`: a text file of training pictures' names, one a line (published: 761).
        seed: chooses the training pictures where it is left open (`mtd` without list, `folder`).

    Raises:
        UserError: unknown layout, missing folder or category, no training pictures, unusable list.
    """
    adapter, split = _checked(root, category, layout, train_list, seed)
    samples = adapter.train(Path(root), category, split)
    if not samples:
        folder = Path(root) / adapter.train_folder.format(category=category)
        raise UserError(f"no training pictures in {folder}; put the good pictures there (png, jpg, bmp, tif)")
    return samples


def test_samples(
    root: str | Path,
    category: str,
    layout: str = "mvtec",
    *,
    train_list: str | Path | None = None,
    seed: int = 0,
) -> list[Sample]:
    """The pictures to test on, good ones first, each part sorted by name. Takes what `train_samples` takes.

    A category without any masks gives samples without masks, for image-level figures only (see `has_masks`).

    Raises:
        UserError: as `train_samples`; also no test pictures, a defective picture without mask, a mask without
            picture, two masks for one picture.
    """
    adapter, split = _checked(root, category, layout, train_list, seed)
    samples = adapter.test(Path(root), category, split)
    if not samples:
        folder = Path(root) / adapter.test_folder.format(category=category)
        raise UserError(f"no test pictures in {folder}; put them there (png, jpg, bmp, tif)")
    return samples


test_samples.__test__ = False  # pytest would take it for a test by its name


def _adapter(layout: str) -> Layout:
    """The adapter of that name."""
    if layout not in LAYOUTS:
        raise UserError(f"unknown data set layout {layout!r}; choose from {', '.join(LAYOUTS)}")
    return LAYOUTS[layout]


def _checked(
    root: str | Path, category: str, layout: str, train_list: str | Path | None, seed: int
) -> tuple[Layout, Split]:
    """The adapter and the split, for a category that exists."""
    adapter, found = _adapter(layout), categories(root, layout)
    if category not in found:
        raise UserError(
            f"no category {category!r} in {root}: layout {layout} looks for {adapter.sign};"
            f" there are {', '.join(found)}"
        )
    if train_list is not None and layout != "mtd":
        raise UserError(f"a list of training pictures is for layout mtd, not for {layout}; leave it out")
    return adapter, Split(seed, None if train_list is None else Path(train_list))


def _hint(root: Path, adapter: Layout) -> str:
    """What to say when the user gave the category's folder instead of the one that holds it."""
    root = root.resolve()
    try:
        inside = root.name in adapter.categories(root.parent)
    except UserError:  # the folder above is none of this layout's
        return ""
    return f"; it is a category itself: give {root.parent} and category {root.name}" if inside else ""


LAYOUTS: dict[str, Layout] = {
    "mvtec": Layout(
        published.mvtec_categories,
        published.mvtec_train,
        published.mvtec_test,
        "folders with train/good and test/<defect>",
        "{category}/train/good",
        "{category}/test/<good or the defect type>",
    ),
    "visa": Layout(
        published.visa_categories,
        published.visa_train,
        published.visa_test,
        "the objects in split_csv/1cls.csv",
        "{category}/Data/Images/Normal",
        "{category}/Data/Images",
    ),
    "btad": Layout(
        published.mvtec_categories,
        partial(published.mvtec_train, good="ok"),
        partial(published.mvtec_test, good="ok"),
        "folders with train/ok and test/{ok,ko}",
        "{category}/train/ok",
        "{category}/test/<ok or ko>",
    ),
    "mtd": Layout(
        published.mtd_categories,
        published.mtd_train,
        published.mtd_test,
        "the one category mtd with its folders MT_Free, MT_Crack, ...",
        "MT_Free/Imgs",
        "MT_*/Imgs",
    ),
    "folder": Layout(
        folder.categories,
        folder.train,
        folder.test,
        "folders with good/ and defect/",
        "{category}/good",
        "{category}/{{test_good,defect}}",
    ),
}
