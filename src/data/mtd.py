"""Magnetic Tile Defects. The data set is a single category, which is called mtd here:

MT_Free/Imgs/*.jpg                                      good pictures
MT_{Blowhole,Break,Crack,Fray,Uneven}/Imgs/*.jpg        defective pictures, one folder per type of defect
MT_*/Imgs/*.png                                         their masks, named as the pictures

The good pictures are not divided into training and test. Published results divide them by a list of 761 training
pictures, which the user can give; without it, the seed divides them.
"""

from pathlib import Path

from src.data.layout import Layout, Split
from src.data.listing import list_pictures, named, subfolders
from src.data.roles import masks_beside, pair_masks
from src.data.samples import Sample, defective_samples, good_samples, split_good
from src.trust.text_file import read_text
from src.utils import UserError


def find_categories(root: Path) -> list[str]:
    """The one category, if the data set is in `root`."""
    return ["mtd"] if (root / "MT_Free").is_dir() else []


def find_training(root: Path, category: str, split: Split) -> list[Sample]:
    """The training pictures of MT_Free.

    Raises:
        UserError: the list of training pictures cannot be read, or names a picture that is not in MT_Free.
    """
    training, _ = _divided(root, split)
    return good_samples(training)


def find_testing(root: Path, category: str, split: Split) -> list[Sample]:
    """The pictures of MT_Free that are not trained on, then those of all other MT_ folders.

    Raises:
        UserError: as for `find_training`, or the masks do not fit the defective pictures one to one.
    """
    defective: dict[str, Path] = {}
    masks: list[tuple[str, Path]] = []
    for folder in subfolders(root):
        if folder.name.startswith("MT_") and folder.name != "MT_Free":
            defective |= _pictures(folder)
            files = list_pictures(folder / "Imgs")
            beside = masks_beside(files)
            found = [path for path in files if path.suffix.lower() == ".png" or path in beside]
            masks += [(f"{folder.name}/{path.stem}", path) for path in found]
    paired = pair_masks(defective, masks, root) if masks else {}
    _, good = _divided(root, split)
    return good_samples(good) + defective_samples(defective, paired)


def _pictures(folder: Path) -> dict[str, Path]:
    """The pictures of an MT_ folder by name: its JPEG files, because the PNG files are masks, as are those beside."""
    found = list_pictures(folder / "Imgs")
    beside = masks_beside(found)
    files = [path for path in found if path.suffix.lower() in (".jpg", ".jpeg") and path not in beside]
    return named(files, folder / "Imgs", f"{folder.name}/")


def _divided(root: Path, split: Split) -> tuple[dict[str, Path], dict[str, Path]]:
    """The pictures of MT_Free by name: those to train on and the rest, divided by the list or else by the seed."""
    good = _pictures(root / "MT_Free")
    if split.train_list is None:
        return split_good(good, split.seed)
    listed = _listed(split.train_list)
    missing = sorted(listed - set(good))
    if missing:
        raise UserError(
            f"{split.train_list} names {len(missing)} pictures that are not in {root / 'MT_Free/Imgs'},"
            f" such as {Path(missing[0]).name}.jpg; give the list for this data set"
        )
    training = {name: path for name, path in good.items() if name in listed}
    rest = {name: path for name, path in good.items() if name not in listed}
    return training, rest


def _listed(train_list: Path) -> set[str]:
    """The sample names of the pictures in a list. Its lines may have the pictures' folder and suffix or not."""
    try:
        lines = read_text(train_list, "utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {train_list}: {error}; give a text file of picture names") from error
    return {f"MT_Free/{Path(line.strip()).stem}" for line in lines if line.strip()}


LAYOUT = Layout(
    name="mtd",
    description=(
        "Magnetic Tile: MT_Free/Imgs, MT_Blowhole/Imgs, ...; --train_list FILE for a published split,"
        " else a seeded 80/20 one"
    ),
    find_categories=find_categories,
    find_training=find_training,
    find_testing=find_testing,
    sign="the one category mtd with its folders MT_Free, MT_Crack, ...",
    train_folder="MT_Free/Imgs",
    test_folder="MT_*/Imgs",
    folder="",
    takes_train_list=True,
)
