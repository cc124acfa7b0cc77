"""What a network makes of pictures, one by one or as many as it takes at a time, each as people are shown it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from src.data.framing import NothingSeen
from src.data.pictures import open_rgb, reduced_to
from src.data.samples import Sample
from src.dataset import load_readable
from src.predictor.network import Network, run_in_batches
from src.tiles import SHOWN, scan
from src.utils import UserError


@dataclass(frozen=True)
class View:
    """A picture and what a network makes of it.

    Attributes:
        image: what is shown, uint8 RGB [h, w, 3], all of the picture.
        size: the picture's own width and height.
        anomaly_map: float32, all of the picture: at the network's resolution or, of tiles, at its own.
        score: of the picture.
    """

    image: np.ndarray
    size: tuple[int, int]
    anomaly_map: np.ndarray
    score: float


def views_of_samples(
    network: Network, samples: Sequence[Sample], workers: int | None
) -> tuple[list[Sample], list[View], dict[str, str]]:
    """The samples that can be read, their views, and by name of each other sample why it cannot be read."""
    if network.framing.tiling is None:
        readable, images, sizes, unreadable = load_readable(samples, network.framing, workers)
        return readable, _views(network, images, sizes) if readable else [], unreadable
    readable, views, unreadable = [], [], {}
    for sample in samples:
        try:
            picture = open_rgb(sample.picture, sample.reading)
            network.framing.places(picture.size, sample.picture)  # for its errors
        except UserError as error:
            unreadable[sample.name] = str(error)
            continue
        try:
            views.append(_view_in_tiles(network, picture, sample.picture))
        except NothingSeen as error:
            unreadable[sample.name] = str(error)
        else:
            readable.append(sample)
    return readable, views, unreadable


def views_of(network: Network, pictures: Iterable[Image.Image], files: Sequence[Path | None]) -> list[View]:
    """The views of pictures in 8-bit RGB, of which memory holds one at a time.

    Args:
        files: that they are in; None for those that are in none.

    Raises:
        UserError: nothing says where to look in one, or it is smaller than a tile.
    """
    framing = network.framing
    if framing.tiling is not None:
        return [_view_in_tiles(network, picture, file) for picture, file in zip(pictures, files)]
    images, sizes = np.empty((len(files), *framing.shape), np.uint8), []
    for i, (picture, file) in enumerate(zip(pictures, files)):
        images[i] = framing.image(picture, file)
        sizes.append(picture.size)
    return _views(network, images, sizes)


def _views(network: Network, images: np.ndarray, sizes: Sequence[tuple[int, int]]) -> list[View]:
    """The views of images [N, H, W, C] of pictures with these widths and heights."""
    of_picture, (maps, scores) = network.framing.of_picture, network(images)
    return [
        View(of_picture(image, size)[..., :3], size, of_picture(anomaly_map, size), score)
        for image, size, anomaly_map, score in zip(images, sizes, maps, scores)
    ]


def _view_in_tiles(network: Network, picture: Image.Image, file: Path | None) -> View:
    given = {"size": network.framing.size, "batch_size": network.batch_size, "fill": not network.any_batch}
    run = partial(run_in_batches, network.run, normalised_by=network.normalised_by, **given)
    anomaly_map, score = scan(run, picture, file, network.framing, network.batch_size)
    return View(reduced_to(picture, SHOWN), picture.size, anomaly_map, score)
