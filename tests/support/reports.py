"""Galleries of drawn pictures for reports."""

import numpy as np

from src.report.gallery import Gallery
from src.verdict import Judge, Reading

SIZE = 64
JUDGE = Judge(Reading(-0.5, -0.8), Reading(-0.4, -0.9), "held out", 21, 0.01)
HOSTILE = "<script>alert(1)</script>.png"
QUOTES = 'it\'s "quoted" & <b>bold</b>.png'
EMOJI = "bottle 😀 für Ärger.png"
LONG = "l" * 94 + ".png"


def picture(size=SIZE, defect=None, seed=0):
    """An image [S, S, 3] uint8, its map [S, S] and mask [S, S] bool; `defect`: row, column and radius of one."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size]
    waves = 120 + 60 * np.sin(x / 9 + seed) + 20 * np.cos(y / 7)
    image = np.uint8(np.clip(waves[..., None] + rng.normal(0, 6, (size, size, 3)), 0, 255))
    anomaly_map, mask = np.full((size, size), -0.95, np.float32), np.zeros((size, size), bool)
    if defect is not None:
        row, column, radius = defect
        mask = (x - column) ** 2 + (y - row) ** 2 <= radius**2
        image[mask] //= 3
        anomaly_map[mask] = -0.1
    return image, anomaly_map, mask


def record(name, score, truth=None, defect=None, judge=JUDGE, **more):
    """What is said of a picture."""
    said = {"name": name, **judge.of_picture(score), **more}
    if truth is not None:
        said |= {"truth": truth, "defect": defect or truth}
    return said


def add(gallery, name, score, truth=None, defect=None, size=SIZE, **more):
    """Add a drawn picture, with a defect if it has one in truth."""
    image, anomaly_map, mask = picture(size, (size // 3, size // 2, size // 6) if truth == "defective" else None)
    gallery.add(record(name, score, truth, defect, **more), image, anomaly_map, None if truth is None else mask)


def labelled(hostile=HOSTILE, quotes=QUOTES, emoji=EMOJI, long=LONG):
    """A gallery of eight pictures: two missed, a false alarm, one unreadable, four right, with names of all kinds."""
    gallery = Gallery(JUDGE.pixel, JUDGE)
    add(gallery, "good/000", -0.8, "good")
    add(gallery, f"good/{quotes}", -0.55, "good")
    add(gallery, "good/false", -0.4, "good")
    add(gallery, f"cut/{hostile}", -0.2, "defective", "cut")
    add(gallery, long, -0.45, "defective", hostile)
    add(gallery, "cut/missed", -0.51, "defective", "cut")
    add(gallery, emoji, -0.79, "defective", hostile)
    gallery.add(
        {"name": "cut/torn", "error": f"cannot read {hostile}: truncated", "truth": "defective", "defect": "cut"}
    )
    return gallery
