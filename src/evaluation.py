"""What the anomaly maps of a test set are worth. No MindSpore here: the maps may come from any runtime."""

from pathlib import Path

import numpy as np

from src import metrics
from src.counts import sorted_negatives
from src.dataset import TestSet
from src.report.panels import ColourScale, save_panels
from src.utils import UserError, log, versions

KEPT_PIXELS = 1 << 24  # more good pixels than these (64 MB) are sorted anew for each defect type


def figures(test: TestSet, maps: np.ndarray, scores: np.ndarray) -> dict:
    """The figures of all pictures by name, of pixels only where there are masks; None where one is not defined.

    Args:
        maps: [N, S, S] float32; scores: [N] float32.

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
    good_pixels = list(sorted_negatives(maps, test.labels)) if test.masks is not None and few else None
    result = {}
    for kind in sorted(set(kinds[test.labels])):
        chosen = test.labels & (kinds == kind)
        against = good | chosen
        result[str(kind)] = {"pictures": int(chosen.sum())}
        result[str(kind)] |= metrics.image_figures(scores[against], test.labels[against])
        if test.masks is not None:
            negatives = good_pixels or sorted_negatives(maps, test.labels)
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


def defined(figures: dict) -> dict[str, float]:
    """The figures of `METRICS` that are defined, by name and in its order."""
    return {metric.name: figures[metric.name] for metric in metrics.METRICS if figures.get(metric.name) is not None}


def headline(result: dict) -> list[str]:
    """The lines that programs end with, in the form of the 2022 README; `result` as `report` makes it."""
    lines = [f"category is {result['category']}", f"masks resized as: {result['gt_protocol']}"]
    return lines + [f"{name}: {value:.5f}" for name, value in defined(result["metrics"]).items()]


def best_on_test(result: dict) -> list[str]:
    """A line on the evaluation of a training that was best on the test set, if there was one."""
    best = result["best_on_test"] or {}
    for name in metrics.DECIDING:
        if best.get(name) is not None:
            return [f"best_{name} (chosen on the test set): {best[name]:.5f} at epoch {best['epoch']}"]
    return []
