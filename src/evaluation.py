"""A test set, and what its anomaly maps are worth. No MindSpore here: the maps may come from any runtime."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from src import metrics
from src.data.samples import Sample, has_masks
from src.dataset import load_images, load_masks
from src.report.panels import ColourScale, save_panels
from src.utils import UserError, log, versions

HEADLINE = ("pixel_auc", "image_auc", "aupro", "pixel_ap", "image_ap", "pixel_f1_max", "image_f1_max")
KEPT_PIXELS = 1 << 24  # more good pixels than these (64 MB) are sorted anew for each defect type


@dataclass(frozen=True)
class Images:
    """Pictures that are decoded when they are asked for: by index or indices, as an array [N, S, S, 3] uint8."""

    samples: list[Sample]
    size: int
    workers: int

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int | Sequence[int]) -> np.ndarray:
        if isinstance(index, int):
            return self[[index]][0]
        return load_images([self.samples[i] for i in index], self.size, self.workers)


@dataclass(frozen=True)
class TestSet:
    """A category's test pictures.

    images: [N, S, S, 3] uint8 RGB, or `Images` like that; masks: [N, S, S] bool, or None where the category has
    none; labels: [N] bool, true for defective; protocol: how the masks were resized.
    """

    __test__ = False  # not a test class, whatever pytest reads into the name

    samples: list[Sample]
    images: np.ndarray | Images
    masks: np.ndarray | None
    labels: np.ndarray
    protocol: str

    @classmethod
    def load(cls, samples: list[Sample], size: int, protocol: str, workers: int, keep: bool = True) -> "TestSet":
        """Decode and resize pictures and masks in `workers` threads; without `keep`, pictures only when asked for."""
        labels = np.array([sample.label for sample in samples], bool)
        masks = load_masks(samples, size, protocol, workers) if has_masks(samples) else None
        images = Images(samples, size, workers)
        return cls(samples, images[range(len(samples))] if keep else images, masks, labels, protocol)


def figures(test: TestSet, maps: np.ndarray, scores: np.ndarray) -> dict:
    """Image and (where there are masks) pixel figures; `None` where a figure is not defined.

    Raises:
        UserError: the maps hold a value that is not finite, so that no figure would mean anything.
    """
    if not (np.isfinite(maps.sum((1, 2))).all() and np.isfinite(scores).all()):  # sums: no copy of the maps' size
        raise UserError("the network's maps hold values that are not finite; train again with a lower --lr")
    result = metrics.image_figures(scores, test.labels)
    if test.masks is not None:
        result |= metrics.pixel_figures(maps, test.masks)
    return result


def figures_per_defect(test: TestSet, maps: np.ndarray, scores: np.ndarray) -> dict[str, dict]:
    """The figures of each defect type against the good pictures, with the number of its pictures."""
    kinds = np.array([sample.defect for sample in test.samples])
    good = ~test.labels
    few = good.sum() * maps[0].size <= KEPT_PIXELS  # then their pixels are sorted once for all types
    good_pixels = list(metrics.sorted_negatives(maps, test.labels)) if test.masks is not None and few else None
    result = {}
    for kind in sorted(set(kinds[test.labels])):
        chosen = test.labels & (kinds == kind)
        against = good | chosen
        result[str(kind)] = {"pictures": int(chosen.sum())}
        result[str(kind)] |= metrics.image_figures(scores[against], test.labels[against])
        if test.masks is not None:
            negatives = good_pixels or metrics.sorted_negatives(maps, test.labels)
            result[str(kind)] |= metrics.pixel_figures(maps[chosen], test.masks[chosen], negatives)
    return result


def report(category: str, test: TestSet, maps: np.ndarray, scores: np.ndarray) -> dict:
    """Everything that an evaluation says, for its JSON: figures, figures per defect type, score per picture."""
    return {
        "category": category,
        "gt_protocol": test.protocol,
        "metrics": figures(test, maps, scores),
        "per_defect": figures_per_defect(test, maps, scores),
        "test_pictures": len(test.samples),
        "scores": {sample.name: float(score) for sample, score in zip(test.samples, scores)},
        "versions": versions(),
    }


def draw(folder: Path, test: TestSet, maps: np.ndarray, scores: np.ndarray, thresholds: dict) -> None:
    """A panel per test picture, on one colour scale; `thresholds` as in `save_panels`."""
    scale = ColourScale.of(maps, test.labels)
    names = [sample.name for sample in test.samples]
    save_panels(folder, names, test.images, test.masks, test.labels, maps, scores, scale, thresholds)
    log.info("panels: %s", folder)


def headline_figures(result: dict) -> list[tuple[str, float]]:
    """The figures that a user looks at first, of those that are defined."""
    return [(name, result[name]) for name in HEADLINE if result.get(name) is not None]


def headline(result: dict) -> list[str]:
    """The lines that programs end with, in the form of the 2022 README; `result` as `report` makes it."""
    lines = [f"category is {result['category']}", f"masks resized as: {result['gt_protocol']}"]
    return lines + [f"{name}: {value:.5f}" for name, value in headline_figures(result["metrics"])]
