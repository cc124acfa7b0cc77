"""Evaluate a checkpoint on a category's test set: what eval.py does."""

import time
from dataclasses import replace
from pathlib import Path

from src import checkpoint, evaluation, results
from src.config import Options
from src.data.roi import roi_for
from src.data.samples import files_of
from src.data.source import Source, with_split
from src.encoder import ENCODERS
from src.files import REPORT, SCORES_TABLE, category_folder, evaluation_result
from src.kernels import cells
from src.labelled import TestSet
from src.predictor.network import images_per_call
from src.report.pictures import PictureFiles
from src.runtime.device import Device
from src.runtime.graph_cache import GraphCache
from src.scoring import compile_graph, judge_of, predict
from src.trust.json_file import write_sealed_json
from src.trust.outputs import check_outputs
from src.utils import UserError


def evaluate_checkpoint(options: Options, device: Device) -> dict:
    """What `eval.py` does: load, predict, measure, write the JSON, the scores and, if asked, the panels.

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
    options = with_split(options, trained.split).resolved(
        category=category, device_target=device.target, bit_depth=options.bit_depth or trained.bit_depth
    )
    path = Path(options.ckpt_path)
    target = Path(options.result_path) if options.result_path else evaluation_result(path)
    folder = category_folder(options.output_dir, "eval", category)
    source, architecture = Source.of(options), detector.architecture
    framing = replace(architecture.framing, roi=roi_for(architecture.roi, trained.roi, options.roi, path))
    _, found, (samples,) = source.look(source.test())
    found.tell()
    files = PictureFiles.of(options, folder)
    pages = [folder / REPORT] if options.report else []
    outputs = [target, folder / SCORES_TABLE, *pages, *files.of_names(sample.name for sample in samples)]
    check_outputs(outputs, [options.ckpt_path, *files_of(samples)])
    # Pictures that are drawn later are kept, so that each is decoded once.
    drawn = bool(options.save_imgs or options.report)
    test = TestSet.load(samples, framing, options.gt_protocol, options.num_workers, keep=drawn)
    suitable = ENCODERS[architecture.backbone].test_batch_size
    batch_size = images_per_call(options.test_batch_size, suitable, None if framing.tiling else len(samples))
    compile_graph(detector, batch_size, GraphCache.of(options.graph_cache, device))
    judge = judge_of(options, options.ckpt_path, detector, trained, batch_size, framing)
    started = time.perf_counter()
    maps, scores = predict(detector, test.images, batch_size)
    predicted = time.perf_counter()
    each = 1000 * (predicted - started) / len(samples)
    said = evaluation.of_pictures(test, maps, scores, judge, each, options.min_area)
    result = {"checkpoint": path.name, **evaluation.report(category, test, maps, scores, judge, said)}
    result["seconds_predicting"] = round(predicted - started, 3)
    result["seconds_measuring"] = round(time.perf_counter() - predicted, 3)
    result["found"] = found.to_json()
    result["cpu_kernels"] = device.kernels is not None
    result["options"] = dict(options.values)
    result["options_left_open"] = list(options.left_open)
    write_sealed_json(target, result)
    evaluation.write_pictures(files, test, maps, said, judge)
    for page in pages:
        evaluation.write_page(page, options.program, result, test, maps, judge, results.read_course(path))
    return result
