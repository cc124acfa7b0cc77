"""What can happen to fabric. Each kind of damage is drawn onto a canvas, and says exactly which pixels it changed.

All lengths are in pixels of the drawing, which has `side` x `side` of them; positions are (x, y) from its upper left.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Fabric:
    """What all pictures of a category have in common.

    Attributes:
        repeat: the weave repeats after so many threads.
        top: over so many of these, a warp thread lies on top of the weft.
        warp: the colour of the warp threads, float32 RGB from 0 to 1.
        weft: the colour of the weft threads, likewise.
        pitch: the distance of two threads.
    """

    repeat: int
    top: int
    warp: np.ndarray
    weft: np.ndarray
    pitch: float


@dataclass(frozen=True)
class Canvas:
    """The piece of cloth that a damage is drawn on.

    Attributes:
        rng: the damage's own random generator.
        fabric: what the cloth is made of.
        weave: draws the whole cloth, float32 RGB [side, side, 3]. Given two shifts, each a number of threads or an
            array [side, side] of them, it pushes the warp threads by the first and the weft threads by the second.
        u: the number of the warp thread that each pixel lies on, with fractions: float32 [side, side].
        v: the number of the weft thread, likewise.
        grain: the noise of the yarn's fibres, float32 [side, side].
    """

    rng: np.random.Generator
    fabric: Fabric
    weave: Callable[..., np.ndarray]
    u: np.ndarray
    v: np.ndarray
    grain: np.ndarray


def smooth_noise(rng: np.random.Generator, side: int, cells: int) -> np.ndarray:
    """Smooth noise with a variance of about 1, whose features are side / cells pixels large: float32 [side, side]."""
    coarse = rng.normal(0, 1, (cells + 3, cells + 3)).astype(np.float32)
    return cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)


def _blob(rng: np.random.Generator, side: int, radius: float, rough: float) -> np.ndarray:
    """The height of an irregular patch somewhere on the canvas, float32 [side, side].

    The height is 1 in the patch's middle, 0 on its edge and negative outside.

    Args:
        radius: that of a circle of the patch's area.
        rough: how irregular the edge is; 0 gives an ellipse.
    """
    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    centre = rng.uniform(0.15, 0.85, 2) * side
    stretch = rng.uniform(1.0, 1.7)
    angle = rng.uniform(0, np.pi)
    dx, dy = x - centre[0], y - centre[1]
    a, b = np.cos(angle) * dx + np.sin(angle) * dy, np.cos(angle) * dy - np.sin(angle) * dx
    distance = np.sqrt((a / stretch) ** 2 + (b * stretch) ** 2) / radius
    direction = np.arctan2(b, a)
    waves = sum(rng.normal(0, 1 / n) * np.sin(n * direction + rng.uniform(0, 2 * np.pi)) for n in range(2, 9))
    return (1 - distance * (1 + rough * waves)).astype(np.float32)


def _largest_piece(marked: np.ndarray) -> np.ndarray:
    """The largest connected part of the marked pixels (bool [side, side]) as float32, 1 in it and 0 elsewhere."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(marked.astype(np.uint8))
    return (labels == 1 + np.argmax(stats[1:, cv2.CC_STAT_AREA])).astype(np.float32)


def _hole(canvas: Canvas) -> tuple[np.ndarray, np.ndarray]:
    """Threads are torn away. The dark ground shows, and the ends of the threads are frayed along the edge."""
    rng, side = canvas.rng, len(canvas.u)
    height = _blob(rng, side, side * rng.uniform(0.035, 0.09), 0.15)
    ends = 0.18 * np.sin(2 * np.pi * np.maximum(canvas.u % 1, canvas.v % 1)) + 0.08 * canvas.grain
    cover = _largest_piece(height + ends * (np.abs(height) < 0.35) > 0)
    cloth = canvas.weave()
    brightness = (0.16 + 0.10 * np.clip(0.6 - height, 0, 1))[..., None]
    ground = canvas.fabric.warp * brightness * (1 + 0.1 * canvas.grain[..., None])
    return np.where(cover[..., None] > 0, ground, cloth), cover


def _stain(canvas: Canvas) -> tuple[np.ndarray, np.ndarray]:
    """A liquid has soaked into the cloth. The weave shows through a tint that is strongest along the rim."""
    rng, side = canvas.rng, len(canvas.u)
    height = _blob(rng, side, side * rng.uniform(0.05, 0.13), 0.12) + 0.05 * smooth_noise(rng, side, 24)
    tints = ((0.60, 0.42, 0.20), (0.35, 0.37, 0.42), (0.70, 0.33, 0.33))
    tint = np.array(tints[rng.integers(3)], np.float32)
    strength = rng.uniform(0.65, 0.95) * (0.75 + 0.25 * np.exp(-((height / 0.15) ** 2)))
    cover = _largest_piece(height > 0)
    soaked = 1 - (strength * cover)[..., None] * (1 - tint)
    return canvas.weave() * soaked.astype(np.float32), cover


def _thread(canvas: Canvas) -> tuple[np.ndarray, np.ndarray]:
    """A loose yarn of another colour lies on the cloth and casts a shadow."""
    rng, side = canvas.rng, len(canvas.u)
    start, heading = rng.uniform(0.2, 0.8, 2) * side, rng.uniform(0, 2 * np.pi)
    pieces = 40  # the yarn is drawn as a chain of so many straight pieces
    bends = cv2.GaussianBlur(rng.normal(0, 0.55, (pieces, 1)), (1, 9), 2.5)[:, 0]
    headings = heading + np.cumsum(bends)
    length = side * rng.uniform(0.25, 0.55) / pieces
    points = start + np.cumsum(np.stack([np.cos(headings), np.sin(headings)], 1) * length, 0)
    width = max(3, round(canvas.fabric.pitch * rng.uniform(0.4, 0.7)))

    def line(shift: float) -> np.ndarray:
        drawn = np.zeros((side, side), np.uint8)
        cv2.polylines(drawn, [np.round(points + shift).astype(np.int32)], False, 255, width)
        return drawn > 0

    yarn, shadow = line(0), line(width * 0.4)
    from_edge = cv2.distanceTransform(yarn.astype(np.uint8), cv2.DIST_L2, 5) / (width / 2)
    colours = ((0.92, 0.90, 0.84), (0.16, 0.16, 0.18), (0.75, 0.20, 0.18))
    colour = np.array(colours[rng.integers(3)], np.float32)
    light = (0.55 + 0.45 * np.clip(from_edge, 0, 1)) * (1 + 0.08 * canvas.grain)
    cloth = canvas.weave()
    cloth = np.where(shadow[..., None], cloth * np.float32(0.6), cloth)
    cloth = np.where(yarn[..., None], light[..., None] * colour, cloth).astype(np.float32)
    return cloth, (yarn | shadow).astype(np.float32)


def _distortion(canvas: Canvas) -> tuple[np.ndarray, np.ndarray]:
    """Threads are pushed aside. The weave is bent within a patch, and gaps open where threads have left."""
    rng, side = canvas.rng, len(canvas.u)
    height = np.clip(1.6 * _blob(rng, side, side * rng.uniform(0.07, 0.12), 0.08), 0, 1)
    push = rng.uniform(1.2, 2.0) * rng.choice([-1, 1]) * height * height * (3 - 2 * height)
    cover = np.abs(push) > 0.2  # smaller shifts cannot be seen, so there the cloth and the mask stay as they are
    push = np.where(cover, push, 0).astype(np.float32)
    bent = canvas.weave(push, 0.5 * push)
    gap = 1 - 0.35 * np.clip(np.abs(push) - 0.5, 0, 1)
    cloth = canvas.weave()
    return np.where(cover[..., None], bent * gap[..., None], cloth).astype(np.float32), cover.astype(np.float32)


# Each takes a canvas and returns the damaged cloth, RGB [side, side, 3], and its cover, float32 [side, side]: 1 where
# the damage has changed the cloth and 0 elsewhere.
KINDS: dict[str, Callable[[Canvas], tuple[np.ndarray, np.ndarray]]] = {
    "distortion": _distortion,
    "hole": _hole,
    "stain": _stain,
    "thread": _thread,
}
