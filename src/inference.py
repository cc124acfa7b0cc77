"""Run the detector over pictures: what eval.py and predict.py do."""

import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
from mindspore import Tensor

from src import checkpoint, evaluation
from src.config import Options
from src.data.samples import Sample, list_pictures, named
from src.data.source import Source, with_split
from src.dataset import TestSet, load_images, normalize
from src.detector import Detector
from src.encoder import ENCODERS
from src.files import SCORES, evaluation_result
from src.kernels import cells
from src.report.console import bar
from src.report.panels import ColourScale, save_panels
from src.runtime.device import Device
from src.runtime.graph_cache import GraphCache
from src.runtime.processes import ALONE, Group
from src.trust.json_file import write_sealed_json
from src.utils import UserError, check_writable, log, write_json

CHUNK = 64  # pictures that predict_folder holds at a time
CALIBRATION = 64  # training images of each process that calibrate the score


def predict(
    detector: Detector, images: np.ndarray, batch_size: int, graphs: GraphCache | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Anomaly maps [N, S, S] and scores [N], float32, of images [N, S, S, 3] uint8.

    Args:
        batch_size: images per batch. The last batch is filled up with the last image, because another batch size
            would compile the graph again; so it should not be more than all images together.
        graphs: may hold the detector's graph from an earlier run.
    """
    spec = ENCODERS[detector.architecture.backbone]
    count, size = len(images), detector.architecture.im_resize
    maps = np.empty((count, size, size), np.float32)
    scores = np.empty(count, np.float32)
    detector.set_train(False)
    if graphs is not None:
        batch = Tensor(np.zeros((batch_size, 3, size, size), np.float32))
        graphs.prepare(detector, batch, shaped_by=asdict(detector.architecture))
    for start in bar(range(0, count, batch_size), "evaluating"):
        indices = np.minimum(np.arange(start, start + batch_size), count - 1)
        batch = Tensor(normalize(images[indices], spec.mean, spec.std))
        anomaly_map, score = detector(batch)
        used = min(batch_size, count - start)
        maps[start : start + used] = anomaly_map.asnumpy()[:used, 0]
        scores[start : start + used] = score.asnumpy()[:used]
    return maps, scores


def calibrate_score(detector: Detector, images: np.ndarray, batch_size: int, group: Group = ALONE) -> None:
    """Set what the score rule "deviation" has to know of good images: the highest mean of their maps.

    Args:
        images: training images [N, S, S, 3] uint8, of which at most `CALIBRATION` are used.
        group: the processes that train together; each has its own images, and all get the same level.
    """
    if detector.architecture.score != "deviation":
        return
    some = images[:: max(1, len(images) // CALIBRATION)][:CALIBRATION]
    maps, _ = predict(detector, some, min(batch_size, len(some)))
    level = max(group.each(float(maps.mean((1, 2)).max())))
    detector.image_score.level.set_data(Tensor(np.array([level], np.float32)))


def evaluate_checkpoint(options: Options, device: Device) -> dict:
    """What `eval.py` does: load, predict, measure, write the JSON and, if asked, the panels.

    Returns:
        What the JSON holds.

    Raises:
        UserError: anything wrong with the input.
    """
    detector, trained = checkpoint.load_detector(options.ckpt_path)
    cells.install(detector, device.kernels)
    category = options.category or trained.category
    if not category:
        raise UserError(f"{options.ckpt_path} does not say its category; give --category")
    options = with_split(options, trained.split).resolved(category=category, device_target=device.target)
    path = Path(options.ckpt_path)
    target = Path(options.result_path) if options.result_path else evaluation_result(path)
    folder = Path(options.output_dir) / category
    check_writable(target, *([folder / "panel.png"] if options.save_imgs else []))
    samples, size = Source.of(options).test(), detector.architecture.im_resize
    # Pictures that are drawn later are kept, so that each is decoded once.
    test = TestSet.load(samples, size, options.gt_protocol, options.num_workers, keep=options.save_imgs)
    started = time.perf_counter()
    graphs = GraphCache.of(options.graph_cache, device)
    maps, scores = predict(detector, test.images, min(options.test_batch_size, len(samples)), graphs)
    predicted = time.perf_counter()
    result = {"checkpoint": path.name, **evaluation.report(category, test, maps, scores)}
    result["seconds_predicting"] = round(predicted - started, 3)
    result["seconds_measuring"] = round(time.perf_counter() - predicted, 3)
    result["cpu_kernels"] = device.kernels is not None
    result["options"] = dict(options.values)
    result["options_left_open"] = list(options.left_open)
    write_sealed_json(target, result)
    if options.save_imgs:
        evaluation.draw(folder, test, maps, scores, result["metrics"])
    return result


def predict_folder(options: Options, device: Device) -> dict[str, dict]:
    """What `predict.py` does: a score, a verdict and, if asked, a panel for every picture under a folder.

    The verdict is by the checkpoint's image threshold (the best F1 on its test set), the colours by its colour
    scale, so that they mean the same in every folder; a converted model has neither: no verdict, and the colours
    of the first pictures. Memory holds `CHUNK` pictures at a time.

    Returns:
        Per picture's name its score and, where there is a threshold, whether it is defective.

    Raises:
        UserError: no pictures, or panels that would be written among the pictures.
    """
    detector, trained = checkpoint.load_detector(options.ckpt_path)
    cells.install(detector, device.kernels)
    base, folder = Path(options.img_dir).resolve(), Path(options.output_dir).resolve()
    if folder == base or base in folder.parents:
        raise UserError(f"--output_dir {folder} is among the pictures of --img_dir; give a folder outside of it")
    paths = named(list_pictures(base, recursive=True), base) if base.is_dir() else {}
    if not paths:
        raise UserError(f"no pictures in {base}; give a folder of pictures as --img_dir")
    check_writable(folder / SCORES)
    thresholds = trained.thresholds or {}
    cut = thresholds.get("image_threshold")
    scale = ColourScale(*trained.colour_scale) if trained.colour_scale else None
    samples = [Sample(path, 0, "unknown", None, name) for name, path in paths.items()]
    graphs, result = GraphCache.of(options.graph_cache, device), {}
    batch_size = min(options.test_batch_size, len(samples))
    for start in range(0, len(samples), CHUNK):
        part = samples[start : start + CHUNK]
        images = load_images(part, detector.architecture.im_resize, options.num_workers)
        maps, scores = predict(detector, images, batch_size, graphs)
        for sample, score in zip(part, scores):
            result[sample.name] = {"score": float(score)} | ({} if cut is None else {"defective": bool(score >= cut)})
        scale = scale or ColourScale.of(maps, np.ones(len(maps), bool))
        if options.save_imgs:
            names = [sample.name for sample in part]
            save_panels(folder, names, images, None, None, maps, scores, scale, thresholds)
    write_json(folder / SCORES, {"threshold": cut, "pictures": result})
    log.info("scores: %s", folder / SCORES)
    return result
