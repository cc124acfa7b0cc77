"""Samples -> arrays: pictures and masks decoded once, by several threads, and normalised."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from src.data.pictures import load_image, load_mask
from src.data.samples import Sample
from src.utils import UserError


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
        result[index] = load_image(samples[index].picture, size)

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
            result[index] = load_mask(sample.mask, size, protocol, sample.picture)
        elif sample.label:
            raise UserError(f"no mask for {sample.picture}; add one, or ask for image-level figures only")

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
