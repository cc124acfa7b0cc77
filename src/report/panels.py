"""Panels: what the network sees in a picture, drawn side by side with the picture itself, under the verdict."""

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from src.prediction import Prediction
from src.report.colours import ColourScale, Scale, colour, enlarged, heat_map, overlay
from src.utils import shown
from src.verdict import DEFECTIVE, GOOD, Judge, word

MARGIN = 8  # pixels between and around the tiles
LINE = 24  # height of a line of text
SMALLEST = 192  # a tile's longer side has at least so many pixels: smaller ones are enlarged
NARROWEST = 32  # and its shorter side so many
CELL = 72  # from one tile to the next there is at least so much, which their names need
BAR, LABELS = 14, 68  # widths of the colour bar and of its labels
WIDEST_TEXT = 440  # a page has at least this width, which the verdict needs
INK, PALE, PAPER = (30, 30, 30), (110, 110, 110), (255, 255, 255)
GREEN, RED, ORANGE = (22, 128, 60), (200, 30, 30), (230, 120, 0)


@dataclass(frozen=True)
class Truth:
    """What is known of a test picture: whether it is defective, and its mask, bool [H, W], if it has one."""

    defective: bool
    mask: np.ndarray | None


def tile_size(size: tuple[int, int], pixels: int) -> tuple[int, int]:
    """Width and height of a tile for a picture of this width and height: its aspect, not the network's.

    Args:
        pixels: of the longer side of what the network saw; that of the tile has at least as many.
    """
    longer = pixels * -(-SMALLEST // pixels)
    return tuple(max(NARROWEST, round(longer * side / max(size))) for side in size)


def shorten(text: str, width: float, font: ImageFont.FreeTypeFont) -> str:
    """A text that fits into so many pixels: what is too much is left out in the middle, because names differ at both
    ends."""
    if font.getlength(text) <= width:
        return text
    kept = len(text)
    while kept > 2 and font.getlength(_without_middle(text, kept)) > width:
        kept -= 1
    return _without_middle(text, kept)


def _without_middle(text: str, kept: int) -> str:
    return f"{text[: kept // 2]}...{text[len(text) - (kept + 1) // 2 :]}"


def panel(
    prediction: Prediction, image: np.ndarray, scale: Scale, judge: Judge | None, truth: Truth | None = None
) -> Image.Image:
    """Picture, mask (if there is one), heat map and overlay side by side, with a colour bar, under the verdict.

    Args:
        image: as the network saw it, uint8 RGB [H, W, 3].
        judge: has the pixel threshold, for the line in the overlay and the mark on the bar.
        truth: what is known of the picture. A wrong verdict is framed and named.
    """
    threshold = None if judge is None or judge.pixel is None else judge.pixel.threshold
    size = tile_size(prediction.size, max(image.shape[:2]))
    picture = enlarged(image, size)
    tiles = [("picture", picture)]
    if truth is not None and truth.mask is not None:
        mask = cv2.resize(np.uint8(255 * truth.mask), size, interpolation=cv2.INTER_NEAREST)
        tiles.append(("mask", np.repeat(mask[:, :, None], 3, 2)))
    tiles.append(("heat map", heat_map(prediction.anomaly_map, scale, size)))
    tiles.append(("overlay", overlay(picture, prediction.anomaly_map, scale, threshold)))

    cell = max(size[0], CELL) + MARGIN
    width = max(MARGIN + len(tiles) * cell + BAR + LABELS, WIDEST_TEXT)
    page = Image.new("RGB", (width, 3 * LINE + MARGIN + size[1] + MARGIN), PAPER)
    draw = ImageDraw.Draw(page)
    _head(draw, prediction, truth, width)
    for i, (name, tile) in enumerate(tiles):
        left = MARGIN + i * cell
        draw.text((left, 2 * LINE + MARGIN), name, PALE, _font())
        page.paste(Image.fromarray(tile), (left, 3 * LINE + MARGIN))
    _colour_bar(page, MARGIN + len(tiles) * cell, 3 * LINE + MARGIN, size[1], scale, threshold)
    if _is_wrong(prediction, truth):
        draw.rectangle((0, 0, page.width - 1, page.height - 1), outline=ORANGE, width=4)
    return page


def _font() -> ImageFont.FreeTypeFont:
    return ImageFont.load_default(size=14)


def _is_wrong(prediction: Prediction, truth: Truth | None) -> bool:
    return truth is not None and prediction.verdict not in (None, word(truth.defective))


def _head(draw: ImageDraw.ImageDraw, prediction: Prediction, truth: Truth | None, width: int) -> None:
    """The verdict and, where it is known, the truth; below them the name and the score."""
    right = MARGIN
    colours = {DEFECTIVE: RED, GOOD: GREEN}
    right = _badge(draw, right, prediction.verdict or "no verdict", colours.get(prediction.verdict, PALE))
    if prediction.anomaly is not None:
        right = _text(draw, right, f"anomaly {prediction.anomaly:.2f}", INK)
    if _is_wrong(prediction, truth):
        _badge(draw, right, f"wrong: it is {word(truth.defective)}", ORANGE)
    elif truth is not None:
        _text(draw, right, f"truth: {word(truth.defective)}", PALE)
    score = f"score {prediction.score:.4f}"
    end = width - MARGIN - _font().getlength(score)
    draw.text((end, MARGIN + LINE), score, PALE, _font())
    draw.text((MARGIN, MARGIN + LINE), shorten(shown(prediction.name), end - 3 * MARGIN, _font()), INK, _font())


def _badge(draw: ImageDraw.ImageDraw, left: float, text: str, filled: tuple[int, int, int]) -> float:
    """A text on a coloured ground; where what follows begins."""
    right = left + _font().getlength(text) + 16
    draw.rounded_rectangle((left, 5, right, LINE + 2), 5, filled)
    draw.text((left + 8, 6), text, PAPER, _font())
    return right + 10


def _text(draw: ImageDraw.ImageDraw, left: float, text: str, ink: tuple[int, int, int]) -> float:
    draw.text((left, 6), text, ink, _font())
    return left + _font().getlength(text) + 14


def _colour_bar(page: Image.Image, left: int, top: int, height: int, scale: Scale, threshold: float | None) -> None:
    """The colours from cold, below, to hot, with their values and a mark at the threshold."""
    rising = np.linspace(1, 0, height, dtype=np.float32)[:, None].repeat(BAR, 1)
    page.paste(Image.fromarray(colour(rising)), (left, top))
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(size=11)
    ends = (f"{scale.high:.2f}", f"{scale.low:.2f}") if isinstance(scale, ColourScale) else ("1", "0")
    for text, y in zip(ends, (top - 2, top + height - 12)):
        draw.text((left + BAR + 5, y), text, PALE, font)
    if threshold is not None:
        y = top + round((height - 1) * (1 - float(scale(np.float32(threshold)))))
        draw.line((left - 3, y, left + BAR + 2, y), INK, 2)
        if top + 10 <= y - 7 <= top + height - 24:  # else it would be written over the ends' values
            draw.text((left + BAR + 7, y - 7), "threshold", INK, font)
