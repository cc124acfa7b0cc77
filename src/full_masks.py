"""Masks at their pictures' own sizes, read when they are asked for, and what of them counts in a map of that size."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from src import hidden
from src.data.decoding import read_header
from src.data.masks import missing_mask, read_mask
from src.data.samples import Sample
from src.data.several import UnusableFiles, problems_of


class FullMasks:
    """The masks of samples, bool [H, W] of each picture's own size; a good picture's is empty. Memory holds one.

    Args:
        protocol: see `read_mask`; at their own size, "max_pool" is "nearest".
    """

    def __init__(self, samples: Sequence[Sample], protocol: str):
        self.samples, self.protocol = samples, protocol
        self._last = lru_cache(1)(self._read)

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> np.ndarray:
        if index >= len(self):
            raise IndexError(index)  # which ends an iteration
        return self._last(int(index))

    def some(self, chosen: np.ndarray) -> "FullMasks":
        """Those of the samples that are chosen, bool [N]."""
        return FullMasks([sample for sample, wanted in zip(self.samples, chosen) if wanted], self.protocol)

    def any(self) -> bool:
        """Whether any pixel is marked."""
        return any(mask.any() for mask in self)

    def all(self) -> bool:
        """Whether every pixel is marked."""
        return all(mask.all() for mask in self)

    def check(self, workers: int | None) -> dict[str, str]:
        """Read all masks once; by name of a sample what is doubtful in its mask.

        Raises:
            UnusableFiles: a mask cannot be read, its size is not its picture's, or a defective picture has none.
        """
        doubts: dict[int, str | None] = {}

        def load(index: int) -> None:
            sample = self.samples[index]
            if sample.mask is not None:
                doubts[index] = read_mask(
                    sample.mask, self._size(sample), self.protocol, sample.picture, sample.reading
                ).doubt
            elif sample.label:
                raise missing_mask(sample.picture)

        problems = problems_of(load, len(self), workers)
        if problems:
            raise UnusableFiles({self.samples[i].mask or self.samples[i].picture: text for i, text in problems.items()})
        return {self.samples[index].name: doubt for index, doubt in sorted(doubts.items()) if doubt}

    def _read(self, index: int) -> np.ndarray:
        sample = self.samples[index]
        size = self._size(sample)
        if sample.mask is None:
            return np.zeros(size, bool)
        return read_mask(sample.mask, size, self.protocol, None, sample.reading).marked

    @staticmethod
    def _size(sample: Sample) -> tuple[int, int]:
        header = read_header(sample.picture, sample.reading)
        return header.height, header.width


class SeenMasks:
    """Masks without what is hidden in the maps of the same pictures, one at a time.

    Args:
        maps: of any sizes; masks: of the same.
    """

    def __init__(self, maps: Sequence[np.ndarray], masks: Sequence[np.ndarray]):
        self.maps, self.masks = maps, masks

    def __len__(self) -> int:
        return len(self.maps)

    def __getitem__(self, index: int) -> np.ndarray:
        if index >= len(self):
            raise IndexError(index)
        return self.masks[index] & hidden.seen(self.maps[index])
