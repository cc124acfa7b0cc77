"""Samples -> arrays: pictures, decoded by several threads, and normalised.

In this project a picture is a file that a user has, or what is shown to people; an image is an array or a tensor of its
pixels. Where the field has a term with "image", such as image AUROC, it stays.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from src import hidden
from src.data.framing import Framing, framing_of
from src.data.pictures import open_rgb
from src.data.samples import Sample
from src.data.several import UnusableFiles, problems_of, together
from src.option import Size
from src.tiles import TiledPictures


@dataclass(frozen=True)
class Images:
    """Images [N, H, W, C] uint8, RGB or RGBA (see `Framing`), whose pictures are decoded when they are asked for, by
    index or indices.

    Where one cannot be read, all are tried, so that the error names every such picture.
    """

    samples: list[Sample]
    framing: Framing | Size
    workers: int | None
    sizes: dict[int, tuple[int, int]] = field(default_factory=dict, compare=False)  # width, height of those decoded

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int | Sequence[int]) -> np.ndarray:
        if isinstance(index, int):
            return self[[index]][0]
        some = [self.samples[i] for i in index]
        _, images, sizes, unreadable = load_readable(some, self.framing, self.workers)
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
        load_images(self.samples[some], self.framing, self.workers)


AnyImages = np.ndarray | Images | TiledPictures  # see `pictures_of`


def pictures_of(samples: list[Sample], framing: Framing | Size, workers: int | None, keep: bool = False) -> AnyImages:
    """Pictures as networks look at them: their images, or the pictures themselves where they are looked at in tiles.

    Args:
        keep: decode the images now and keep them.
    """
    framing = framing_of(framing)
    if framing.tiling is not None:
        return TiledPictures(samples, framing)
    images = Images(samples, framing, workers)
    return images[range(len(samples))] if keep else images


def load_images(samples: Sequence[Sample], framing: Framing | Size, workers: int | None = None) -> np.ndarray:
    """The samples' pictures in their order: uint8 [N, H, W, C], RGB or RGBA (see `open_rgb`, `Framing`).

    Args:
        workers: decoding threads; by default one per processor, at most 8. Beside the result, memory holds
            one full-size picture per thread.

    Raises:
        UnusableFiles: pictures cannot be read; it names all of them.
    """
    _, images, _, unreadable = load_readable(samples, framing, workers)
    if unreadable:
        raise _unusable(samples, unreadable)
    return images


def load_readable(
    samples: Sequence[Sample], framing: Framing | Size, workers: int | None = None
) -> tuple[list[Sample], np.ndarray, list[tuple[int, int]], dict[str, str]]:
    """As `load_images`, where some pictures may be unreadable: the readable samples, their images, width and height of
    their files, and by name of each other sample why it cannot be read."""
    framing = framing_of(framing)
    result, sizes = np.empty((len(samples), *framing.shape), np.uint8), [(0, 0)] * len(samples)

    def load(index: int) -> None:
        picture = open_rgb(samples[index].picture, samples[index].reading)
        result[index], sizes[index] = framing.image(picture, samples[index].picture), picture.size

    problems = problems_of(load, len(samples), workers)
    readable = [index for index in range(len(samples)) if index not in problems]
    unreadable = {samples[index].name: text for index, text in problems.items()}
    images = result[readable] if problems else result
    return [samples[index] for index in readable], images, [sizes[index] for index in readable], unreadable


def _unusable(samples: Sequence[Sample], unreadable: Mapping[str, str]) -> UnusableFiles:
    """The error for samples whose pictures cannot be read, by name of a sample why."""
    return UnusableFiles({each.picture: unreadable[each.name] for each in samples if each.name in unreadable})


def batch_at(start: int, size: int, count: int) -> tuple[np.ndarray, int]:
    """The indices, of `count` images, of a batch from `start` on, and how many of them are used: where fewer than
    `size` are left, the last image fills it up, since a graph is compiled for one batch size."""
    return np.minimum(np.arange(start, start + size), count - 1), min(size, count - start)


def normalize(images: np.ndarray, mean: Sequence[float], std: Sequence[float]) -> np.ndarray:
    """(images / 255 - mean) / std: uint8 [N, H, W, 3] -> contiguous float32 [N, 3, H, W].

    Of images with a fourth channel, pixels where that is 0 become `hidden.INPUT`.
    """
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] not in (3, 4):
        raise ValueError(f"images must be uint8 [N, H, W, 3 or 4], not {images.dtype} {list(images.shape)}")
    levels = np.arange(256) / 255.0
    result = np.empty((images.shape[0], 3, *images.shape[1:3]), np.float32)
    for channel in range(3):  # 256 possible values per channel: a table is exact and makes no float64 copy
        table = ((levels - mean[channel]) / std[channel]).astype(np.float32)
        result[:, channel] = table[images[..., channel]]
        if images.shape[3] == 4:
            result[:, channel][images[..., 3] == 0] = hidden.INPUT
    return result
