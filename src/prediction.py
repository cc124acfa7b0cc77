"""What is said of one picture: score, anomaly, verdict, and the regions that made it so. No MindSpore here."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import cv2
import numpy as np

from src.verdict import Judge, Reading

MIN_AREA = 0  # pixels of the original picture that a region must have, unless `--min_area` says otherwise


@dataclass(frozen=True)
class Region:
    """A connected part (8 neighbours) of the anomaly map at or above the pixel threshold.

    All lengths are in pixels of the original picture, upright. A pixel of the map covers several of these, or a part of
    one; the box is the smallest that holds all that it covers.

    Attributes:
        x, y: the box's left upper corner; width, height: of the box.
        area: of the region.
        peak_x, peak_y: where the map is highest in it; peak: the map's value there.
    """

    x: int
    y: int
    width: int
    height: int
    area: int
    peak_x: int
    peak_y: int
    peak: float


@dataclass(frozen=True)
class Prediction:
    """What is said of a picture.

    Attributes:
        name: what results call it.
        file: its file, if it has one.
        score: the network's; higher where a defect is likelier.
        anomaly: the score read as 0 to 1, 0.5 at the threshold; None where no good picture is known to the model.
        verdict: "good" or "defective"; None where the model has no threshold.
        margin: how far the anomaly is from 0.5; None as that is.
        regions: where the map reaches the pixel threshold, the largest first; None where the model has none.
        size: width and height of the original picture, upright.
        milliseconds: that it took, those of a batch shared equally; None where that is not known.
        anomaly_map: [H, W] float32, which covers the picture.
    """

    name: str
    file: str | None
    score: float
    anomaly: float | None
    verdict: str | None
    margin: float | None
    regions: tuple[Region, ...] | None
    size: tuple[int, int]
    milliseconds: float | None
    anomaly_map: np.ndarray = field(repr=False, compare=False)

    @classmethod
    def of(
        cls,
        name: str,
        file: str | None,
        size: tuple[int, int],
        anomaly_map: np.ndarray,
        score: float,
        judge: Judge | None,
        milliseconds: float | None,
        min_area: int = MIN_AREA,
    ) -> "Prediction":
        """From a map [H, W] and a score, judged by `judge`. `min_area` is about regions only, not about the verdict."""
        said = {"score": float(score)} if judge is None else judge.of_picture(score)
        pixel = None if judge is None else judge.pixel
        regions = None if pixel is None else find_regions(anomaly_map, pixel, size, min_area)
        read = {key: said.get(key) for key in ("score", "anomaly", "verdict", "margin")}
        return cls(name, file, **read, regions=regions, size=size, milliseconds=milliseconds, anomaly_map=anomaly_map)

    @property
    def largest_area(self) -> int | None:
        """The area of the largest region; 0 where there is none, None where regions are not known."""
        return None if self.regions is None else max((region.area for region in self.regions), default=0)

    def to_json(self) -> dict[str, Any]:
        """For a result; the map is not in it."""
        return {
            "file": self.file,
            "score": self.score,
            "anomaly": self.anomaly,
            "verdict": self.verdict,
            "margin": self.margin,
            "regions": None if self.regions is None else [asdict(region) for region in self.regions],
            "largest_area": self.largest_area,
            "milliseconds": None if self.milliseconds is None else round(self.milliseconds, 3),
        }


def find_regions(
    anomaly_map: np.ndarray, pixel: Reading, size: Sequence[int], min_area: int = MIN_AREA
) -> tuple[Region, ...]:
    """The regions of a map [H, W], the largest first.

    Args:
        pixel: has the pixel threshold.
        size: width and height of the original picture.
        min_area: smaller regions are left out.
    """
    found = np.uint8(pixel.is_defective(anomaly_map))
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(found, connectivity=8)
    wide, high = size[0] / anomaly_map.shape[1], size[1] / anomaly_map.shape[0]  # original pixels per pixel of the map
    regions = []
    for label in range(1, count):  # 0 is what lies below the threshold
        x, y, width, height, pixels = map(int, boxes[label])
        area = max(1, round(pixels * wide * high))
        if area < min_area:
            continue
        inside = (slice(y, y + height), slice(x, x + width))
        values = np.where(labels[inside] == label, anomaly_map[inside], -np.inf)
        row, column = np.unravel_index(np.argmax(values), values.shape)
        left, right = _span(x, width, wide)
        top, bottom = _span(y, height, high)
        place = int((x + column + 0.5) * wide), int((y + row + 0.5) * high)
        regions.append(Region(left, top, right - left, bottom - top, area, *place, float(values[row, column])))
    return tuple(sorted(regions, key=lambda region: -region.area))


def _span(start: int, length: int, scale: float) -> tuple[int, int]:
    """The original pixels, from one to before another, that so many pixels of a map cover at least a part of."""
    return int(np.floor(start * scale + 1e-9)), int(np.ceil((start + length) * scale - 1e-9))
