"""Samples -> arrays and batches: pictures and masks decoded once, by several threads; shuffled batches."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from src.layouts import categories, test_samples, train_samples
from src.pictures import PROTOCOLS, load_image, load_mask
from src.samples import Sample, has_masks
from src.utils import UserError

__all__ = [
    "PROTOCOLS",
    "Sample",
    "categories",
    "effective_batch_size",
    "epoch_batches",
    "has_masks",
    "load_image",
    "load_images",
    "load_mask",
    "load_masks",
    "normalize",
    "steps_before_epoch",
    "test_samples",
    "train_samples",
]


def load_images(samples: Sequence[Sample], size: int, workers: int | None = None) -> np.ndarray:
    """The samples' pictures in their order: uint8 RGB [N, size, size, 3] (see `load_image`).

    Args:
        workers: decoding threads; by default one per processor, at most 8. Beside the result, memory holds
            one full-size picture per thread.

    Raises:
        UserError: a picture cannot be read (of several the first); the ones not yet begun are left.
    """
    result = np.empty((len(samples), size, size, 3), np.uint8)

    def load(index: int) -> None:
        result[index] = load_image(samples[index].image, size)

    _for_each(load, len(samples), workers)
    return result


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
            result[index] = load_mask(sample.mask, size, protocol, sample.image)
        elif sample.label:
            raise UserError(f"no mask for {sample.image}; add one, or ask for image-level figures only")

    _for_each(load, len(samples), workers)
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


def effective_batch_size(count: int, batch_size: int, world: int = 1) -> int:
    """The global batch that `count` pictures allow: `batch_size`, or less for a small category.

    It is a multiple of `world` (the number of processes), so that all processes have equal shares. The caller
    tells the user when it is not `batch_size`.

    Raises:
        UserError: a batch below 1, one that `world` does not divide, or fewer pictures than processes.
    """
    if batch_size < 1:
        raise UserError(f"a batch of {batch_size} pictures; give 1 or more")
    if batch_size % world:
        raise UserError(f"a batch of {batch_size} does not divide by {world} processes; give a multiple")
    if count < world:
        raise UserError(f"{count} training pictures for {world} processes; use fewer processes")
    return min(batch_size, count - count % world)


def steps_before_epoch(count: int, batch_size: int, epoch: int) -> int:
    """How many batches precede `epoch` (from 0): ceil(epoch * count / batch_size).

    So an epoch has `steps_before_epoch(..., epoch + 1) - steps_before_epoch(..., epoch)` steps: floor or ceil
    of count / batch_size.
    """
    return -(-epoch * count // batch_size)


def epoch_batches(
    count: int, batch_size: int, seed: int, epoch: int, rank: int = 0, world: int = 1
) -> Iterator[np.ndarray]:
    """The batches of one epoch (from 0) as indices of pictures: int64 [batch_size / world] each.

    All epochs form one endless stream, each a new shuffle of all pictures, cut into batches of equal size; an
    epoch's last batch may reach into the next shuffle, and the next epoch goes on from there. So the compiled
    graph sees one shape, and no picture is dropped (drop_last loses up to batch_size - 1 per epoch): at all
    times, the uses of two pictures differ by at most 1. (Where shuffles meet, one batch may hold a picture
    twice.) A shuffle follows from (seed, epoch) alone: an epoch can be begun without the ones before it.
    The batches of all ranks together are, in rank order, the batch of one process.

    Raises:
        ValueError: not an effective batch size (see `effective_batch_size`).
    """
    if not 0 < batch_size <= count or batch_size % world or not 0 <= rank < world:
        raise ValueError(f"batch {batch_size} of {count} pictures, rank {rank} of {world}")
    share = batch_size // world
    stream = np.concatenate([np.random.default_rng([seed, e]).permutation(count) for e in (epoch, epoch + 1)])
    first, last = (steps_before_epoch(count, batch_size, e) for e in (epoch, epoch + 1))
    for step in range(first, last):
        start = step * batch_size - epoch * count + rank * share
        yield stream[start : start + share]


def _for_each(work: Callable[[int], None], count: int, workers: int | None) -> None:
    """Call `work` for 0 .. count - 1 in threads (the decoders release the interpreter's lock).

    The error of the lowest index is raised, after the calls under way have ended; later ones are not begun.
    """
    with ThreadPoolExecutor(workers or min(8, os.cpu_count() or 1)) as pool:
        futures = [pool.submit(work, index) for index in range(count)]
        try:
            for future in futures:
                future.result()
        except BaseException:  # Ctrl-C too
            pool.shutdown(wait=True, cancel_futures=True)
            raise
