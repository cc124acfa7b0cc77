"""A trained network in some runtime, as all who predict use it: images -> maps and scores."""

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from src.data.framing import Framing
from src.dataset import AnyImages, batch_at, normalize
from src.good_pictures import GoodPictures
from src.option import Size, sides
from src.tiles import RunImages, TiledPictures
from src.utils import UserError
from src.verdict import Judge

# Images (B, 3, H, W) or pixels, uint8 (B, H, W, 3) -> maps (B, 1, H, W), scores (B,).
Run = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
Normalisation = tuple[Sequence[float], Sequence[float]]  # mean and std per channel


def images_per_call(wanted: int | None, suitable: int, pictures: int | None) -> int:
    """How many images a network is given at once: as wanted, or what suits it; but no more than there are pictures."""
    most = suitable if wanted is None else wanted
    return most if pictures is None else min(most, pictures)


def run_in_batches(
    run: Run,
    images: AnyImages,
    size: Size,
    batch_size: int,
    normalised_by: Normalisation | None,
    steps: Callable[[range], Iterable[int]] = iter,
    fill: bool = True,
) -> tuple[np.ndarray, np.ndarray]:
    """Anomaly maps [N, H, W] and scores [N], float32, of images [N, H, W, C] uint8.

    Of pictures in tiles, the maps are a list, of the pictures' own sizes.

    Args:
        run: the network.
        size: H and W.
        batch_size: images per call.
        normalised_by: mean and std, by which the network's input is normalised; None: it takes pixels.
        steps: may wrap the starts of the batches, to show progress.
        fill: fill the last batch up with the last image: for a network that takes `batch_size` images and no other
            number, or would have to be compiled again for them.

    Raises:
        UserError: the network gives values that are not finite. Of these, nothing could be said: compared with a
            threshold, they would all be good.
    """
    if isinstance(images, TiledPictures):
        return _in_tiles(
            partial(run_in_batches, run, size=size, batch_size=batch_size, normalised_by=normalised_by, fill=fill),
            images,
            batch_size,
            steps,
        )
    count = len(images)
    maps, scores = np.empty((count, *sides(size)), np.float32), np.empty(count, np.float32)
    for start in steps(range(0, count, batch_size)):
        indices, used = batch_at(start, batch_size, count)
        some = images[indices if fill else indices[:used]]
        anomaly_map, score = run(some if normalised_by is None else normalize(some, *normalised_by))
        maps[start : start + used] = anomaly_map[:used, 0]
        scores[start : start + used] = score[:used]
    if not (np.isfinite(maps.sum((1, 2))).all() and np.isfinite(scores).all()):  # sums: no copy of the maps' size
        raise UserError("the network's maps hold values that are not finite; train again with a lower --lr")
    return maps, scores


def _in_tiles(
    run: RunImages, pictures: TiledPictures, batch_size: int, steps: Callable[[range], Iterable[int]]
) -> tuple[list[np.ndarray], np.ndarray]:
    """The maps of pictures, each of its own size, on the disk; and their scores [N]."""
    maps, scores = [], []
    found = pictures.look(run, batch_size, Path(tempfile.gettempdir()))
    for _, (anomaly_map, score) in zip(steps(range(len(pictures))), found):
        maps.append(anomaly_map)
        scores.append(score)
    return maps, np.array(scores, np.float32)


@dataclass(frozen=True)
class Network:
    """A trained network that runs.

    Attributes:
        run: computes.
        category: what it was trained on, if that is known.
        framing: how pictures become its images.
        normalised_by: mean and std per channel, by which its input is normalised; None: it takes pixels.
        batch_size: images per call.
        any_batch: whether fewer images per call are as good.
        judge: gives verdicts; None where the model knows no threshold.
        good: what the thresholds are computed from; None where only they are known.
        thresholds: of the best F1 on a test set, if they are known (see `src.verdict.constants`).
        bit_depth: that 16-bit training pictures were read with; None where there were none.
        colour_scale: of checkpoints of older versions: the map values that are drawn coldest and hottest.
        sha256: the digest of the file.
    """

    run: Run
    category: str | None
    framing: Framing
    normalised_by: Normalisation | None
    batch_size: int
    any_batch: bool
    judge: Judge | None
    good: GoodPictures | None
    thresholds: dict[str, float | None] | None
    bit_depth: int | None
    colour_scale: tuple[float, float] | None
    sha256: str

    def __call__(self, images: AnyImages) -> tuple[np.ndarray, np.ndarray]:
        """Anomaly maps [N, H, W] and scores [N], float32, of images [N, H, W, C] uint8, RGB or RGBA."""
        size, fill = self.framing.size, not self.any_batch
        return run_in_batches(self.run, images, size, self.batch_size, self.normalised_by, fill=fill)
