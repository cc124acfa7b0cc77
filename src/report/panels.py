"""Panels: what the network sees in a picture, drawn side by side with the picture itself."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from src.trust.names import path_in
from src.utils import atomic_path, shown
from src.verdict import Judge, Reading, word

MARGIN = 6  # pixels between and around the tiles
HEADER = 22  # pixels of text above a row of tiles
INK, PAPER = (30, 30, 30), (255, 255, 255)


@dataclass(frozen=True)
class ColourScale:
    """The map values that are drawn coldest and hottest, where no good pictures are known to read the map by."""

    low: float
    high: float

    @classmethod
    def of(cls, maps: np.ndarray, labels: np.ndarray) -> "ColourScale":
        """From maps [N, S, S] of a test set with labels [N]: from what good pixels show to the strongest defects.

        Cold is the 99th percentile of the good pictures' pixels (the median of all pixels where no picture is good);
        hot is the 99.9th percentile of all.
        """
        good, share = (maps[~labels], 99) if (~labels).any() else (maps, 50)
        low = float(np.percentile(good[:, ::4, ::4], share))
        high = float(np.percentile(maps[:, ::2, ::2], 99.9))
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


def heat_map(anomaly_map: np.ndarray, scale: Scale) -> np.ndarray:
    """A map [S, S] in colours, [S, S, 3] uint8 RGB."""
    grey = np.uint8(np.rint(255 * scale(anomaly_map)))
    return cv2.cvtColor(cv2.applyColorMap(grey, cv2.COLORMAP_TURBO), cv2.COLOR_BGR2RGB)


def overlay(image: np.ndarray, anomaly_map: np.ndarray, scale: Scale, threshold: float | None) -> np.ndarray:
    """The picture [S, S, 3] uint8 with the map's heat over it, and a line around all at or above the threshold."""
    share = 0.6 * scale(anomaly_map)[:, :, None]
    mixed = np.uint8(np.rint(image * (1 - share) + heat_map(anomaly_map, scale) * share))
    if threshold is not None:
        found = np.uint8(anomaly_map >= threshold)
        contours, _ = cv2.findContours(found, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(mixed, contours, -1, (255, 255, 255), 1)
    return mixed


def panel(title: str, tiles: list[tuple[str, np.ndarray]]) -> Image.Image:
    """Tiles [S, S, 3] uint8 side by side, each under its name, under one title."""
    size = tiles[0][1].shape[0]
    width = MARGIN + len(tiles) * (size + MARGIN)
    page = Image.new("RGB", (width, 2 * HEADER + size + MARGIN), PAPER)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(size=14)
    draw.text((MARGIN, 3), title, INK, font)
    for i, (name, tile) in enumerate(tiles):
        left = MARGIN + i * (size + MARGIN)
        draw.text((left, HEADER + 1), name, INK, font)
        page.paste(Image.fromarray(tile), (left, 2 * HEADER))
    return page


def panel_files(folder: Path, names: list[str]) -> list[Path]:
    """The file of each picture's panel; a "/" in a name makes sub-folders.

    Raises:
        UserError: a name leads out of the folder.
    """
    return [path_in(folder, name, "picture", ".png") for name in names]


def save_panels(
    folder: Path,
    names: list[str],
    images: np.ndarray,
    masks: np.ndarray | None,
    labels: np.ndarray | None,
    maps: np.ndarray,
    scores: np.ndarray,
    scale: Scale,
    judge: Judge | None,
) -> None:
    """Write `<folder>/<name>.png` for every picture: picture, mask (if there is one), heat map, overlay.

    Args:
        names: of the pictures, with "/" for sub-folders.
        images: [N, S, S, 3] uint8; masks: [N, S, S] bool; labels: [N] bool, None where they are not known.
        maps: [N, S, S]; scores: [N].
        judge: gives the verdict, and the pixel threshold for the line in the overlay.
    """
    line = None if judge is None or judge.pixel is None else judge.pixel.threshold
    for i, (name, file) in enumerate(zip(names, panel_files(folder, names))):
        image = images[i]  # once: it may be decoded here
        verdict = "" if judge is None else f"   {judge.in_words(scores[i])}"
        truth = "" if labels is None else f"   (truth: {word(labels[i])})"
        tiles = [("picture", image)]
        if masks is not None:
            tiles.append(("mask", np.repeat(np.uint8(255 * masks[i])[:, :, None], 3, 2)))
        tiles.append(("heat map", heat_map(maps[i], scale)))
        tiles.append(("overlay", overlay(image, maps[i], scale, line)))
        with atomic_path(file) as path:
            panel(f"{shown(name)}   score {scores[i]:.3f}{verdict}{truth}", tiles).save(path)
