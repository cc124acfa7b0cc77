"""MVTec AD, and every data set whose categories have its folders:

<category>/train/good/                  good pictures to train on
<category>/test/good/                   good pictures to test on
<category>/test/<type>/                 defective pictures, one folder per type of defect
<category>/ground_truth/<type>/         their masks, named as the pictures, with or without the ending _mask
<category>/ground_truth/<type>/<name>/  in the place of a mask: several (MVTec LOCO), of which each marks a part

Masks may also lie beside their pictures. The folders of good pictures may have another usual name, such as ok.
"""

from pathlib import Path

from src.data.layout import Layout, Split
from src.data.listing import list_pictures, named, subfolders
from src.data.roles import masks_beside, pair_masks
from src.data.samples import Sample, defective_samples, good_samples
from src.utils import UserError

_WORDS_FOR_GOOD = ("good", "ok", "normal", "nominal")
_NUMBER_FOR_GOOD = "0"  # only where no folder but this is trained on


def find_categories(root: Path) -> list[str]:
    """The folders with train/ or test/. One of the two is enough: a category without train/ can be evaluated."""
    return [path.name for path in subfolders(root) if (path / "train").is_dir() or (path / "test").is_dir()]


def find_training(root: Path, category: str, split: Split, good: str = "good") -> list[Sample]:
    """The pictures of train/good. The folders give the split, so `split` is not used.

    Args:
        good: the name of the folders of good pictures, in train/ and in test/.
    """
    folder = _folder_of_good(root / category / "train", good)
    pictures, _ = _listed(folder)
    return good_samples(named(pictures, folder, f"{folder.name}/"))


def find_testing(root: Path, category: str, split: Split, good: str = "good") -> list[Sample]:
    """The pictures of all folders of test/, with the masks if there is a folder ground_truth/, or masks beside them.

    Args:
        good: as for `find_training`. Masks of good pictures would be black: they are not read.

    Raises:
        UserError: there are masks, and they do not fit the defective pictures one to one; or it is not clear which
            folder holds the good pictures.
    """
    base = root / category
    test, truth = base / "test", base / "ground_truth"
    good_folder = _folder_of_good(test, _folder_of_good(base / "train", good).name)
    good_pictures: dict[str, Path] = {}
    defective: dict[str, Path] = {}
    masks = []
    for folder in subfolders(test):
        pictures, beside = _listed(folder)
        if folder == good_folder:
            good_pictures = named(pictures, test)
        else:
            defective |= named(pictures, test)
            masks += [(_name(picture, test), mask) for mask, picture in beside.items()]
    for folder in subfolders(truth):
        if folder.name not in (good, good_folder.name):
            several = [path for path in subfolders(folder) if list_pictures(path)]
            masks += [(_name(path, truth), path) for path in list_pictures(folder)]
            masks += [(path.relative_to(truth).as_posix(), path) for path in several]
    paired = pair_masks(defective, masks, truth) if masks or truth.is_dir() else {}
    return good_samples(good_pictures) + defective_samples(defective, paired)


def _listed(folder: Path) -> tuple[list[Path], dict[Path, Path]]:
    """The pictures of a folder, and the masks among them with their pictures."""
    found = list_pictures(folder)
    beside = masks_beside(found)
    return [path for path in found if path not in beside], beside


def _name(path: Path, base: Path) -> str:
    """A picture's name, as `named` gives it."""
    return path.relative_to(base).with_suffix("").as_posix()


def _folder_of_good(place: Path, good: str) -> Path:
    """The folder of good pictures in train/ or test/: `good`, else the one with a usual name for it.

    Raises:
        UserError: several folders may be it, or folders have numbers for names.
    """
    folders = {path.name: path for path in subfolders(place)}
    found = [name for name in folders if name.lower() == good.lower()]
    found = found or [name for name in folders if name.lower() in _WORDS_FOR_GOOD]
    if good in folders or not (found or _NUMBER_FOR_GOOD in folders):
        return place / good
    if not found and place.name == "train" and len(folders) == 1:
        found = [_NUMBER_FOR_GOOD]
    if len(found) != 1:
        raise UserError(
            f"{place} has the folders {', '.join(folders)}, and none is called {good}; rename the one with good"
            f" pictures to {good}, and the others after their defects"
        )
    return folders[found[0]]


LAYOUT = Layout(
    name="mvtec",
    description="MVTec AD, and pictures in its folders: <category>/{train/good,test/<type>,ground_truth/<type>}",
    find_categories=find_categories,
    find_training=find_training,
    find_testing=find_testing,
    sign="folders with train/good and test/<defect>",
    train_folder="{category}/train/good",
    test_folder="{category}/test/<good or the defect type>",
)
