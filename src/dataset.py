"""Samples -> arrays: a category's pictures and masks, decoded by several threads, and normalised.

In this project a picture is a file that a user has, or what is shown to people; an image is an array or a tensor of its
pixels. Where the field has a term with "image", such as image AUROC, it stays.
"""

import os
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from src.data.decoding import read_header
from src.data.pictures import load_mask, open_rgb, resized
from src.data.samples import Sample, has_masks
from src.utils import UserError


@dataclass(frozen=True)
class Images:
    """Images [N, S, S, 3] uint8 whose pictures are decoded when they are asked for, by index or indices."""

    samples: list[Sample]
    size: int
    workers: int
    sizes: dict[int, tuple[int, int]] = field(default_factory=dict, compare=False)  # width, height of those decoded

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int | Sequence[int]) -> np.ndarray:
        if isinstance(index, int):
            return self[[index]][0]
        _, images, sizes, unreadable = load_readable([self.samples[i] for i in index], self.size, self.workers)
        _refuse(unreadable)
        self.sizes.update(zip(map(int, index), sizes))
        return images


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
    """

    __test__ = False  # pytest takes a class of this name for tests

    samples: list[Sample]
    images: np.ndarray | Images
    masks: np.ndarray | None
    labels: np.ndarray
    protocol: str
    sizes: Mapping[int, tuple[int, int]] = field(default_factory=dict)

    @classmethod
    def load(cls, samples: list[Sample], size: int, protocol: str, workers: int, keep: bool) -> "TestSet":
        """Decode and resize pictures and masks in `workers` threads.

        Args:
            size: S.
            protocol: how masks are resized (see `load_mask`).
            keep: decode the pictures now and keep them. Otherwise each is decoded when it is asked for, which needs
                less memory and is right for one pass over them.
        """
        labels = np.array([sample.label for sample in samples], bool)
        masks = load_masks(samples, size, protocol, workers) if has_masks(samples) else None
        images = Images(samples, size, workers)
        kept = images[range(len(samples))] if keep else images
        return cls(samples, kept, masks, labels, protocol, images.sizes)

    def size_of(self, index: int) -> tuple[int, int]:
        """Width and height of a picture's file, upright."""
        if index in self.sizes:
            return self.sizes[index]
        header = read_header(self.samples[index].picture, self.samples[index].reading)
        return header.width, header.height


def load_images(samples: Sequence[Sample], size: int, workers: int | None = None) -> np.ndarray:
    """The samples' pictures in their order: uint8 RGB [N, size, size, 3] (see `load_image`).

    Args:
        workers: decoding threads; by default one per processor, at most 8. Beside the result, memory holds
            one full-size picture per thread.

    Raises:
        UserError: pictures cannot be read; it names all of them.
    """
    _, images, _, unreadable = load_readable(samples, size, workers)
    _refuse(unreadable)
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

    problems = _problems(load, len(samples), workers)
    readable = [index for index in range(len(samples)) if index not in problems]
    unreadable = {samples[index].name: text for index, text in problems.items()}
    images = result[readable] if problems else result
    return [samples[index] for index in readable], images, [sizes[index] for index in readable], unreadable


def load_masks(
    samples: Sequence[Sample], size: int, protocol: str = "nearest", workers: int | None = None
) -> np.ndarray:
    """The samples' masks in their order: bool [N, size, size] (see `load_mask`); a good picture's is empty.

    Raises:
        UserError: a defective picture has no mask (ask `has_masks` first), a mask cannot be read, or its size
            is not its picture's.
    """
    result = np.zeros((len(samples), size, size), bool)

    def load(index: int) -> None:
        sample = samples[index]
        if sample.mask is not None:
            result[index] = load_mask(sample.mask, size, protocol, sample.picture, sample.reading)
        elif sample.label:
            raise UserError(f"no mask for {sample.picture}; add one, or ask for image-level figures only")

    _refuse(_problems(load, len(samples), workers))
    return result


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


def _problems(work: Callable[[int], None], count: int, workers: int | None) -> dict[int, str]:
    """Call `work` for 0 .. count - 1 in threads (the decoders release the interpreter's lock).

    All are called, so that the user learns at once of every file that cannot be read. Another kind of error, and
    Ctrl-C, ends the work after the calls under way.

    Returns:
        What is wrong, by number, in their order.
    """
    with ThreadPoolExecutor(workers or min(8, os.cpu_count() or 1)) as pool:
        futures = [pool.submit(work, index) for index in range(count)]
        problems = {}
        try:
            for index, future in enumerate(futures):
                try:
                    future.result()
                except UserError as error:
                    problems[index] = str(error)
        except BaseException:  # Ctrl-C too
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return problems


def _refuse(problems: Mapping[Hashable, str]) -> None:
    """Raise one error that names every file that cannot be used, if there is one."""
    if problems:
        counted = f"{len(problems)} files cannot be used: " if len(problems) > 1 else ""
        raise UserError(counted + "; ".join(problems.values()))
