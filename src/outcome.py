"""What a training leaves behind: checkpoints with the figures that they reached, the result, the curves."""

from dataclasses import astuple
from pathlib import Path

import numpy as np

from src import checkpoint, evaluation
from src.dataset import TestSet
from src.detector import Detector
from src.order import Order
from src.plan import Plan
from src.report.curves import save_curves
from src.report.panels import ColourScale
from src.state import Progress
from src.trust.json_file import write_sealed_json
from src.utils import log, versions


def save_detector(path: Path, plan: Plan, detector: Detector, record: dict, maps: np.ndarray, test: TestSet) -> None:
    """Write a checkpoint of the detector with what an evaluation found.

    Args:
        record: the evaluation's figures and thresholds, and its epoch.
        maps: [N, S, S], its anomaly maps, from which the colour scale is taken.
        test: the test set that they are of.
    """
    checkpoint.save_detector(
        path,
        detector,
        category=plan.options.category,
        options=plan.described(),
        epoch=record["epoch"],
        gt_protocol=plan.options.gt_protocol,
        thresholds={name: record[name] for name in ("pixel_threshold", "image_threshold") if name in record},
        versions=versions(),
        split=plan.source.split(),
        colour_scale=astuple(ColourScale.of(maps, test.labels)),
    )


def result_of(
    plan: Plan,
    order: Order,
    progress: Progress,
    skipped_steps: int,
    test: TestSet,
    maps: np.ndarray,
    scores: np.ndarray,
) -> dict:
    """What the JSON beside the checkpoint holds. The figures are those of the last epoch.

    Args:
        skipped_steps: steps that changed nothing because float16 gradients overflowed.
        maps: [N, S, S], and scores: [N], of the test set after the last epoch.
    """
    last = progress.history[-1]
    return {
        "category": plan.options.category,
        "checkpoint": plan.files.checkpoint.name,
        "gt_protocol": plan.options.gt_protocol,
        "metrics": {name: value for name, value in last.items() if name != "epoch"},
        "best_on_test": progress.best(),
        "per_defect": evaluation.figures_per_defect(test, maps, scores),
        "seconds": round(progress.seconds, 3),
        "steps": progress.step,
        "skipped_steps": skipped_steps,
        "cpu_kernels": plan.device.kernels is not None,
        "train_pictures": order.count,
        "test_pictures": len(test.images),
        "options": dict(plan.options.values),
        "options_left_open": list(plan.options.left_open),
        "versions": versions(),
        "losses": progress.epoch_losses(order),
        "history": progress.history,
    }


def write_result(plan: Plan, result: dict) -> None:
    """Write the result and its curves. The best checkpoint gets its name, and the unfinished state goes at the end."""
    files = plan.files
    if result["skipped_steps"]:
        log.info("%d of %d steps skipped: float16 gradients overflowed", result["skipped_steps"], result["steps"])
    write_sealed_json(files.result, result)
    save_curves(files.curves, result["losses"], result["history"])
    if files.best_so_far.exists():
        files.best_so_far.replace(files.best)
    files.state.unlink(missing_ok=True)
