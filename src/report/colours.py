"""Colours of anomaly maps: cold to hot, as the map is read; heat maps, and overlays on pictures."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from src import hidden
from src.verdict import Judge, Reading

HEAT = 0.6  # the share of the hottest colour in an overlay; of colder ones less
GREY = (128, 128, 128)  # what is hidden in a heat map
LINE, EDGE = (255, 255, 255), (0, 0, 0)  # around what is at or above the threshold; the edge shows it on white
_SAMPLED, _LARGE = (512, 512), 4096**2  # values that are looked at of maps that differ in size, or are larger
_ROWS = 1 << 22  # values of an overlay that are mixed at a time


@dataclass(frozen=True)
class ColourScale:
    """The map values that are drawn coldest and hottest, where no good pictures are known to read the map by."""

    low: float
    high: float

    @classmethod
    def of(cls, maps: np.ndarray | Sequence[np.ndarray], labels: np.ndarray) -> "ColourScale":
        """From maps [N, H, W] of a test set with labels [N]: from what good pixels show to the strongest defects.

        Cold is the 99th percentile of the good pictures' pixels (the median of all pixels where no picture is good);
        hot is the 99.9th percentile of all.
        """
        if not isinstance(maps, np.ndarray):
            if len({each.shape for each in maps}) > 1 or max(map(np.size, maps)) > _LARGE:
                maps = [cv2.resize(each, _SAMPLED, interpolation=cv2.INTER_NEAREST) for each in maps]
            maps = np.stack(maps)
        good, share = (maps[~labels], 99) if (~labels).any() else (maps, 50)
        low = float(np.percentile(hidden.seen_only(good[:, ::4, ::4]), share))
        high = float(np.percentile(hidden.seen_only(maps[:, ::2, ::2]), 99.9))
        return cls(low, max(high, low + 1e-6))

    def __call__(self, anomaly_map: np.ndarray) -> np.ndarray:
        """A map of any shape in 0 (cold) .. 1 (hot), float32."""
        return np.clip((anomaly_map - self.low) / (self.high - self.low), 0, 1).astype(np.float32)


Scale = ColourScale | Reading  # a map of any shape -> 0 (cold) .. 1 (hot)


def scale_of(judge: Judge | None, known: tuple[float, float] | None = None) -> Scale | None:
    """The colours of a model: as the map is read, so that a good part looks good in every folder.

    Args:
        known: the colour scale of a checkpoint of an older version, which has no reading.
    """
    if judge is not None and judge.pixel is not None and judge.pixel.typical is not None:
        return judge.pixel
    return ColourScale(*known) if known else None


def colour(heat: np.ndarray) -> np.ndarray:
    """Heat in 0..1, [H, W], in colours: uint8 RGB [H, W, 3]."""
    return cv2.cvtColor(cv2.applyColorMap(_grey(heat), cv2.COLORMAP_TURBO), cv2.COLOR_BGR2RGB)


def _grey(heat: np.ndarray) -> np.ndarray:
    return np.uint8(np.rint(255 * heat))


def heat_map(anomaly_map: np.ndarray, scale: Scale, size: tuple[int, int] | None = None) -> np.ndarray:
    """A map [h, w] in colours, uint8 RGB [H, W, 3], what is hidden in grey; `size` is W and H, by default w and h."""
    heat, size = np.float32(scale(anomaly_map)), size or anomaly_map.shape[::-1]
    coloured, seen = colour(enlarged(heat, size)), hidden.seen(anomaly_map)
    if not seen.all():
        coloured[cv2.resize(np.uint8(seen), size, interpolation=cv2.INTER_NEAREST) == 0] = GREY
    return coloured


def overlay(image: np.ndarray, anomaly_map: np.ndarray, scale: Scale, threshold: float | None) -> np.ndarray:
    """A picture, uint8 RGB [H, W, 3], with a map's heat over it, and a line around all at or above the threshold.

    Args:
        anomaly_map: [h, w]; it is stretched over the picture. Where it is hidden, the picture stays as it is.
    """
    high, wide = image.shape[:2]
    grey, mixed = enlarged(_grey(scale(anomaly_map)), (wide, high)), np.empty_like(image)
    step = max(1, _ROWS // wide)
    for top in range(0, high, step):  # in parts, because of a large picture all in floats is several gigabytes
        rows = slice(top, top + step)
        share = HEAT / 255 * grey[rows, :, None].astype(np.float32)
        mixed[rows] = np.rint(image[rows] * (1 - share) + colour(grey[rows] / 255) * share)
    if threshold is not None:
        found = cv2.resize(np.uint8(anomaly_map >= threshold), (wide, high), interpolation=cv2.INTER_NEAREST)
        contours, _ = cv2.findContours(found, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        width = max(1, round(max(wide, high) / 500))
        for colour_of_line, each in ((EDGE, width + 2), (LINE, width)):
            cv2.drawContours(mixed, contours, -1, colour_of_line, each)
    return mixed


def enlarged(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """An array [H, W] or [H, W, 3] at another width and height: bilinear, where it is reduced by areas."""
    if values.shape[1::-1] == tuple(size):
        return values
    smaller = size[0] * size[1] < values.shape[0] * values.shape[1]
    return cv2.resize(values, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
