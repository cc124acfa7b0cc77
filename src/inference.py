"""Run the detector over pictures: what eval.py and predict.py do."""

import math
import time
from pathlib import Path

import numpy as np

from src import checkpoint, evaluation
from src.config import Options
from src.data.samples import files_of
from src.data.source import Source, with_split
from src.dataset import TestSet, load_readable
from src.files import SCORES, evaluation_result
from src.kernels import cells
from src.report.panels import ColourScale, panel_files, save_panels, scale_of
from src.runtime.device import Device
from src.runtime.graph_cache import GraphCache
from src.scoring import CHUNK, judge_of, pictures_of, predict
from src.trust.json_file import write_sealed_json
from src.trust.names import file_name
from src.trust.outputs import check_outputs
from src.utils import UserError, log, write_json
from src.verdict import constants

SOON = 16  # pictures after which results are written, or one batch if that is more
SHARE = 20  # the file of results is written for at most one part in so many of the time


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
    options = with_split(options, trained.split).resolved(
        category=category, device_target=device.target, bit_depth=options.bit_depth or trained.bit_depth
    )
    path = Path(options.ckpt_path)
    target = Path(options.result_path) if options.result_path else evaluation_result(path)
    folder = Path(options.output_dir) / file_name(category, "category")
    source, size = Source.of(options), detector.architecture.im_resize
    _, found, (samples,) = source.look(source.test())
    found.tell()
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
    result["found"] = found.to_json()
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
    pictures at a time. Results are written as they come, so that whatever ends the program costs the last few only.

    Returns:
        By picture's name what is said of it (see `Judge.of_picture`), or `error`: why it cannot be read.

    Raises:
        UserError: no pictures, panels that would be written among the pictures, or, with `--strict`, an unreadable
            picture.
    """
    detector, trained = checkpoint.load_detector(options.ckpt_path)
    cells.install(detector, device.kernels)
    base, folder = Path(options.img_dir).resolve(), Path(options.output_dir).resolve()
    if folder == base or base in folder.parents:
        raise UserError(f"--output_dir {folder} is among the pictures of --img_dir; give a folder outside of it")
    samples, seen = pictures_of(options, "img_dir", options.bit_depth or trained.bit_depth)
    panels = panel_files(folder, [sample.name for sample in samples]) if options.save_imgs else []
    check_outputs([folder / SCORES, *panels], [options.ckpt_path, *files_of(samples)])
    graphs = GraphCache.of(options.graph_cache, device)
    batch_size = min(options.test_batch_size, len(samples))
    judge = judge_of(options, options.ckpt_path, detector, trained, batch_size, graphs)
    scale = scale_of(judge, trained.colour_scale)
    said = {**constants(judge, trained.thresholds), "found": seen.to_json()}
    scores = Scores(folder / SCORES, said, len(samples))
    # Without a scale of the model's, the colours are those of the first chunk, which has to be a large one.
    step = CHUNK if scale is None else batch_size * max(1, SOON // batch_size)
    for start in range(0, len(samples), step):
        part = samples[start : start + step]
        readable, images, unreadable = load_readable(part, detector.architecture.im_resize, options.num_workers)
        if unreadable and options.strict:
            raise UserError(next(iter(unreadable.values())))
        found = {name: {"error": text} for name, text in unreadable.items()}
        if readable:
            maps, values = predict(detector, images, batch_size, graphs)
            found |= evaluation.of_pictures(readable, values, judge)
            scale = scale or ColourScale.of(maps, np.ones(len(maps), bool))
            if options.save_imgs:
                names = [sample.name for sample in readable]
                save_panels(folder, names, images, None, None, maps, values, scale, judge)
        scores.add({sample.name: found[sample.name] for sample in part})
    log.info("scores: %s", scores.path)
    return scores.pictures


class Scores:
    """The JSON of predict.py, written while it grows: `left` pictures are not in it yet.

    Args:
        path: of the file.
        constants: what else it says: what verdicts are computed from, and what was found.
        count: of pictures that there will be.
    """

    def __init__(self, path: Path, constants: dict, count: int):
        self.path, self._constants, self._count = path, constants, count
        self.pictures: dict[str, dict] = {}
        self._written, self._seconds = -math.inf, 0.0

    def add(self, found: dict[str, dict]) -> None:
        """Add what is said of some pictures. The file is written anew, or later if that takes much of the time."""
        self.pictures |= found
        left, started = self._count - len(self.pictures), time.monotonic()
        if left and started - self._written < SHARE * self._seconds:
            return
        write_json(self.path, {**self._constants, "left": left, "pictures": self.pictures})
        self._written = time.monotonic()
        self._seconds = self._written - started
