"""The published layouts: MVTec AD (and BTAD, the same with other names), VisA, Magnetic Tile.

For each: the categories under a root, and the training and test samples of one. `src.layouts` is the way in.
"""

import csv
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
)
from src.utils import UserError


def mvtec_categories(root: Path) -> list[str]:
    """Folders with train/ or test/ (a category without training pictures can still be evaluated)."""
    return [p.name for p in subfolders(root) if (p / "train").is_dir() or (p / "test").is_dir()]


def mvtec_train(root: Path, category: str, split: Split, good: str = "good") -> list[Sample]:
    """The pictures of train/good (BTAD: train/ok)."""
    folder = root / category / "train" / good
    return good_samples(named(list_pictures(folder), folder, f"{good}/"))


def mvtec_test(root: Path, category: str, split: Split, good: str = "good") -> list[Sample]:
    """The pictures of test/*; `ground_truth/good`, if there is one, holds black masks and is not needed."""
    test, truth = root / category / "test", root / category / "ground_truth"
    pictures: dict[str, Path] = {}
    for folder in subfolders(test):
        pictures |= named(list_pictures(folder), test)
    fine = {name: path for name, path in pictures.items() if name.split("/")[0] == good}
    defective = {name: path for name, path in pictures.items() if name not in fine}
    paired: dict[str, Path] = {}
    if truth.is_dir():
        files = [path for kind in subfolders(truth) if kind.name != good for path in list_pictures(kind)]
        masks = [(path.relative_to(truth).with_suffix("").as_posix(), path) for path in files]
        paired = pair_masks(defective, masks, truth)
    return good_samples(fine) + defective_samples(defective, paired)


def visa_categories(root: Path) -> list[str]:
    """The objects of the published split."""
    return sorted({row["object"] for row in _visa_rows(root)})


def _visa_rows(root: Path) -> list[dict[str, str]]:
    """The published split, `split_csv/1cls.csv`; the paths in it are relative to the root."""
    path = root / "split_csv" / "1cls.csv"
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; put VisA's file of the split there") from error
    except (ValueError, csv.Error) as error:
        raise UserError(f"{path} is not a CSV file ({error}); take VisA's published one") from error
    for number, row in enumerate(rows, start=2):
        known = row.get("split") in ("train", "test") and row.get("label") in ("normal", "anomaly")
        if not known or not row.get("object") or not row.get("image") or row.get("mask") is None:
            raise UserError(
                f"{path} line {number} is not object,split,label,image,mask with train|test and"
                " normal|anomaly; take VisA's published file"
            )
    return rows


def _visa_part(root: Path, category: str, part: str) -> tuple[list[Sample], list[Sample]]:
    """(good, defective) samples of one object in one part of the split."""
    pictures: dict[int, list[Path]] = {0: [], 1: []}
    masks: list[tuple[str, Path]] = []
    for row in _visa_rows(root):
        if (row["object"], row["split"]) != (category, part):
            continue
        files = [root / row["image"]] + ([root / row["mask"]] if row["mask"] else [])
        for path in files:
            if not path.is_file():
                raise UserError(f"split_csv/1cls.csv names {path}, which is missing; complete the data set")
        pictures[row["label"] == "anomaly"].append(files[0])
        masks += [(f"anomaly/{files[0].stem}", mask) for mask in files[1:]]
    good, defective = named(pictures[0], None, "good/"), named(pictures[1], None, "anomaly/")
    paired = pair_masks(defective, masks, root / category / "Data" / "Masks") if masks else {}
    return good_samples(good), defective_samples(defective, paired)


def visa_train(root: Path, category: str, split: Split) -> list[Sample]:
    """The rows of the part train."""
    good, defective = _visa_part(root, category, "train")
    if defective:
        raise UserError(f"split_csv/1cls.csv trains on the defective {defective[0].image}; give the 1cls split")
    return good


def visa_test(root: Path, category: str, split: Split) -> list[Sample]:
    """The rows of the part test."""
    good, defective = _visa_part(root, category, "test")
    return good + defective


def mtd_categories(root: Path) -> list[str]:
    """Magnetic Tile is one category; here it is called mtd."""
    return ["mtd"] if (root / "MT_Free").is_dir() else []


def _mtd_pictures(folder: Path) -> dict[str, Path]:
    """The pictures (JPEG) of one MT_ folder by name; the PNG files beside them are masks."""
    files = [p for p in list_pictures(folder / "Imgs") if p.suffix.lower() in (".jpg", ".jpeg")]
    return named(files, folder / "Imgs", f"{folder.name}/")


def _mtd_good(root: Path, split: Split) -> tuple[dict[str, Path], dict[str, Path]]:
    """(training, test) pictures of MT_Free: by the list of file names, else by the seed."""
    good = _mtd_pictures(root / "MT_Free")
    if split.train_list is None:
        return split_good(good, split.seed)
    try:
        lines = split.train_list.read_text(encoding="utf-8-sig").split()
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {split.train_list}: {error}; give a text file of picture names") from error
    listed = {f"MT_Free/{Path(line).stem}" for line in lines}
    missing = sorted(listed - set(good))
    if missing:
        raise UserError(
            f"{split.train_list} names {len(missing)} pictures that are not in {root / 'MT_Free/Imgs'},"
            f" such as {Path(missing[0]).name}.jpg; give the list for this data set"
        )
    return {n: p for n, p in good.items() if n in listed}, {n: p for n, p in good.items() if n not in listed}


def mtd_train(root: Path, category: str, split: Split) -> list[Sample]:
    """MT_Free's training part."""
    return good_samples(_mtd_good(root, split)[0])


def mtd_test(root: Path, category: str, split: Split) -> list[Sample]:
    """MT_Free's test part and the pictures of the other MT_ folders."""
    pictures: dict[str, Path] = {}
    masks: list[tuple[str, Path]] = []
    for folder in subfolders(root):
        if folder.name.startswith("MT_") and folder.name != "MT_Free":
            pictures |= _mtd_pictures(folder)
            files = [p for p in list_pictures(folder / "Imgs") if p.suffix.lower() == ".png"]
            masks += [(f"{folder.name}/{path.stem}", path) for path in files]
    paired = pair_masks(pictures, masks, root) if masks else {}
    return good_samples(_mtd_good(root, split)[1]) + defective_samples(pictures, paired)
