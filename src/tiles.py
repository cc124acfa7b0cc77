"""Large pictures in tiles: as images to train on, and put together again when a network looks at them.

Memory holds a picture, its map and a few tiles. Maps are as large as their pictures, so those of many pictures lie in
files without a name, which are gone when the process ends.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from src.data.decoding import read_header
from src.data.framing import Framing
from src.data.pictures import open_rgb
from src.data.samples import Sample
from src.data.several import UnusableFiles, problems_of
from src.data.tiling import Canvas, Place
from src.trust.scratch import array_on_disk

# Images [N, H, W, C] uint8 -> maps [N, H, W] and scores [N].
RunImages = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
SHOWN = 1024  # pixels of the longer side of a picture that is shown to people, at most
Blank = Callable[[tuple[int, int]], np.ndarray]  # makes an array of zeros, float32


@dataclass(frozen=True)
class Tile:
    """A tile of a sample's picture."""

    sample: Sample
    place: Place


def tiles_of(samples: Sequence[Sample], framing: Framing, workers: int | None) -> list[Tile]:
    """All tiles of pictures in which there is something to look at, from the pictures' headers.

    Raises:
        UnusableFiles: pictures cannot be read, are smaller than a tile, or have no mask in the folder of `--roi`.
    """
    found: dict[int, list[Tile]] = {}

    def look(index: int) -> None:
        sample = samples[index]
        header = read_header(sample.picture, sample.reading)
        places = framing.places((header.width, header.height), sample.picture)
        found[index] = [Tile(sample, place) for place in places]

    problems = problems_of(look, len(samples), workers)
    if problems:
        raise UnusableFiles({samples[index].picture: text for index, text in problems.items()})
    return [tile for index in range(len(samples)) for tile in found[index]]


class TileImages:
    """The images of tiles, [N, H, W, C] uint8, cut from their pictures when they are asked for by indices.

    The last picture is kept decoded: asked for in their order, each picture is decoded once.
    """

    def __init__(self, tiles: Sequence[Tile], framing: Framing):
        self.tiles, self.framing = tiles, framing
        self._last: tuple[Sample | None, Image.Image | None, np.ndarray | None] = (None, None, None)

    def __len__(self) -> int:
        return len(self.tiles)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """As an array's."""
        return len(self), *self.framing.shape

    def __getitem__(self, indices: Sequence[int]) -> np.ndarray:
        images = np.empty((len(indices), *self.framing.shape), np.uint8)
        for place in np.argsort(indices, kind="stable"):  # those of a picture one after another
            images[place] = self._image(self.tiles[indices[place]])
        return images

    def _image(self, tile: Tile) -> np.ndarray:
        sample, picture, wanted = self._last
        if sample is not tile.sample:
            sample = tile.sample
            picture = open_rgb(sample.picture, sample.reading)
            wanted = self.framing.wanted(picture.size, sample.picture)
            self._last = sample, picture, wanted
        return self.framing.tile(picture, tile.place, wanted)


@dataclass(frozen=True)
class TiledPictures:
    """Pictures that are looked at in tiles, one after another; indices give some of them.

    Attributes:
        samples: what is known of each; framing: with a tiling.
    """

    samples: Sequence[Sample]
    framing: Framing

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, indices: Iterable[int]) -> "TiledPictures":
        return TiledPictures([self.samples[index] for index in indices], self.framing)

    def look(self, run: RunImages, batch_size: int, folder: Path) -> Iterator[tuple[np.ndarray, float]]:
        """The map of each picture, [H, W] of its own size, in a file without a name in `folder`; and its score.

        Raises:
            UserError: one cannot be read; the disk has no room.
        """
        for sample in self.samples:
            picture = open_rgb(sample.picture, sample.reading)
            yield scan(run, picture, sample.picture, self.framing, batch_size, lambda size: array_on_disk(folder, size))


def scan(
    run: RunImages, picture: Image.Image, file: Path | None, framing: Framing, batch_size: int, blank: Blank = np.zeros
) -> tuple[np.ndarray, float]:
    """Look at a picture in tiles: its map, float32 [H, W] of its own size, and its score.

    Args:
        run: the network; batch_size: images per call.
        file: the picture's, if it has one.
        framing: with a tiling.
        blank: makes the array for the map.

    Raises:
        UserError: the picture is smaller than a tile, or nothing of it is seen.
    """
    out = np.asanyarray(blank(picture.size[::-1])).astype(np.float32, copy=False)
    canvas = Canvas(framing.tiling, picture.size, _everywhere(framing, picture, file), out)
    size, scores, places, images = framing.tiling.tile[::-1], [], [], []

    def look() -> None:
        maps, some = run(np.stack(images))
        for place, anomaly_map in zip(places, maps):
            canvas.add(place, framing.of_picture(anomaly_map, size))
        scores.extend(map(float, some))
        places.clear()
        images.clear()

    for place, image in framing.tiles(picture, file):
        places.append(place)
        images.append(image)
        if len(images) == batch_size:
            look()
    if images:
        look()
    anomaly_map = canvas.finish()
    if not scores:
        raise framing.nothing_seen(file)
    return anomaly_map, float(anomaly_map.max()) if framing.tiling.score == "maximum" else max(scores)


def _everywhere(framing: Framing, picture: Image.Image, file: Path | None) -> np.ndarray | None:
    """Where a picture is looked at, also where that is everywhere but tiles may be hidden in part."""
    wanted = framing.wanted(picture.size, file)
    return np.ones(picture.size[::-1], bool) if wanted is None and framing.hides else wanted
