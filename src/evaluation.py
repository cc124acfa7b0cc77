"""Run the detector over a test set and turn its maps into figures."""

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mindspore import Tensor

from src import checkpoint, metrics
from src.dataset import Sample, has_masks, load_images, load_masks, normalize, test_samples
from src.detector import Detector
from src.encoder import ENCODERS
from src.progress import progress
from src.utils import UserError, check_writable, log, versions, write_json
from src.visualize import ColourScale, save_panels

HEADLINE = ("pixel_auc", "image_auc", "aupro", "pixel_ap", "image_ap", "pixel_f1_max", "image_f1_max")


@dataclass(frozen=True)
class TestSet:
    """A category's test pictures, decoded once.

    images: [N, S, S, 3] uint8 RGB; masks: [N, S, S] bool, or None where the category has none; labels: [N] bool,
    true for defective; protocol: how the masks were resized.
    """

    __test__ = False  # not a test class, whatever pytest reads into the name

    samples: list[Sample]
    images: np.ndarray
    masks: np.ndarray | None
    labels: np.ndarray
    protocol: str

    @classmethod
    def load(cls, samples: list[Sample], size: int, protocol: str, workers: int) -> "TestSet":
        """Decode and resize pictures and masks in `workers` threads."""
        labels = np.array([sample.label for sample in samples], bool)
        masks = load_masks(samples, size, protocol, workers) if has_masks(samples) else None
        return cls(samples, load_images(samples, size, workers), masks, labels, protocol)


def predict(detector: Detector, images: np.ndarray, batch_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Anomaly maps [N, S, S] and scores [N], float32, of images [N, S, S, 3] uint8.

    The last batch is filled up with its own last picture: a new batch size would compile the graph again.
    """
    spec = ENCODERS[detector.architecture.backbone]
    count, size = len(images), detector.architecture.im_resize
    batch_size = min(batch_size, count)
    maps = np.empty((count, size, size), np.float32)
    scores = np.empty(count, np.float32)
    detector.set_train(False)
    for start in progress(range(0, count, batch_size), "evaluating"):
        indices = np.minimum(np.arange(start, start + batch_size), count - 1)
        anomaly_map, score = detector(Tensor(normalize(images[indices], spec.mean, spec.std)))
        used = min(batch_size, count - start)
        maps[start : start + used] = anomaly_map.asnumpy()[:used, 0]
        scores[start : start + used] = score.asnumpy()[:used]
    return maps, scores


def figures(test: TestSet, maps: np.ndarray, scores: np.ndarray) -> dict:
    """Image and (where there are masks) pixel figures; `None` where a figure is not defined.

    Raises:
        UserError: the maps hold a value that is not finite, so that no figure would mean anything.
    """
    if not (np.isfinite(maps).all() and np.isfinite(scores).all()):
        raise UserError("the network's maps hold values that are not finite; train again with a lower --lr")
    result = metrics.image_figures(scores, test.labels)
    if test.masks is not None:
        result |= metrics.pixel_figures(maps, test.masks)
    return result


def figures_per_defect(test: TestSet, maps: np.ndarray, scores: np.ndarray) -> dict[str, dict]:
    """The figures of each defect type against the good pictures, with the number of its pictures."""
    kinds = np.array([sample.defect for sample in test.samples])
    result = {}
    for kind in sorted(set(kinds[test.labels])):
        chosen = ~test.labels | (kinds == kind)
        result[str(kind)] = {"pictures": int((kinds == kind).sum())} | figures(
            TestSet(
                [sample for sample, use in zip(test.samples, chosen) if use],
                test.images[:0],
                None if test.masks is None else test.masks[chosen],
                test.labels[chosen],
                test.protocol,
            ),
            maps[chosen],
            scores[chosen],
        )
    return result


def evaluate_checkpoint(options: argparse.Namespace) -> dict:
    """What `eval.py` does: load, predict, measure, write the JSON and, if asked, the panels.

    Returns:
        What the JSON holds.

    Raises:
        UserError: anything wrong with the input.
    """
    detector, meta = checkpoint.load_detector(options.ckpt_path)
    category = options.category or meta.get("category")
    if not category:
        raise UserError(f"{options.ckpt_path} does not say its category; give --category")
    default = Path(options.ckpt_path).with_name(f"{Path(options.ckpt_path).stem}_eval.json")
    target = Path(options.result_path) if options.result_path else default
    folder = Path(options.output_dir) / category
    check_writable(target.parent, *([folder] if options.save_imgs else []))
    samples = test_samples(options.dataset_path, category)
    size = detector.architecture.im_resize
    test = TestSet.load(samples, size, options.gt_protocol, options.num_workers)
    started = time.perf_counter()
    maps, scores = predict(detector, test.images, options.test_batch_size)
    predicted = time.perf_counter()
    result = {
        "category": category,
        "checkpoint": Path(options.ckpt_path).name,
        "gt_protocol": options.gt_protocol,
        "metrics": figures(test, maps, scores),
        "per_defect": figures_per_defect(test, maps, scores),
        "test_pictures": len(samples),
        "seconds_predicting": round(predicted - started, 3),
        "seconds_measuring": round(time.perf_counter() - predicted, 3),
        "scores": {sample.name: float(score) for sample, score in zip(samples, scores)},
        "versions": versions(),
    }
    write_json(target, result)
    if options.save_imgs:
        scale = ColourScale.of(maps, test.labels)
        names = [sample.name for sample in samples]
        save_panels(folder, names, test.images, test.masks, test.labels, maps, scores, scale, result["metrics"])
        log.info("panels: %s", folder)
    return result


def headline_figures(result: dict) -> list[tuple[str, float]]:
    """The figures that a user looks at first, of those that are defined."""
    return [(name, result[name]) for name in HEADLINE if result.get(name) is not None]


def headline(category: str, result: dict) -> list[str]:
    """The lines that programs end with, in the form of the 2022 README."""
    return [f"category is {category}", *(f"{name}: {value:.5f}" for name, value in headline_figures(result))]
