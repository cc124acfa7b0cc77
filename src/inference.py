"""Run the detector over pictures: what eval.py and predict.py do."""

import argparse
import time
from pathlib import Path

import numpy as np
from mindspore import Tensor

from src import checkpoint, evaluation
from src.dataset import load_images, normalize
from src.detector import Detector
from src.encoder import ENCODERS
from src.evaluation import TestSet
from src.progress import progress
from src.samples import Sample, list_pictures, named
from src.source import Source
from src.utils import UserError, check_writable, log, write_json
from src.visualize import ColourScale, save_panels


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
    source = Path(options.ckpt_path)
    target = Path(options.result_path or source.with_name(f"{source.stem}_eval.json"))
    folder = Path(options.output_dir) / category
    check_writable(target.parent, *([folder] if options.save_imgs else []))
    options.category = category
    data = Source.of(options, meta.get("split"))
    vars(options).update(data.split())
    test = TestSet.load(data.test(), detector.architecture.im_resize, options.gt_protocol, options.num_workers)
    started = time.perf_counter()
    maps, scores = predict(detector, test.images, options.test_batch_size)
    predicted = time.perf_counter()
    result = {"checkpoint": source.name, **evaluation.report(category, test, maps, scores)}
    result["seconds_predicting"] = round(predicted - started, 3)
    result["seconds_measuring"] = round(time.perf_counter() - predicted, 3)
    result["options"] = vars(options)
    write_json(target, result)
    if options.save_imgs:
        evaluation.draw(folder, test, maps, scores, result["metrics"])
    return result


def predict_folder(options: argparse.Namespace) -> dict[str, dict]:
    """What `predict.py` does: a score, a verdict and a panel for every picture under a folder.

    The verdict is by the checkpoint's image threshold (the best F1 on its test set); a checkpoint without one
    gives none. The colour scale reaches from the median of all pixels to their 99.9th percentile, or at least
    to the pixel threshold, so that a folder of good pictures does not glow.

    Returns:
        Per picture's name its score and, where there is a threshold, whether it is defective.
    """
    detector, meta = checkpoint.load_detector(options.ckpt_path)
    base, folder = Path(options.img_dir), Path(options.output_dir)
    paths = named(list_pictures(base, recursive=True), base) if base.is_dir() else {}
    if not paths:
        raise UserError(f"no pictures in {base}; give a folder of pictures as --img_dir")
    check_writable(folder)
    samples = [Sample(path, 0, "unknown", None, name) for name, path in paths.items()]
    images = load_images(samples, detector.architecture.im_resize, options.num_workers)
    maps, scores = predict(detector, images, options.test_batch_size)
    thresholds = meta.get("thresholds", {})
    cut = thresholds.get("image_threshold")
    scale = ColourScale.of(maps, np.ones(len(maps), bool))
    scale = ColourScale(scale.low, max(scale.high, thresholds.get("pixel_threshold") or scale.high))
    result = {
        name: {"score": float(score)} | ({} if cut is None else {"defective": bool(score >= cut)})
        for name, score in zip(paths, scores)
    }
    write_json(folder / "scores.json", {"threshold": cut, "pictures": result})
    if options.save_imgs:
        save_panels(folder, list(paths), images, None, None, maps, scores, scale, thresholds)
    log.info("scores: %s", folder / "scores.json")
    return result
