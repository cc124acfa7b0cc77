"""Samples -> arrays: a category's pictures and masks, decoded by several threads, and normalised.

In this project a picture is a file that a user has, or what is shown to people; an image is an array or a tensor of its
pixels. Where the field has a term with "image", such as image AUROC, it stays.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from src.data.decoding import read_header
from src.data.masks import read_mask, told
from src.data.pictures import open_rgb, resized
from src.data.samples import Sample, has_masks
from src.data.several import UnusableFiles, problems_of, together
from src.utils import UserError, log


@dataclass(frozen=True)
class Images:
    """Images [N, S, S, 3] uint8 whose pictures are decoded when they are asked for, by index or indices.

    Where one cannot be read, all are tried, so that the error names every such picture.
    """

    samples: list[Sample]
    size: int
    workers: int | None
    sizes: dict[int, tuple[int, int]] = field(default_factory=dict, compare=False)  # width, height of those decoded

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int | Sequence[int]) -> np.ndarray:
        if isinstance(index, int):
            return self[[index]][0]
        some = [self.samples[i] for i in index]
        _, images, sizes, unreadable = load_readable(some, self.size, self.workers)
        if unreadable:
            self.check()
            raise _unusable(some, unreadable)
        self.sizes.update(zip(map(int, index), sizes))
        return images

    def check(self) -> None:
        """Decode all pictures, a few at a time.

        Raises:
            UnusableFiles: some cannot be read.
        """
        together(*(partial(self._try, slice(start, start + 64)) for start in range(0, len(self), 64)))

    def _try(self, some: slice) -> None:
        """Decode some pictures, for their errors."""
        load_images(self.samples[some], self.size, self.workers)


@dataclass(frozen=True)
class TestSet:
    """A category's test pictures.

    Attributes:
        samples: what is known of each.
        images: [N, S, S, 3] uint8 RGB, or `Images` like that.
        masks: [N, S, S] bool, or None where the category has none.
        labels: [N] bool, true for defective.
        protocol: how the masks were resized.
        sizes: width and height of pictures that have been decoded, by index; see `size_of`.
        doubtful_masks: what may be wrong with the masks (see `told`).
    """

    __test__ = False  # pytest takes a class of this name for tests

    samples: list[Sample]
    images: np.ndarray | Images
    masks: np.ndarray | None
    labels: np.ndarray
    protocol: str
    sizes: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    doubtful_masks: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, samples: list[Sample], size: int, protocol: str, workers: int | None, keep: bool) -> "TestSet":
        """Decode and resize pictures and masks in `workers` threads; says what is doubtful in the masks.

        Args:
            size: S.
            protocol: how masks are resized (see `read_mask`).
            keep: decode the pictures now and keep them. Otherwise each is decoded when it is asked for, which needs
                less memory and is right for one pass over them.

        Raises:
            UnusableFiles: masks, or pictures that are decoded now, cannot be used.
        """
        labels = np.array([sample.label for sample in samples], bool)
        images, masks, doubtful = Images(samples, size, workers), None, {}
        if has_masks(samples):
            load = partial(load_masks, samples, size, protocol, workers)
            try:
                masks, doubts = load()
            except UnusableFiles:  # then those of the pictures are named, too
                together(load, images.check)
                raise
            doubtful, lines = told(doubts, int(labels.sum()))
            for line in lines:
                log.warning(line)
        kept = images[range(len(samples))] if keep else images
        return cls(samples, kept, masks, labels, protocol, images.sizes, doubtful)

    def size_of(self, index: int) -> tuple[int, int]:
        """Width and height of a picture's file, upright."""
        if index in self.sizes:
            return self.sizes[index]
        header = read_header(self.samples[index].picture, self.samples[index].reading)
        return header.width, header.height


def load_images(samples: Sequence[Sample], size: int, workers: int | None = None) -> np.ndarray:
    """The samples' pictures in their order: uint8 RGB [N, size, size, 3] (see `open_rgb`, `resized`).

    Args:
        workers: decoding threads; by default one per processor, at most 8. Beside the result, memory holds
            one full-size picture per thread.

    Raises:
        UnusableFiles: pictures cannot be read; it names all of them.
    """
    _, images, _, unreadable = load_readable(samples, size, workers)
    if unreadable:
        raise _unusable(samples, unreadable)
    return images


def load_readable(
    samples: Sequence[Sample], size: int, workers: int | None = None
) -> tuple[list[Sample], np.ndarray, list[tuple[int, int]], dict[str, str]]:
    """As `load_images`, where some pictures may be unreadable: the readable samples, their images, width and height of
    their files, and by name of each other sample why it cannot be read."""
    result, sizes = np.empty((len(samples), size, size, 3), np.uint8), [(0, 0)] * len(samples)

    def load(index: int) -> None:
        picture = open_rgb(samples[index].picture, samples[index].reading)
        result[index], sizes[index] = resized(picture, size), picture.size

    problems = problems_of(load, len(samples), workers)
    readable = [index for index in range(len(samples)) if index not in problems]
    unreadable = {samples[index].name: text for index, text in problems.items()}
    images = result[readable] if problems else result
    return [samples[index] for index in readable], images, [sizes[index] for index in readable], unreadable


def _unusable(samples: Sequence[Sample], unreadable: Mapping[str, str]) -> UnusableFiles:
    """The error for samples whose pictures cannot be read, by name of a sample why."""
    return UnusableFiles({each.picture: unreadable[each.name] for each in samples if each.name in unreadable})


def load_masks(
    samples: Sequence[Sample], size: int, protocol: str = "nearest", workers: int | None = None
) -> tuple[np.ndarray, dict[str, str]]:
    """The samples' masks in their order: bool [N, size, size] (see `read_mask`); a good picture's is empty. And by name
    of a sample what is doubtful in its mask.

    Raises:
        UnusableFiles: a defective picture has no mask (ask `has_masks` first), a mask cannot be read, or its size
            is not its picture's.
    """
    result = np.zeros((len(samples), size, size), bool)
    doubts: dict[int, str | None] = {}

    def load(index: int) -> None:
        sample = samples[index]
        if sample.mask is not None:
            mask = read_mask(sample.mask, size, protocol, sample.picture, sample.reading)
            result[index], doubts[index] = mask.marked, mask.doubt
        elif sample.label:
            raise UserError(f"no mask for {sample.picture}; add one, or ask for image-level figures only")

    problems = problems_of(load, len(samples), workers)
    if problems:
        raise UnusableFiles({samples[index].mask or samples[index].picture: text for index, text in problems.items()})
    return result, {samples[index].name: doubt for index, doubt in sorted(doubts.items()) if doubt}


def normalize(images: np.ndarray, mean: Sequence[float], std: Sequence[float]) -> np.ndarray:
    """(images / 255 - mean) / std: uint8 [N, S, S, 3] -> contiguous float32 [N, 3, S, S]."""
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3:
        raise ValueError(f"images must be uint8 [N, S, S, 3], not {images.dtype} {list(images.shape)}")
    levels = np.arange(256) / 255.0
    result = np.empty((images.shape[0], 3, *images.shape[1:3]), np.float32)
    for channel in range(3):  # 256 possible values per channel: a table is exact and makes no float64 copy
        table = ((levels - mean[channel]) / std[channel]).astype(np.float32)
        result[:, channel] = table[images[..., channel]]
    return result
