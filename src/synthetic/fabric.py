"""Images of woven fabric, good or damaged, with an exact mask of the damage.

An image is drawn at twice its size and averaged down. All images of a category (given by seed and name) have the same
weave and colours; light, place, tilt, thickness of the yarn and noise vary, as they do on a real production line.
"""

import zlib

import cv2
import numpy as np

from src.synthetic.damages import KINDS, Canvas, Fabric, smooth_noise

# `repeat` and `top` of a Fabric: plain weave, twill 1/2, twill 2/2.
_WEAVES = ((2, 1), (3, 1), (4, 2))
# The colours of warp and weft, RGB from 0 to 1.
_YARNS = (
    ((0.23, 0.33, 0.55), (0.80, 0.80, 0.76)),
    ((0.55, 0.44, 0.30), (0.77, 0.69, 0.55)),
    ((0.33, 0.40, 0.33), (0.62, 0.65, 0.53)),
    ((0.52, 0.25, 0.22), (0.72, 0.60, 0.52)),
    ((0.42, 0.43, 0.46), (0.70, 0.71, 0.72)),
)
_THREADS = 512  # so many threads have a thickness of their own; then the thicknesses repeat


def draw(
    category: str, seed: int, kind: str, index: int, size: int, defective: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """One image and the mask of its damage: uint8 RGB [size, size, 3] and bool [size, size].

    Args:
        category, seed: choose the fabric. Together with kind and index (from 0) they choose the image.
        kind: one of `KINDS` for a damaged piece of fabric; any other word, such as "good", for one without damage.
        size: pixels per side.
        defective: False draws the same piece of fabric before it was damaged. Outside the mask the two images are
            equal to the last bit, because the mask has every pixel that the damage touches.
    """
    category_key, kind_key = zlib.crc32(category.encode()), zlib.crc32(kind.encode())
    fabric = _fabric(np.random.default_rng([seed, category_key]), size)
    view = np.random.default_rng([seed, category_key, kind_key, index, 0])
    damage = np.random.default_rng([seed, category_key, kind_key, index, 1])
    side = 2 * size
    u, v = _thread_coordinates(view, side, fabric.pitch)
    thickness = view.normal(0, 1, (2, _THREADS)).astype(np.float32)
    light = _light(view, side)
    grain = view.normal(0, 1, (side, side)).astype(np.float32)
    noise = view.normal(0, 0.012, (size, size, 3)).astype(np.float32)

    def weave(du: np.ndarray | float = 0.0, dv: np.ndarray | float = 0.0) -> np.ndarray:
        return _weave(fabric, u + du, v + dv, thickness, grain)

    if kind in KINDS and defective:
        cloth, cover = KINDS[kind](Canvas(damage, fabric, weave, u, v, grain))
    else:
        cloth, cover = weave(), np.zeros((side, side), np.float32)
    image = cv2.resize(cloth * light[..., None], (size, size), interpolation=cv2.INTER_AREA) + noise
    mask = cv2.resize(cover, (size, size), interpolation=cv2.INTER_AREA) > 0
    return (image.clip(0, 1) * 255 + 0.5).astype(np.uint8), mask


def _fabric(rng: np.random.Generator, size: int) -> Fabric:
    """The fabric of a category, for images of `size` pixels per side."""
    repeat, top = _WEAVES[rng.integers(len(_WEAVES))]
    warp, weft = _YARNS[rng.integers(len(_YARNS))]
    tint = rng.normal(0, 0.02, 3)
    pitch = 2 * max(4.0, size / rng.uniform(26, 34))  # at least 4 pixels per thread, because finer ones would alias
    return Fabric(
        repeat=repeat,
        top=top,
        warp=(np.array(warp) + tint).astype(np.float32),
        weft=(np.array(weft) + tint).astype(np.float32),
        pitch=pitch,
    )


def _thread_coordinates(rng: np.random.Generator, side: int, pitch: float) -> tuple[np.ndarray, np.ndarray]:
    """The numbers u and v of the warp and the weft thread that each pixel lies on: float32 [side, side] each.

    The cloth lies a little tilted, at a random offset, and its threads are slightly wavy.
    """
    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    tilt = np.deg2rad(rng.normal(0, 1.5))
    u = (np.cos(tilt) * x + np.sin(tilt) * y) / pitch + rng.uniform(100, 200)
    v = (np.cos(tilt) * y - np.sin(tilt) * x) / pitch + rng.uniform(100, 200)
    u, v = u + 0.12 * smooth_noise(rng, side, 4), v + 0.12 * smooth_noise(rng, side, 4)
    return u.astype(np.float32), v.astype(np.float32)


def _light(rng: np.random.Generator, side: int) -> np.ndarray:
    """The brightness: a gain, a slope across the image, and a soft loss towards its corners. float32 [side, side]."""
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j].astype(np.float32)
    slope = rng.normal(0, 0.03, 2)
    light = rng.normal(1.0, 0.03) * (1 + slope[0] * x + slope[1] * y - 0.04 * (x * x + y * y))
    return light.astype(np.float32)


def _weave(fabric: Fabric, u: np.ndarray, v: np.ndarray, thicknesses: np.ndarray, grain: np.ndarray) -> np.ndarray:
    """The cloth under even light: float32 RGB [side, side, 3].

    Where a warp and a weft thread cross, one of them is on top. It is lit as a round thread, twisted from fibres, that
    dives under its neighbours at both ends.

    Args:
        u, v: the numbers of the warp and the weft thread that each pixel lies on, float32 [side, side].
        thicknesses: those of the warp and of the weft threads, around 0: float32 [2, threads].
        grain: the noise of the fibres, float32 [side, side].
    """
    i, j = np.floor(u).astype(int), np.floor(v).astype(int)
    across_u, across_v = u - i, v - j
    k = (j - i) % fabric.repeat
    warp_on_top = k < fabric.top
    along = np.where(
        warp_on_top,
        (k + across_v) / fabric.top,
        (fabric.repeat - 1 - k + across_u) / (fabric.repeat - fabric.top),
    )
    across = np.where(warp_on_top, across_u, across_v) - 0.5
    thickness = np.where(warp_on_top, thicknesses[0][i % _THREADS], thicknesses[1][j % _THREADS])
    round_ = np.sqrt(np.clip(1 - (across / (0.52 + 0.02 * thickness)) ** 2, 0, 1))
    dive = np.sin(np.pi * np.clip(along, 0, 1)) ** 0.5
    twist = np.sin(2 * np.pi * (np.where(warp_on_top, across_v, across_u) * 2 + across * 1.5))
    shade = (0.30 + 0.70 * round_) * (0.62 + 0.38 * dive) * (1 + 0.05 * twist + 0.035 * thickness)
    shade = shade * (1 + 0.06 * grain) + 0.05 * across
    return shade[..., None].astype(np.float32) * np.where(warp_on_top[..., None], fabric.warp, fabric.weft)
