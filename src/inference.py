"""Run the detector over pictures: what eval.py and predict.py do."""

import time
from pathlib import Path

import numpy as np

from src import checkpoint, evaluation
from src.config import Options
from src.data.samples import Sample, files_of, pictures_under
from src.data.source import Source, with_split
from src.dataset import TestSet, load_images
from src.files import SCORES, evaluation_result
from src.kernels import cells
from src.report.panels import ColourScale, panel_files, save_panels, scale_of
from src.runtime.device import Device
from src.runtime.graph_cache import GraphCache
from src.scoring import CHUNK, judge_of, predict
from src.trust.json_file import write_sealed_json
from src.trust.names import file_name
from src.trust.outputs import check_outputs
from src.utils import UserError, log, write_json


def evaluate_checkpoint(options: Options, device: Device) -> dict:
    """What `eval.py` does: load, predict, measure, write the JSON and, if asked, the panels.

    Returns:
        What the JSON holds.

    Raises:
        UserError: anything wrong with the input.
    """
    detector, trained = checkpoint.load_detector(options.ckpt_path)
    cells.install(detector, device.kernels, device.convolution)
    category = options.category or trained.category
    if not category:
        raise UserError(f"{options.ckpt_path} does not say its category; give --category")
    options = with_split(options, trained.split).resolved(category=category, device_target=device.target)
    path = Path(options.ckpt_path)
    target = Path(options.result_path) if options.result_path else evaluation_result(path)
    folder = Path(options.output_dir) / file_name(category, "category")
    samples, size = Source.of(options).test(), detector.architecture.im_resize
    panels = panel_files(folder, [sample.name for sample in samples]) if options.save_imgs else []
    check_outputs([target, *panels], [options.ckpt_path, *files_of(samples)])
    # Pictures that are drawn later are kept, so that each is decoded once.
    test = TestSet.load(samples, size, options.gt_protocol, options.num_workers, keep=options.save_imgs)
    graphs = GraphCache.of(options.graph_cache, device)
    batch_size = min(options.test_batch_size, len(samples))
    judge = judge_of(options, options.ckpt_path, detector, trained, batch_size, graphs)
    started = time.perf_counter()
    maps, scores = predict(detector, test.images, batch_size, graphs)
    predicted = time.perf_counter()
    result = {"checkpoint": path.name, **evaluation.report(category, test, maps, scores, judge)}
    result["seconds_predicting"] = round(predicted - started, 3)
    result["seconds_measuring"] = round(time.perf_counter() - predicted, 3)
    result["cpu_kernels"] = device.kernels is not None
    result["options"] = dict(options.values)
    result["options_left_open"] = list(options.left_open)
    write_sealed_json(target, result)
    if options.save_imgs:
        evaluation.draw(folder, test, maps, scores, judge)
    return result


def predict_folder(options: Options, device: Device) -> dict[str, dict]:
    """What `predict.py` does: a score, a verdict and, if asked, a panel for every picture under a folder.

    Verdicts and colours are by constants of the model (see `judge_of`), so that they mean the same in every folder.
    Where it has none, there are no verdicts, and the colours are those of the first pictures. Memory holds `CHUNK`
    pictures at a time.

    Returns:
        By picture's name what is said of it (see `Judge.of_picture`).

    Raises:
        UserError: no pictures, or panels that would be written among the pictures.
    """
    detector, trained = checkpoint.load_detector(options.ckpt_path)
    cells.install(detector, device.kernels, device.convolution)
    base, folder = Path(options.img_dir).resolve(), Path(options.output_dir).resolve()
    if folder == base or base in folder.parents:
        raise UserError(f"--output_dir {folder} is among the pictures of --img_dir; give a folder outside of it")
    paths = pictures_under(options.img_dir, "img_dir")
    samples = [Sample(path, 0, "unknown", None, name) for name, path in paths.items()]
    panels = panel_files(folder, list(paths)) if options.save_imgs else []
    check_outputs([folder / SCORES, *panels], [options.ckpt_path, *files_of(samples)])
    graphs, result = GraphCache.of(options.graph_cache, device), {}
    batch_size = min(options.test_batch_size, len(samples))
    judge = judge_of(options, options.ckpt_path, detector, trained, batch_size, graphs)
    scale = scale_of(judge, trained.colour_scale)
    for start in range(0, len(samples), CHUNK):
        part = samples[start : start + CHUNK]
        images = load_images(part, detector.architecture.im_resize, options.num_workers)
        maps, scores = predict(detector, images, batch_size, graphs)
        result |= evaluation.of_pictures(part, scores, judge)
        scale = scale or ColourScale.of(maps, np.ones(len(maps), bool))
        if options.save_imgs:
            names = [sample.name for sample in part]
            save_panels(folder, names, images, None, None, maps, scores, scale, judge)
    write_json(folder / SCORES, {**evaluation.constants(judge, trained.thresholds), "pictures": result})
    log.info("scores: %s", folder / SCORES)
    return result
