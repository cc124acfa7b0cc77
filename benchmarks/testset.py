"""A test set for measuring evaluation: generated masks, and maps that find most of the defects. No MindSpore here."""

from pathlib import Path

import numpy as np
from scipy import ndimage

from src.data.samples import Sample
from src.evaluation import TestSet
from src.synthetic.damages import KINDS
from src.synthetic.fabric import draw

GOOD = 4  # of so many pictures one is good, about as in MVTec AD's bottle (20 of 83)


def make(file: Path, count: int, size: int, seed: int = 0) -> None:
    """Write masks [count, size, size] bool, maps (float32, -1..0) and defect names [count] as one .npz.

    A map is smooth noise, higher under a blurred mask.
    """
    rng = np.random.default_rng(seed)
    kinds = ["good" if i % GOOD == 0 else list(KINDS)[(i + i // GOOD) % len(KINDS)] for i in range(count)]
    masks = np.stack([draw("fabric", seed, kind, i, size)[1] for i, kind in enumerate(kinds)])
    maps = np.empty(masks.shape, np.float32)
    for anomaly_map, mask in zip(maps, masks):
        noise = ndimage.gaussian_filter(rng.standard_normal(mask.shape), size / 64)
        strength = rng.uniform(0.5, 3) * ndimage.gaussian_filter(mask.astype(float), size / 64)
        anomaly_map[:] = -1 / (1 + np.exp(noise / noise.std() + 2 * strength - 4))
    np.savez(file, masks=masks, maps=maps, kinds=np.array(kinds))


def load(file: Path) -> TestSet:
    """The test set of a file that `make` wrote, without pictures."""
    with np.load(file) as arrays:
        masks, kinds = arrays["masks"], [str(kind) for kind in arrays["kinds"]]
    names = [f"{kind}/{i:03d}" for i, kind in enumerate(kinds)]
    samples = [Sample(Path(name), int(kind != "good"), kind, None, name) for name, kind in zip(names, kinds)]
    labels = np.array([sample.label for sample in samples], bool)
    return TestSet(samples, np.empty((0, 0, 0, 3), np.uint8), masks, labels, "nearest")


def load_maps(file: Path) -> np.ndarray:
    """The maps of a file that `make` wrote."""
    with np.load(file) as arrays:
        return arrays["maps"]
