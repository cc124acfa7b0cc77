"""The table of the data sets, and the three questions that one asks of them.

To add a data set, write a file of its own beside this one and name it in `LAYOUTS`. Nothing here imports MindSpore or
decodes pictures, so the command line can take the choices of `--dataset` from the table.
"""

import contextlib
from pathlib import Path

from src.data import btad, folder, mtd, mvtec, visa
from src.data.layout import Layout, Split
from src.data.listing import passed_over, places_of_pictures, subfolders
from src.data.samples import Sample, files_of
from src.utils import UserError

LAYOUTS: dict[str, Layout] = {
    layout.name: layout
    for layout in (
        mvtec.LAYOUT,
        visa.LAYOUT,
        btad.LAYOUT,
        mtd.LAYOUT,
        folder.LAYOUT,
    )
}


def categories(root: str | Path, layout: str) -> list[str]:
    """The names of the categories of a data set, sorted.

    Args:
        root: the data set's folder.
        layout: the data set's name in `LAYOUTS`.

    Raises:
        UserError: unknown layout, missing folder, or no category in it.
    """
    return list(_roots(Path(root), _layout(layout)))


def samples_for_training(
    root: str | Path, category: str, layout: str, *, train_list: str | Path | None = None, seed: int = 0
) -> list[Sample]:
    """The good pictures to train on, sorted by name.

    Args:
        root: the data set's folder.
        category: one of `categories(root, layout)`.
        layout: the data set's name in `LAYOUTS`.
        train_list: a text file with the names of the training pictures, one a line, for a layout that takes one.
        seed: chooses the training pictures where neither the data set nor a list does.

    Raises:
        UserError: unknown layout, missing folder or category, no training pictures, or a list that cannot be used.
    """
    chosen, base, split = _checked(root, category, layout, train_list, seed)
    samples = chosen.find_training(base, category, split)
    if not samples:
        place = base / chosen.train_folder.format(category=category)
        raise UserError(
            f"no training pictures in {place}; put the good pictures there (png, jpg, bmp, tif);"
            f" pictures found under {_folder(chosen, base, category)}: {_places(chosen, base, category)}"
        )
    return samples


def samples_for_testing(
    root: str | Path,
    category: str,
    layout: str,
    *,
    train_list: str | Path | None = None,
    seed: int = 0,
    required: bool = True,
) -> list[Sample]:
    """The pictures to test on: the good ones, then the defective ones, each sorted by name.

    The arguments are those of `samples_for_training`. If a category has no masks at all, its samples have none
    either: image-level figures are still possible (see `has_masks`).

    Args:
        required: whether there must be test pictures. A training can do without: its thresholds are from good ones.

    Raises:
        UserError: as `samples_for_training`; also if there are no test pictures and must be, a defective
            picture has no mask although others have one, a mask has no picture, or a picture has two masks.
    """
    chosen, base, split = _checked(root, category, layout, train_list, seed)
    samples = chosen.find_testing(base, category, split)
    if required and not samples:
        place = base / chosen.test_folder.format(category=category)
        raise UserError(
            f"no test pictures in {place}; put them there (png, jpg, bmp, tif);"
            f" pictures found under {_folder(chosen, base, category)}: {_places(chosen, base, category)}"
        )
    return samples


def files_passed_over(
    root: str | Path, category: str, layout: str, samples: list[Sample], split: Split
) -> dict[str, int]:
    """How many files of a category are read neither for its samples nor for its other part, training or test."""
    chosen, used = _layout(layout), set(files_of(samples))
    base = _roots(Path(root), chosen)[category]
    for find in (chosen.find_training, chosen.find_testing):
        with contextlib.suppress(UserError):  # what is wrong with the part that is not asked for is not said here
            used.update(files_of(find(base, category, split)))
    return passed_over(_folder(chosen, base, category), used)


def _layout(name: str) -> Layout:
    """The layout of that name."""
    if name not in LAYOUTS:
        raise UserError(f"unknown data set layout {name!r}; choose from {', '.join(LAYOUTS)}")
    return LAYOUTS[name]


def _checked(
    root: str | Path, category: str, layout: str, train_list: str | Path | None, seed: int
) -> tuple[Layout, Path, Split]:
    """The layout, the folder that holds the category, and the split, after checking that there is such a category and
    that a list is allowed."""
    chosen = _layout(layout)
    roots = _roots(Path(root), chosen)
    if category not in roots:
        raise UserError(
            f"no category {category!r} in {root}: layout {layout} looks for {chosen.sign}; there are {', '.join(roots)}"
        )
    if train_list is not None and not chosen.takes_train_list:
        takers = ", ".join(name for name, known in LAYOUTS.items() if known.takes_train_list)
        raise UserError(f"a list of training pictures is for layout {takers}, not for {layout}; leave it out")
    return chosen, roots[category], Split(seed, None if train_list is None else Path(train_list))


def _roots(root: Path, layout: Layout) -> dict[str, Path]:
    """The categories, sorted, each with the folder that it lies in: `root`, or where its folder was put into one of the
    same name (bottle/bottle/train), that.

    Raises:
        UserError: no folder, or no category in it.
    """
    if not root.is_dir():
        raise UserError(f"no folder {root}; give the folder that holds the data set's categories")
    inside = {path: _found_in(path, layout) for path in subfolders(root)}
    doubled = {path.name: path for path, names in inside.items() if path.name in names}
    try:
        found = doubled | dict.fromkeys(layout.find_categories(root), root)
    except UserError:
        if not doubled:
            raise
        found = doubled
    if not found:
        raise UserError(
            f"no categories in {root}; layout {layout.name} looks for {layout.sign}{_hint(root, layout, inside)}"
        )
    return dict(sorted(found.items()))


def _found_in(folder: Path, layout: Layout) -> list[str]:
    """The categories in a folder that may not hold a data set of this layout."""
    try:
        return layout.find_categories(folder)
    except (OSError, UserError):
        return []


def _hint(root: Path, layout: Layout, inside: dict[Path, list[str]]) -> str:
    """The end of an error message: for a user who gave a category's folder instead of the one that holds it, or the one
    above that; else what was found."""
    root = root.resolve()
    if root.name in _found_in(root.parent, layout):
        return f"; it is a category itself: give {root.parent} and category {root.name}"
    for path, names in inside.items():
        if names:
            return f"; {path} holds {', '.join(sorted(names)[:3])}: give that"
    folders = [path.name for path in inside]
    return f"; folders found: {', '.join(folders[:5]) or 'none'}{', ...' if len(folders) > 5 else ''}"


def _folder(layout: Layout, root: Path, category: str) -> Path:
    """Where all files of a category are."""
    return root / layout.folder.format(category=category)


def _places(layout: Layout, root: Path, category: str) -> str:
    """Where a category has pictures."""
    return places_of_pictures(_folder(layout, root, category))
