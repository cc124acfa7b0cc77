"""The encoder's features of the training pictures: computed once and kept (cached), or anew for every batch.

The encoder is frozen and pictures are not augmented, so their standardised features never change.
"""

import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
from mindspore import Tensor

from src.dataset import batch_at, normalize
from src.encoder import ENCODERS, Encoder
from src.report.console import bar
from src.runtime.processes import ALONE, Group
from src.tiles import TileImages
from src.trust.scratch import array_on_disk
from src.trust.temporary import temporary_folder
from src.utils import UserError, log

ENCODE_BATCH = 8  # pictures per encoder call while the cache is filled
GB = 1e9


class EncodedPictures:
    """Standardised features of images [N, H, W, C] uint8, encoded anew for each batch.

    Where images may be hidden in part, the masks of all scales are behind the features (see `src.visible`).

    Args:
        prepare: is called with the encoder and its input before each batch, where graphs are kept.
    """

    def __init__(
        self,
        encoder: Encoder,
        images: np.ndarray | TileImages,
        backbone: str,
        prepare: Callable[[Encoder, Tensor], None] = lambda encoder, batch: None,
    ):
        self.encoder, self.images, self.spec, self.prepare = encoder, images, ENCODERS[backbone], prepare

    def batch(self, indices: np.ndarray) -> tuple[Tensor, ...]:
        """The features of the pictures at `indices`: per scale (B, C_i, H_i, W_i)."""
        most = self.spec.most_at_once or len(indices)
        if len(indices) <= most:
            return self._encoded(indices)
        full = np.resize(indices, -(-len(indices) // most) * most)  # one batch size, one graph
        parts = [self._encoded(some) for some in full.reshape(-1, most)]
        scales = (np.concatenate([part.asnumpy() for part in scale]) for scale in zip(*parts))
        return tuple(Tensor.from_numpy(scale[: len(indices)]) for scale in scales)

    def every(self, steps: Callable[[range], Iterable[int]]) -> Iterator[tuple[np.ndarray, list[np.ndarray]]]:
        """Of all pictures, batch by batch, the indices and the features [n, C_i, H_i, W_i].

        Args:
            steps: wraps the starts of the batches, to show progress.
        """
        size = min(ENCODE_BATCH, len(self.images))
        for start in steps(range(0, len(self.images), size)):
            indices, used = batch_at(start, size, len(self.images))
            yield indices[:used], [feature.asnumpy()[:used] for feature in self.batch(indices)]

    def _encoded(self, indices: np.ndarray) -> tuple[Tensor, ...]:
        """What the encoder makes of them in one call."""
        images = Tensor(normalize(self.images[indices], self.spec.mean, self.spec.std))
        self.prepare(self.encoder, images)
        return self.encoder(images)

    def shapes(self) -> list[tuple[int, int, int]]:
        """(C_i, H_i, W_i) per scale, and of the masks."""
        _, height, width, channels = self.images.shape
        sizes = [(height // stride, width // stride) for stride in self.spec.strides]
        masks = [(1, *size) for size in sizes] if channels == 4 else []
        return [(count, *size) for count, size in zip(self.spec.channels, sizes)] + masks


class CachedFeatures:
    """Standardised features of the pictures, float32 arrays [N, C_i, H_i, W_i] in memory or memory-mapped.

    All processes of the group must make theirs at the same time; the numbers of pictures may differ.

    Memory-mapped files in `folder` have no name (see `src.trust.scratch`). What is read from them is compared with a
    digest per picture, which stays in memory.

    Raises:
        UserError: the disk of `folder` has no room, or what is read is not what was written.
    """

    def __init__(self, encoded: EncodedPictures, folder: Path | None = None, group: Group = ALONE):
        count = len(encoded.images)
        shapes = [(count, *shape) for shape in encoded.shapes()]
        if folder is None:
            self.arrays = [np.empty(shape, np.float32) for shape in shapes]
        else:
            self.arrays = [array_on_disk(folder, shape, "features", folder.parent) for shape in shapes]
        self.digests = [] if folder else None
        for indices, features in encoded.every(
            lambda starts: group.together(bar(starts, "encoding the training pictures"))
        ):
            for array, feature in zip(self.arrays, features):
                array[indices] = feature
            if self.digests is not None:
                self.digests += [_digest([array[i] for array in self.arrays]) for i in indices]

    def batch(self, indices: np.ndarray) -> tuple[Tensor, ...]:
        """The features of the pictures at `indices`: per scale (B, C_i, H_i, W_i)."""
        chosen = [array[indices] for array in self.arrays]
        if self.digests is not None:
            for place, index in enumerate(indices):
                if _digest([array[place] for array in chosen]) != self.digests[index]:
                    raise UserError("the features on the disk are not what was written; check the disk, and --resume")
        return tuple(Tensor.from_numpy(array) for array in chosen)


def _digest(arrays: list[np.ndarray]) -> bytes:
    """The SHA-256 of a picture's features."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(array)
    return digest.digest()


@contextmanager
def training_features(
    encoded: EncodedPictures, cache: str, limit_gb: float | None, place: Path, group: Group = ALONE
) -> Iterator[EncodedPictures | CachedFeatures]:
    """The features to train on, cached as `--cache_features` says; memory-mapped files are removed at the end.

    All processes cache in the same way, because they fill their caches together, batch by batch.

    Args:
        encoded: the training pictures that this process holds.
        cache: "off"; "auto": in memory up to the limit, beyond it in a memory-mapped file, or off where the disk
            is too small; "on": the same, but too small a disk is an error.
        limit_gb: gigabytes (10^9 bytes) of features that each process keeps in memory; None: half of the free memory,
            divided by the processes.
        place: a folder of a temporary name beside this path is for the memory-mapped files.
        group: the processes that train together.

    Raises:
        UserError: cache is "on", and the features fit nowhere.
    """
    if cache == "off":
        yield encoded
        return
    count = len(encoded.images)
    need = 4 * count * sum(int(np.prod(shape)) for shape in encoded.shapes())
    limit = psutil.virtual_memory().available / 2 / group.world if limit_gb is None else limit_gb * GB
    if not group.any(need > limit):
        log.info("features of %d pictures: %.2f GB, cached in memory", count, need / GB)
        yield CachedFeatures(encoded, None, group)
        return
    folder = place.parent
    free = shutil.disk_usage(folder).free
    whole = group.total(need)  # the processes share the disk
    if not group.any(whole >= 0.9 * free):
        text = f"{need / GB:.2f} GB, more than the limit of {limit / GB:.2f} GB; cached in {folder}"
        log.info("features of %d pictures: %s", count, text)
        with temporary_folder(place) as name:
            yield CachedFeatures(encoded, name, group)
    elif cache == "on":
        raise UserError(
            f"--cache_features on: {whole / GB:.1f} GB fit neither the memory limit of {limit / GB:.1f} GB nor "
            f"{folder} ({free / GB:.1f} GB free); raise --cache_limit_gb, free disk space, or take --cache_features off"
        )
    else:
        text = f"the memory limit of {limit / GB:.1f} GB nor {folder} ({free / GB:.1f} GB free)"
        log.info("features: not cached: %.1f GB fit neither %s", whole / GB, text)
        yield encoded
