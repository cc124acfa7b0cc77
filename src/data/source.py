"""Where a run's pictures come from: the data set, its layout, the category, and how good pictures are divided."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from src.config import Options
from src.data.found import Found, read_as
from src.data.layout import Split
from src.data.layouts import files_passed_over, samples_for_testing, samples_for_training
from src.data.samples import Reading, Sample
from src.options import is_option
from src.trust.schema import has_some, is_text, optional

# The options that say which pictures are trained on and which are tested on, with their defaults. A checkpoint
# carries them, so that an evaluation cannot test on training pictures by accident.
SPLIT_DEFAULTS = {"dataset": "mvtec", "split_seed": 0, "train_list": None}


def with_split(options: Options, trained: Mapping[str, Any] | None = None) -> Options:
    """The options with a value for each of `SPLIT_DEFAULTS`: the given one, else the training's, else the default.

    Args:
        options: of a program that reads a data set.
        trained: the split of the training that is evaluated; it counts unless another data set is given.
    """
    known = dict(SPLIT_DEFAULTS)
    if trained and options.dataset in (None, trained["dataset"]):
        known |= trained
    given = {name: getattr(options, name) for name in SPLIT_DEFAULTS}
    return options.resolved(**{name: known[name] if value is None else value for name, value in given.items()})


def is_split(value: Any) -> bool:
    """Whether an object of a JSON says how good pictures were divided; older files lack the newer names."""
    checks = {name: is_option("eval", name) for name in SPLIT_DEFAULTS} | {"train_list": optional(is_text)}
    return has_some(**checks)(value)


@dataclass(frozen=True)
class Source:
    """A category of a data set, how its good pictures are divided where the layout leaves that open, and how its
    pictures are read (see `Reading`); `bit_depth` is None until it is found out, or where no file has 16 bits."""

    dataset_path: str
    category: str
    dataset: str
    split_seed: int
    train_list: str | None
    bit_depth: int | None
    max_megapixels: float

    @classmethod
    def of(cls, options: Options) -> "Source":
        """What the options say; they must have their split (see `with_split`)."""
        return cls(**{name: getattr(options, name) for name in cls.__dataclass_fields__})

    def split(self) -> dict[str, Any]:
        """The names of `SPLIT_DEFAULTS` with their values, for a checkpoint."""
        return {name: getattr(self, name) for name in SPLIT_DEFAULTS}

    def train(self) -> list[Sample]:
        """The good pictures to train on (see `samples_for_training`)."""
        return samples_for_training(
            self.dataset_path, self.category, self.dataset, train_list=self.train_list, seed=self.split_seed
        )

    def test(self, required: bool = True) -> list[Sample]:
        """The pictures to test on (see `samples_for_testing`)."""
        return samples_for_testing(
            self.dataset_path,
            self.category,
            self.dataset,
            train_list=self.train_list,
            seed=self.split_seed,
            required=required,
        )

    def look(self, *parts: list[Sample]) -> tuple["Source", Found, list[list[Sample]]]:
        """Look at the pictures of `train` and `test` before they are decoded.

        Returns:
            The source with its bit depth, what was found, and the parts with the way in which they are read.
        """
        samples = [sample for part in parts for sample in part]
        split = Split(self.split_seed, None if self.train_list is None else Path(self.train_list))
        left = files_passed_over(self.dataset_path, self.category, self.dataset, samples, split)
        found = Found.of(samples, left, self.bit_depth, self.max_megapixels)
        reading = Reading(found.bit_depth or Reading.bit_depth, self.max_megapixels)
        source = replace(self, bit_depth=self.bit_depth or found.bit_depth)
        return source, found, [read_as(part, reading) for part in parts]
