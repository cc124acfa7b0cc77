"""What every data set says of itself. The data sets stand beside this file, each in one of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from src.data.samples import Sample


@dataclass(frozen=True)
class Split:
    """How the good pictures are divided into training and test where the data set leaves that open.

    Attributes:
        seed: chooses the four fifths that are trained on (see `split_good`).
        train_list: a text file with the names of the training pictures, one a line; if given, the seed is not used.
    """

    seed: int = 0
    train_list: Path | None = None


@dataclass(frozen=True)
class Layout:
    """How a data set's pictures and masks lie in folders, and the functions that find them there.

    Attributes:
        name: the word for `--dataset`.
        description: one line for users: what the data set is and where its pictures lie.
        find_categories: takes the data set's folder; returns the names of the categories in it.
        find_training: takes the data set's folder, a category and how to split; returns the good samples to train on.
        find_testing: takes the same; returns the samples to test on, the good ones first.
        sign: what shows that a folder is a category, for error messages.
        train_folder: where the training pictures should be, for error messages; {category} is filled in by
            `str.format`, so other braces are doubled.
        test_folder: where the test pictures should be, likewise.
        folder: where all files of a category should be, likewise.
        takes_train_list: whether the user may give a list of training pictures.
    """

    name: str
    description: str
    find_categories: Callable[[Path], list[str]]
    find_training: Callable[[Path, str, Split], list[Sample]]
    find_testing: Callable[[Path, str, Split], list[Sample]]
    sign: str
    train_folder: str
    test_folder: str
    folder: str = "{category}"
    takes_train_list: bool = False
