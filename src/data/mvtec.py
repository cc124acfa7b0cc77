"""MVTec AD, and every data set whose categories have its folders:

<category>/train/good/                  good pictures to train on
<category>/test/good/                   good pictures to test on
<category>/test/<type>/                 defective pictures, one folder per type of defect
<category>/ground_truth/<type>/         their masks, named as the pictures, with or without the ending _mask
"""

from pathlib import Path

from src.data.layout import Layout, Split
from src.data.listing import list_pictures, subfolders
from src.data.samples import Sample, defective_samples, good_samples, named, pair_masks


def find_categories(root: Path) -> list[str]:
    """The folders with train/ or test/. One of the two is enough: a category without train/ can be evaluated."""
    return [path.name for path in subfolders(root) if (path / "train").is_dir() or (path / "test").is_dir()]


def find_training(root: Path, category: str, split: Split, good: str = "good") -> list[Sample]:
    """The pictures of train/good. The folders give the split, so `split` is not used.

    Args:
        good: the name of the folders of good pictures, in train/ and in test/.
    """
    folder = root / category / "train" / good
    return good_samples(named(list_pictures(folder), folder, f"{good}/"))


def find_testing(root: Path, category: str, split: Split, good: str = "good") -> list[Sample]:
    """The pictures of all folders of test/, with the masks if there is a folder ground_truth/.

    Args:
        good: as for `find_training`. Masks in ground_truth/<good> would be black: they are not read.

    Raises:
        UserError: there is a folder ground_truth/, and its masks do not fit the defective pictures one to one.
    """
    test, truth = root / category / "test", root / category / "ground_truth"
    good_pictures: dict[str, Path] = {}
    defective: dict[str, Path] = {}
    for folder in subfolders(test):
        pictures = good_pictures if folder.name == good else defective
        pictures.update(named(list_pictures(folder), test))
    masks = []
    for folder in subfolders(truth):
        if folder.name != good:
            masks += [(path.relative_to(truth).with_suffix("").as_posix(), path) for path in list_pictures(folder)]
    paired = pair_masks(defective, masks, truth) if truth.is_dir() else {}
    return good_samples(good_pictures) + defective_samples(defective, paired)


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
