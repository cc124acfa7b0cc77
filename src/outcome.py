"""What a training leaves behind: checkpoints with the figures that they reached, the result, the curves."""

from pathlib import Path

from src import checkpoint, evaluation
from src.assessment import Assessment
from src.detector import Detector
from src.good_pictures import SOURCES
from src.metrics import THRESHOLDS
from src.order import Order
from src.plan import Plan
from src.report.curves import Course, save_curves
from src.state import Progress
from src.trust.json_file import write_sealed_json
from src.utils import log, versions
from src.verdict import Judge, constants, tell


def save_detector(path: Path, plan: Plan, detector: Detector, found: Assessment) -> None:
    """Write a checkpoint of the detector with what an evaluation found."""
    checkpoint.save_detector(
        path,
        detector,
        category=plan.options.category,
        options=plan.described(),
        epoch=found.record["epoch"],
        gt_protocol=plan.options.gt_protocol,
        thresholds={metric.name: found.record[metric.name] for metric in THRESHOLDS if metric.name in found.record},
        good_pictures=found.good,
        held_out=found.held_out or None,
        versions=versions(),
        split=plan.source.split(),
        bit_depth=plan.source.bit_depth,
        roi=plan.roi and plan.roi.text,
    )


def result_of(plan: Plan, order: Order, progress: Progress, skipped_steps: int, found: Assessment) -> dict:
    """What the JSON beside the checkpoint holds. The figures are those of the last epoch.

    Args:
        skipped_steps: steps that changed nothing because float16 gradients overflowed.
        found: by the evaluation after the last epoch.
    """
    judge, names, test = Judge.of(found.good), found.held_out, found.test
    return {
        "category": plan.options.category,
        "checkpoint": plan.files.checkpoint.name,
        "gt_protocol": plan.options.gt_protocol,
        "metrics": {name: value for name, value in found.record.items() if name != "epoch"},
        "absent": evaluation.absent(test),
        "doubtful_masks": test.doubtful_masks,
        "best_on_test": progress.best(),
        "per_defect": evaluation.figures_per_defect(test, found.maps, found.scores),
        **constants(judge, found.record),
        "errors": evaluation.errors(test, found.scores, judge),
        "seconds": round(progress.seconds, 3),
        "steps": progress.step,
        "skipped_steps": skipped_steps,
        "cpu_kernels": plan.device.kernels is not None,
        "found": plan.found.to_json(),
        "train_pictures": order.count,
        "held_out": {"share": plan.options.held_out, "seed": plan.options.seed, "pictures": len(names), "names": names},
        "test_pictures": len(test.images),
        "options": dict(plan.options.values),
        "options_left_open": list(plan.options.left_open),
        "versions": versions(),
        "losses": progress.epoch_losses(order),
        "history": progress.history,
    }


def course_of(plan: Plan, result: dict, found: Assessment) -> Course:
    """What is drawn of a training with this result."""
    labels = found.test.labels
    scores = {
        SOURCES[found.good.source]: found.good.scores,
        "good test pictures": found.scores[~labels],
        "defective test pictures": found.scores[labels],
    }
    dimensions, threshold = plan.architecture.dimensions, result["thresholds"]["image_threshold"]
    return Course(result["losses"], dimensions, result["history"], scores, threshold)


def keeps_best(plan: Plan, step: int) -> bool:
    """Whether a training that goes on from this step keeps the checkpoint that is best on the test set: where it is
    asked to, or was before it was interrupted."""
    if step == 0 and plan.group.leads:
        plan.files.best_so_far.unlink(missing_ok=True)  # of an earlier training whose state the user removed
    return plan.options.save_best or plan.files.best_so_far.exists()


def write_result(plan: Plan, result: dict, found: Assessment) -> None:
    """Write the result and its curves. The best checkpoint gets its name, and the unfinished state goes at the end.

    Args:
        found: by the evaluation after the last epoch.
    """
    files = plan.files
    if result["skipped_steps"]:
        log.info("%d of %d steps skipped: float16 gradients overflowed", result["skipped_steps"], result["steps"])
    tell(Judge.from_json(result["thresholds"], result["reading"]))
    write_sealed_json(files.result, result)
    save_curves(files.curves, course_of(plan, result, found))
    if files.best_so_far.exists():
        files.best_so_far.replace(files.best)
    elif plan.options.save_best and result["best_on_test"]:
        epoch = result["best_on_test"]["epoch"]
        log.warning("--save_best: epoch %d was best, before it was asked for; that checkpoint was not kept", epoch)
    files.state.unlink(missing_ok=True)
