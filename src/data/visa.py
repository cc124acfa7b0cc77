"""VisA, with the split that was published for training on good pictures only:

split_csv/1cls.csv                      a row object,split,label,image,mask for each picture
<object>/Data/Images/{Normal,Anomaly}/  the pictures
<object>/Data/Masks/Anomaly/            the masks of the defective pictures

The rows say what is trained and tested on, and which mask belongs to which picture; their paths start at the data
set's folder. The folders themselves are not searched.
"""

import csv
import io
from pathlib import Path

from src.data.layout import Layout, Split
from src.data.listing import named
from src.data.roles import pair_masks
from src.data.samples import Sample, defective_samples, good_samples
from src.trust.names import file_name, path_in
from src.trust.text_file import read_text
from src.utils import UserError


def find_categories(root: Path) -> list[str]:
    """The objects that the published split names."""
    return sorted({file_name(row["object"], "split_csv/1cls.csv: object") for row in _read_split(root)})


def find_training(root: Path, category: str, split: Split) -> list[Sample]:
    """The pictures of the rows with split = train. The file gives the split, so `split` is not used.

    Raises:
        UserError: the file cannot be used, names a missing file, or trains on a defective picture.
    """
    good, defective = _samples(root, category, "train")
    if defective:
        raise UserError(f"split_csv/1cls.csv trains on the defective {defective[0].picture}; give the 1cls split")
    return good


def find_testing(root: Path, category: str, split: Split) -> list[Sample]:
    """The pictures of the rows with split = test.

    Raises:
        UserError: the file cannot be used, names a missing file, or has masks for some defective pictures only.
    """
    good, defective = _samples(root, category, "test")
    return good + defective


def _read_split(root: Path) -> list[dict[str, str]]:
    """The rows of split_csv/1cls.csv, checked."""
    path = root / "split_csv" / "1cls.csv"
    try:
        rows = list(csv.DictReader(io.StringIO(read_text(path, "utf-8-sig"), newline="")))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; put VisA's file of the split there") from error
    except (ValueError, csv.Error) as error:
        raise UserError(f"{path} is not a CSV file ({error}); take VisA's published one") from error
    for number, row in enumerate(rows, start=2):  # line 1 is the heading
        known = row.get("split") in ("train", "test") and row.get("label") in ("normal", "anomaly")
        if not known or not row.get("object") or not row.get("image") or row.get("mask") is None:
            raise UserError(
                f"{path} line {number} is not object,split,label,image,mask with train|test and"
                " normal|anomaly; take VisA's published file"
            )
    return rows


def _samples(root: Path, category: str, part: str) -> tuple[list[Sample], list[Sample]]:
    """The good and the defective samples of an object, of the rows with split = `part`."""
    good: list[Path] = []
    defective: list[Path] = []
    masks: list[tuple[str, Path]] = []
    for row in _read_split(root):
        if row["object"] != category or row["split"] != part:
            continue
        picture = _existing(path_in(root, row["image"], "split_csv/1cls.csv: picture"))
        (defective if row["label"] == "anomaly" else good).append(picture)
        if row["mask"]:
            masks.append((f"anomaly/{picture.stem}", _existing(path_in(root, row["mask"], "split_csv/1cls.csv: mask"))))
    named_good, named_defective = named(good, None, "good/"), named(defective, None, "anomaly/")
    paired = pair_masks(named_defective, masks, root / category / "Data" / "Masks") if masks else {}
    return good_samples(named_good), defective_samples(named_defective, paired)


def _existing(path: Path) -> Path:
    """The path itself, if there is such a file."""
    if not path.is_file():
        raise UserError(f"split_csv/1cls.csv names {path}, which is missing; complete the data set")
    return path


LAYOUT = Layout(
    name="visa",
    description="VisA as published, with split_csv/1cls.csv",
    find_categories=find_categories,
    find_training=find_training,
    find_testing=find_testing,
    sign="the objects in split_csv/1cls.csv",
    train_folder="{category}/Data/Images/Normal",
    test_folder="{category}/Data/Images",
)
