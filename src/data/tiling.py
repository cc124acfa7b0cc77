"""How a large picture is divided into tiles, and what they give is put together again (`--tile`, `--overlap`)."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from src import hidden
from src.option import Size, sides

Place = tuple[int, int]  # of a tile: its first row and column in the picture


@dataclass(frozen=True)
class Tiling:
    """Tiles of one size, evenly over the picture, each overlapping its neighbours by `overlap` pixels or more.

    Attributes:
        tile: height and width of a tile in the picture's pixels.
        overlap: less than both.
        score: the model's rule. Of "maximum", a picture's score is the highest value of its whole map; of the others,
            which are of a map as a whole, the highest score of its tiles.
    """

    tile: tuple[int, int]
    overlap: int
    score: str = "maximum"

    @staticmethod
    def is_valid(tile: Size, overlap: int) -> bool:
        """Whether an overlap is less than a tile."""
        return 0 <= overlap < min(sides(tile))

    def places(self, picture_size: Sequence[int]) -> list[Place]:
        """Where the tiles of a picture of this width and height are, row by row. In a direction in which the picture
        is smaller than a tile there is one."""
        width, height = picture_size
        rows, columns = _starts(height, self.tile[0], self.overlap), _starts(width, self.tile[1], self.overlap)
        return [(row, column) for row in rows for column in columns]

    def windows(self, picture_size: Sequence[int], place: Place) -> tuple[np.ndarray, np.ndarray]:
        """The shares of a tile in the picture's rows and columns that it covers, float32 [n] and [m].

        Each falls linearly towards the tile's edges. Those of all tiles together are 1 in every row and column: so the
        shares of a pixel, which are their products, are 1 together, and no seam is where a tile begins or ends.
        """
        width, height = picture_size
        given = zip((height, width), self.tile, place)
        return tuple(_window(length, tile, self.overlap, start) for length, tile, start in given)


class Canvas:
    """The map of a whole picture, put together from those of its tiles. Beside it, memory holds one tile's.

    Args:
        tiling: how it is divided.
        picture_size: its width and height.
        wanted: bool [H, W], where it is looked at; None: everywhere.
        out: float32 [H, W] zeros, which becomes the map.
    """

    def __init__(self, tiling: Tiling, picture_size: Sequence[int], wanted: np.ndarray | None, out: np.ndarray):
        self.tiling, self.size, self.wanted, self.map = tiling, tuple(picture_size), wanted, out
        self._shares = None if wanted is None else np.zeros(out.shape, np.float32)

    def add(self, place: Place, anomaly_map: np.ndarray) -> None:
        """Add a tile's map [h, w], which covers the tile, at any resolution."""
        (high, wide), (top, left) = self.tiling.tile, place
        rows, columns = self.tiling.windows(self.size, place)
        inside = slice(top, top + len(rows)), slice(left, left + len(columns))
        share = rows[:, None] * columns
        if self._shares is None:
            self.map[inside] += share * _stretched(anomaly_map, high, wide)[: len(rows), : len(columns)]
            return
        seen = np.float32(hidden.seen(anomaly_map))
        values, weight = (_stretched(each, high, wide) for each in (anomaly_map * seen, seen))
        values, weight = (each[: len(rows), : len(columns)] for each in (values, weight))
        share *= self.wanted[inside] & (weight > 0)
        self.map[inside] += share * values / np.maximum(weight, 1e-6)
        self._shares[inside] += share

    def finish(self) -> np.ndarray:
        """The whole map, once all tiles are added. Where no tile has seen anything it is `hidden.MAP`."""
        if self._shares is not None:
            seen = self._shares > 0
            np.divide(self.map, self._shares, out=self.map, where=seen)
            self.map[~seen] = hidden.MAP
        return self.map


def _stretched(values: np.ndarray, height: int, width: int) -> np.ndarray:
    if values.shape == (height, width):
        return values
    return cv2.resize(values, (width, height), interpolation=cv2.INTER_LINEAR)


def _starts(length: int, tile: int, overlap: int) -> list[int]:
    """Where the tiles begin along a side."""
    if length <= tile:
        return [0]
    steps = -(-(length - tile) // (tile - overlap))
    return [step * (length - tile) // steps for step in range(steps + 1)]


def _window(length: int, tile: int, overlap: int, start: int) -> np.ndarray:
    """A tile's share in each pixel of a side that it covers."""
    place = np.arange(min(tile, length))
    total, own = np.zeros(len(place)), np.ones(len(place))
    for other in _starts(length, tile, overlap):
        within = place + start - other
        height = np.minimum(np.minimum(within + 0.5, tile - within - 0.5) / max(1, overlap), 1)
        height = np.where((within >= 0) & (within < tile), height, 0)
        total += height
        if other == start:
            own = height
    return (own / total).astype(np.float32)
