"""What can happen to fabric: each damage is drawn onto a canvas and tells exactly which pixels it changed."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Fabric:
    """What all pictures of a category share. `pitch`: threads' distance in pixels of the drawing."""

    repeat: int
    top: int
    warp: np.ndarray
    weft: np.ndarray
    pitch: float


@dataclass(frozen=True)
class Canvas:
    """What a damage is drawn with: its own generator and the cloth it is done to (arrays [side, side]).

    `weave(du, dv)` gives the cloth, float32 RGB, with its threads pushed by du and dv threads; u and v tell
    on which thread each pixel lies; `grain` is the fibres' noise. A damage returns the damaged cloth and its
    cover, float32: 1 where it has changed the cloth and 0 elsewhere.
    """

    rng: np.random.Generator
    fabric: Fabric
    weave: Callable[..., np.ndarray]
    u: np.ndarray
    v: np.ndarray
    grain: np.ndarray


def smooth_noise(rng: np.random.Generator, side: int, cells: int) -> np.ndarray:
    """Smooth noise of about unit variance with features of side / cells pixels: float32 [side, side]."""
    coarse = rng.normal(0, 1, (cells + 3, cells + 3)).astype(np.float32)
    return cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)


def _blob(rng: np.random.Generator, side: int, radius: float, rough: float) -> np.ndarray:
    """Height of an irregular patch, 1 in its middle, 0 on its edge, negative outside: [side, side]."""
    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    centre, stretch, angle = rng.uniform(0.15, 0.85, 2) * side, rng.uniform(1.0, 1.7), rng.uniform(0, np.pi)
    dx, dy = x - centre[0], y - centre[1]
    a, b = np.cos(angle) * dx + np.sin(angle) * dy, np.cos(angle) * dy - np.sin(angle) * dx
    distance = np.sqrt((a / stretch) ** 2 + (b * stretch) ** 2) / radius
    waves = sum(rng.normal(0, 1 / n) * np.sin(n * np.arctan2(b, a) + rng.uniform(0, 2 * np.pi)) for n in range(2, 9))
    return (1 - distance * (1 + rough * waves)).astype(np.float32)


def _one_piece(marked: np.ndarray) -> np.ndarray:
    """The largest connected part of a bool [side, side], as float32 0 and 1."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(marked.astype(np.uint8))
    return (labels == 1 + np.argmax(stats[1:, cv2.CC_STAT_AREA])).astype(np.float32)


def _hole(canvas: Canvas) -> tuple[np.ndarray, np.ndarray]:
    """Threads torn away: the dark ground shows, with frayed ends along the edge."""
    rng, side = canvas.rng, len(canvas.u)
    field = _blob(rng, side, side * rng.uniform(0.035, 0.09), 0.15)
    ends = 0.18 * np.sin(2 * np.pi * np.maximum(canvas.u % 1, canvas.v % 1)) + 0.08 * canvas.grain
    cover = _one_piece(field + ends * (np.abs(field) < 0.35) > 0)
    cloth = canvas.weave()
    ground = (
        canvas.fabric.warp * (0.16 + 0.10 * np.clip(0.6 - field, 0, 1))[..., None] * (1 + 0.1 * canvas.grain[..., None])
    )
    return np.where(cover[..., None] > 0, ground, cloth), cover


def _stain(canvas: Canvas) -> tuple[np.ndarray, np.ndarray]:
    """A liquid soaked into the cloth: the weave shows through a tint that is strongest along the rim."""
    rng, side = canvas.rng, len(canvas.u)
    field = _blob(rng, side, side * rng.uniform(0.05, 0.13), 0.12) + 0.05 * smooth_noise(rng, side, 24)
    tint = np.array(((0.60, 0.42, 0.20), (0.35, 0.37, 0.42), (0.70, 0.33, 0.33))[rng.integers(3)], np.float32)
    strength = rng.uniform(0.65, 0.95) * (0.75 + 0.25 * np.exp(-((field / 0.15) ** 2)))
    cover = _one_piece(field > 0)
    soaked = 1 - (strength * cover)[..., None] * (1 - tint)
    return canvas.weave() * soaked.astype(np.float32), cover


def _thread(canvas: Canvas) -> tuple[np.ndarray, np.ndarray]:
    """A loose foreign yarn lying on the cloth, with its shadow."""
    rng, side = canvas.rng, len(canvas.u)
    start, heading = rng.uniform(0.2, 0.8, 2) * side, rng.uniform(0, 2 * np.pi)
    steps = 40
    turns = heading + np.cumsum(cv2.GaussianBlur(rng.normal(0, 0.55, (steps, 1)), (1, 9), 2.5)[:, 0])
    length = side * rng.uniform(0.25, 0.55) / steps
    points = start + np.cumsum(np.stack([np.cos(turns), np.sin(turns)], 1) * length, 0)
    width = max(3, round(canvas.fabric.pitch * rng.uniform(0.4, 0.7)))

    def line(shift: float, thickness: int) -> np.ndarray:
        canvas = np.zeros((side, side), np.uint8)
        cv2.polylines(canvas, [np.round(points + shift).astype(np.int32)], False, 255, thickness)
        return canvas > 0

    yarn_on_top, shadow = line(0, width), line(width * 0.4, width)
    depth = cv2.distanceTransform(yarn_on_top.astype(np.uint8), cv2.DIST_L2, 5) / (width / 2)
    colour = np.array(((0.92, 0.90, 0.84), (0.16, 0.16, 0.18), (0.75, 0.20, 0.18))[rng.integers(3)], np.float32)
    lit = (0.55 + 0.45 * np.clip(depth, 0, 1)) * (1 + 0.08 * canvas.grain)
    cloth = canvas.weave()
    cloth = np.where(shadow[..., None], cloth * np.float32(0.6), cloth)
    cloth = np.where(yarn_on_top[..., None], lit[..., None] * colour, cloth).astype(np.float32)
    return cloth, (yarn_on_top | shadow).astype(np.float32)


def _distortion(canvas: Canvas) -> tuple[np.ndarray, np.ndarray]:
    """Threads pushed aside: the weave is bent within a patch and opens where the threads have left."""
    rng, side = canvas.rng, len(canvas.u)
    field = np.clip(1.6 * _blob(rng, side, side * rng.uniform(0.07, 0.12), 0.08), 0, 1)
    push = rng.uniform(1.2, 2.0) * rng.choice([-1, 1]) * field * field * (3 - 2 * field)
    cover = np.abs(push) > 0.2  # smaller shifts cannot be seen: leave the cloth, and the mask, as they are
    push = np.where(cover, push, 0).astype(np.float32)
    bent = canvas.weave(push, 0.5 * push)
    gap = 1 - 0.35 * np.clip(np.abs(push) - 0.5, 0, 1)
    cloth = canvas.weave()
    return np.where(cover[..., None], bent * gap[..., None], cloth).astype(np.float32), cover.astype(np.float32)


KINDS: dict[str, Callable[[Canvas], tuple[np.ndarray, np.ndarray]]] = {
    "distortion": _distortion,
    "hole": _hole,
    "stain": _stain,
    "thread": _thread,
}
