"""A picture as a report shows it: small, its heat map as a layer over it, and outlines in it."""

import base64
import io
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from src import hidden
from src.report.colours import Scale, heat_map

SIDE, HEAT_SIDE = 256, 128  # pixels of the longer side, at most
QUALITIES = (
    (1, 78),
    (1, 55),
    (0.75, 50),
    (0.6, 40),
    (0.5, 20),
)  # shares of the side, and WebP's quality, tried in turn
PICTURE_BYTES, HEAT_BYTES = 12_000, 5_000  # that are aimed at: then 1,000 pictures of noise stay below 30 MB
FAINTEST, STRONGEST = 0.3, 0.75  # how much the heat covers: a good part turns dark, so that one sees that it is good
POINTS, CONTOURS = 250, 100  # of the outlines in a picture, at most


@dataclass(frozen=True)
class Thumbnail:
    """Texts for an HTML page.

    Attributes:
        picture, heat: the addresses (`data:`) of two images, the second to be laid over the first.
        width, height: of the picture, pixels.
        box: the `viewBox` of the two outlines: the map's width and height.
        found, marked: SVG paths around all at or above the threshold, and around the mask; empty where there is none.
    """

    picture: str
    heat: str
    width: int
    height: int
    box: str
    found: str
    marked: str

    @classmethod
    def of(
        cls,
        image: np.ndarray,
        anomaly_map: np.ndarray,
        mask: np.ndarray | None,
        scale: Scale,
        threshold: float | None,
    ) -> "Thumbnail":
        """From an image [H, W, 3] uint8 RGB with its map [h, w] and mask [h, w] bool, which cover all of it.

        Args:
            scale: the colours of the map.
            threshold: the map's value from which a pixel is defective; None where it is not known.
        """
        small = _fit(image, SIDE)
        found = None if threshold is None else anomaly_map >= threshold
        return cls(
            picture=_address(small, PICTURE_BYTES),
            heat=_address(_layer(_fit(np.float32(anomaly_map), HEAT_SIDE), scale), HEAT_BYTES),
            width=small.shape[1],
            height=small.shape[0],
            box=f"0 0 {anomaly_map.shape[1]} {anomaly_map.shape[0]}",
            found=outline(found),
            marked=outline(mask),
        )


def _fit(array: np.ndarray, side: int) -> np.ndarray:
    """An array [H, W, ...] made smaller, if it has to be, so that its longer side is `side`."""
    height, width = array.shape[:2]
    share = side / max(height, width)
    if share >= 1:
        return array
    size = max(1, round(width * share)), max(1, round(height * share))
    return cv2.resize(array, size, interpolation=cv2.INTER_AREA)


def _layer(anomaly_map: np.ndarray, scale: Scale) -> np.ndarray:
    """A map [h, w] in colours that cover more where it is hotter, [h, w, 4] uint8 RGBA."""
    cover = (FAINTEST + (STRONGEST - FAINTEST) * scale(anomaly_map)) * hidden.seen(anomaly_map)
    return np.dstack([heat_map(anomaly_map, scale), np.uint8(np.rint(255 * cover))])


def _address(image: np.ndarray, most: int) -> str:
    """An image [h, w, 3 or 4] uint8 as WebP in a `data:` address, of `most` bytes before its coding if that can be."""
    side = max(image.shape[:2])
    for share, quality in QUALITIES:
        file = io.BytesIO()
        smaller = np.ascontiguousarray(_fit(image, max(1, round(side * share))))
        Image.fromarray(smaller).save(file, "WEBP", quality=quality, alpha_quality=quality, method=4)
        if file.tell() <= most:
            break
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()


def outline(where: np.ndarray | None) -> str:
    """The outlines of the regions of [h, w] bool as an SVG path, in pixels; empty where there are none.

    They are straightened by half a percent of the longer side, or by more where they have more points than can be
    seen. Of more than `CONTOURS`, the longest are drawn.
    """
    if where is None or not where.any():
        return ""
    contours, _ = cv2.findContours(np.uint8(where), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    contours = sorted(contours, key=len, reverse=True)[:CONTOURS]
    for tolerance in 0.005 * max(where.shape) * 2.0 ** np.arange(8):
        drawn = [cv2.approxPolyDP(contour, tolerance, closed=True)[:, 0] for contour in contours]
        if sum(map(len, drawn)) <= POINTS:
            break
    return "".join("M" + "L".join(f"{x + 0.5:g} {y + 0.5:g}" for x, y in points) + "Z" for points in drawn)
