"""Where a run's pictures come from: data set, layout, category and split; a checkpoint carries what eval.py needs."""

import argparse
from dataclasses import dataclass

from src.data.layouts import samples_for_testing, samples_for_training
from src.data.samples import Sample

DEFAULTS = {"dataset": "mvtec", "split_seed": 0, "train_list": None}


@dataclass(frozen=True)
class Source:
    """A category of a data set, and how its good pictures are divided where the layout leaves that open."""

    dataset_path: str
    category: str
    dataset: str
    split_seed: int
    train_list: str | None

    @classmethod
    def of(cls, options: argparse.Namespace, trained: dict | None = None) -> "Source":
        """From the options; for what they leave open from the training (`trained`), else `DEFAULTS`.

        Args:
            options: with dataset_path, category and the names of `DEFAULTS`.
            trained: `split()` of the training that is being evaluated, so that it is not tested on its own pictures.
        """
        given = {name: getattr(options, name) for name in DEFAULTS}
        known = DEFAULTS | (trained if trained and given["dataset"] in (None, trained["dataset"]) else {})
        chosen = {name: known[name] if value is None else value for name, value in given.items()}
        return cls(options.dataset_path, options.category, **chosen)

    def split(self) -> dict:
        """The names of `DEFAULTS` with their values, for a checkpoint."""
        return {name: getattr(self, name) for name in DEFAULTS}

    def train(self) -> list[Sample]:
        """The good pictures to train on (see `samples_for_training`)."""
        return samples_for_training(*self._place, train_list=self.train_list, seed=self.split_seed)

    def test(self) -> list[Sample]:
        """The pictures to test on (see `samples_for_testing`)."""
        return samples_for_testing(*self._place, train_list=self.train_list, seed=self.split_seed)

    @property
    def _place(self) -> tuple[str, str, str]:
        return self.dataset_path, self.category, self.dataset
