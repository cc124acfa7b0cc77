"""Evaluation without a network: a test set, and several ways from anomaly maps to figures, measured by a worker.

The other workers import the test set and the ways. Nothing here imports MindSpore or PyTorch.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from scipy import ndimage

from benchmarks.workers.worker import Worker, seconds_of, serve
from src import evaluation, metrics
from src.counts import count
from src.data.samples import Sample
from src.labelled import TestSet
from src.synthetic.damages import KINDS
from src.synthetic.fabric import draw

GOOD_EVERY = 4  # every fourth picture is good, about as in MVTec AD's bottle (20 of 83)


def make_test_set(file: Path, count: int, size: int, seed: int = 0) -> None:
    """Write generated masks and maps that find most of the defects, as one .npz.

    It holds `masks`, bool [count, size, size]; `maps`, float32 of that shape in -1..0; and `kinds` [count], the
    defects' names. A map is smooth noise, raised where the blurred mask is.
    """
    rng = np.random.default_rng(seed)
    kinds = ["good" if i % GOOD_EVERY == 0 else list(KINDS)[(i + i // GOOD_EVERY) % len(KINDS)] for i in range(count)]
    masks = np.stack([draw("fabric", seed, kind, i, size)[1] for i, kind in enumerate(kinds)])
    maps = np.empty(masks.shape, np.float32)
    for anomaly_map, mask in zip(maps, masks):
        noise = ndimage.gaussian_filter(rng.standard_normal(mask.shape), size / 64)
        strength = rng.uniform(0.5, 3) * ndimage.gaussian_filter(mask.astype(float), size / 64)
        anomaly_map[:] = -1 / (1 + np.exp(noise / noise.std() + 2 * strength - 4))
    np.savez(file, masks=masks, maps=maps, kinds=np.array(kinds))


def load_test_set(file: Path) -> TestSet:
    """The test set of a file that `make_test_set` wrote; it has no pictures, only their number."""
    with np.load(file) as arrays:
        masks, kinds = arrays["masks"], [str(kind) for kind in arrays["kinds"]]
    samples = []
    for i, kind in enumerate(kinds):
        name = f"{kind}/{i:03d}"
        samples.append(Sample(Path(name), label=int(kind != "good"), defect=kind, mask=None, name=name))
    labels = np.array([sample.label for sample in samples], bool)
    no_images = np.empty((0, 0, 0, 3), np.uint8)
    sizes = dict.fromkeys(range(len(samples)), masks.shape[:0:-1])
    return TestSet(samples, images=no_images, masks=masks, labels=labels, protocol="nearest", sizes=sizes)


def load_maps(file: Path) -> np.ndarray:
    """The maps of a file that `make_test_set` wrote, float32 [N, S, S]."""
    with np.load(file) as arrays:
        return arrays["maps"]


def every_figure(test: TestSet, maps: np.ndarray, scores: np.ndarray) -> dict:
    """What eval.py reports: AUROC, AP, F1-max and AUPRO, of pixels and pictures, in all and per defect type."""
    said = evaluation.of_pictures(test, maps, scores, None, None)
    return evaluation.report("benchmark", test, maps, scores, None, said)


def two_figures(test: TestSet, maps: np.ndarray) -> tuple[float, float]:
    """Pixel AUROC and AP as this project computes them."""
    counts = count(maps, test.masks)
    return metrics.auroc(counts), metrics.average_precision(counts)


def scikit_learn(test: TestSet, maps: np.ndarray) -> tuple[float, float]:
    """Pixel AUROC and AP by scikit-learn, on arrays."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    truth, scores = test.masks.ravel(), maps.ravel()
    return float(roc_auc_score(truth, scores)), float(average_precision_score(truth, scores))


def python_lists(masks: Iterable[np.ndarray], maps: Iterable[np.ndarray]) -> float:
    """Pixel AUROC by scikit-learn on lists of every pixel of every picture, as the 2022 original computed it."""
    from sklearn.metrics import roc_auc_score

    truth, scores = [], []
    for mask, anomaly_map in zip(masks, maps):
        truth.extend(mask.ravel().astype(np.int32))
        scores.extend(anomaly_map.ravel())
    return float(roc_auc_score(truth, scores))


def import_scikit_learn() -> None:
    """Import scikit-learn before a time is taken. No module imports it at its top: others do without its memory."""
    import sklearn.metrics  # noqa: F401


class Scoring(Worker):
    """Variants: `this` (every figure of eval.py), `this_two` (pixel AUROC and AP), `scikit_learn`, `lists`."""

    packages = ("scikit-learn", "numpy")

    def open(self, file: str) -> None:
        """Read the masks and maps of a file that `make_test_set` wrote."""
        self.test, self.maps = load_test_set(Path(file)), load_maps(Path(file))

    def measure(self, variant: str) -> float:
        """Seconds from the maps to the figures."""
        if variant in ("scikit_learn", "lists"):
            import_scikit_learn()
        ways = {
            "this": lambda: every_figure(self.test, self.maps, self.maps.max((1, 2))),
            "this_two": lambda: two_figures(self.test, self.maps),
            "scikit_learn": lambda: scikit_learn(self.test, self.maps),
            "lists": lambda: python_lists(self.test.masks, self.maps),
        }
        return seconds_of(ways[variant])


if __name__ == "__main__":
    serve(Scoring())
