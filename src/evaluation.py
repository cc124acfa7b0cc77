"""What the anomaly maps of a test set are worth. No MindSpore here: the maps may come from any runtime."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from src import metrics
from src.counts import Arrays, sorted_negatives
from src.files import SCORES_TABLE
from src.labelled import TestSet
from src.picture_results import write_scores_table
from src.prediction import MIN_AREA, Prediction
from src.report.colours import ColourScale, Scale, scale_of
from src.report.gallery import Gallery
from src.report.page import write_report
from src.report.panels import Truth
from src.report.pictures import PictureFiles
from src.utils import log, versions
from src.verdict import Judge, constants, origin, word

KEPT_PIXELS = 1 << 24  # more good pixels than these (64 MB) are sorted anew for each defect type


def figures(test: TestSet, maps: Arrays, scores: np.ndarray) -> dict:
    """The figures of all pictures by name, of pixels only where there are masks; None where one is not defined.

    Args:
        maps: [N, H, W] float32; scores: [N] float32. All are finite.
    """
    result = metrics.image_figures(scores, test.labels)
    if test.masks is not None:
        result |= metrics.pixel_figures(maps, test.masks)
    return result


def absent(test: TestSet) -> list[str]:
    """Which figures a test set does not define, and why: a line for each group of pictures that is missing."""
    if not test.samples:
        return ["no test pictures: no figures"]
    if not test.labels.any():
        return ["no defective test pictures: no figures, which tell them from good ones"]
    said = []
    if test.labels.all():
        said.append("no good test pictures: no image-level figures, which tell defective pictures from them")
    if test.masks is None:
        said.append("no masks of the defective test pictures: no pixel-level figures")
    elif not test.masks.any():
        said.append(f"the masks mark no pixel (resized as: {test.protocol}): no pixel-level figures")
    elif test.masks.all():
        said.append(f"the masks mark every pixel (resized as: {test.protocol}): no pixel-level figures")
    return said


def errors(test: TestSet, scores: np.ndarray, judge: Judge | None) -> dict[str, int] | None:
    """How many test pictures are called wrongly (see `Judge.errors`); None where there are none, or no verdicts."""
    return None if judge is None or not test.samples else judge.errors(scores, test.labels)


def figures_per_defect(test: TestSet, maps: Arrays, scores: np.ndarray) -> dict[str, dict]:
    """The figures of each defect type against the good pictures, with the number of its pictures."""
    kinds = np.array([sample.defect for sample in test.samples])
    good = ~test.labels  # whose pixels are sorted once for all types where they are few
    few = isinstance(maps, np.ndarray) and good.sum() * maps[:1].size <= KEPT_PIXELS
    good_pixels = list(sorted_negatives(maps, test.labels)) if test.masks is not None and few else None
    result = {}
    for kind in sorted(set(kinds[test.labels])):
        chosen = test.labels & (kinds == kind)
        against = good | chosen
        result[str(kind)] = {"pictures": int(chosen.sum())}
        result[str(kind)] |= metrics.image_figures(scores[against], test.labels[against])
        if test.masks is not None:
            negatives = good_pixels or sorted_negatives(maps, test.labels)
            result[str(kind)] |= metrics.pixel_figures(*_some(maps, test.masks, chosen), negatives)
    return result


def _some(maps: Arrays, masks: Arrays, chosen: np.ndarray) -> tuple[Arrays, Arrays]:
    """Maps and masks of chosen pictures, bool [N]."""
    if isinstance(maps, np.ndarray):
        return maps[chosen], masks[chosen]
    return [maps[index] for index in np.flatnonzero(chosen)], masks.some(chosen)


def report(
    category: str,
    test: TestSet,
    maps: Arrays,
    scores: np.ndarray,
    judge: Judge | None,
    said: Sequence[Prediction],
) -> dict:
    """Everything that an evaluation says, for its JSON: figures, also per defect type, and what is said of pictures."""
    found = figures(test, maps, scores)
    return {
        "category": category,
        "gt_protocol": test.protocol,
        "metrics": found,
        "absent": absent(test),
        "doubtful_masks": test.doubtful_masks,
        "per_defect": figures_per_defect(test, maps, scores),
        "test_pictures": len(test.samples),
        **constants(judge, found),
        "errors": errors(test, scores, judge),
        "scores": {sample.name: float(score) for sample, score in zip(test.samples, scores)},
        "pictures": {each.name: each.to_json() for each in said},
        "versions": versions(),
    }


def of_pictures(
    test: TestSet,
    maps: Arrays,
    scores: np.ndarray,
    judge: Judge | None,
    milliseconds: float | None,
    min_area: int = MIN_AREA,
) -> list[Prediction]:
    """What is said of each test picture.

    Args:
        milliseconds: that the network took for each, if that is known.
    """
    found = []
    for i, sample in enumerate(test.samples):
        given = (sample.name, str(sample.picture), test.size_of(i), test.of_picture(maps[i], i), scores[i])
        found.append(Prediction.of(*given, judge, milliseconds, min_area))
    return found


def write_pictures(
    files: PictureFiles, test: TestSet, maps: Arrays, said: Sequence[Prediction], judge: Judge | None
) -> None:
    """Write the table of scores and, if asked, what is drawn of each test picture: in the model's colours or, where it
    has none, on one scale for this test set."""
    truths = [{"truth": word(bool(sample.label)), "defect": sample.defect} for sample in test.samples]
    table = files.folder / SCORES_TABLE
    write_scores_table(table, [each.to_json() | truth for each, truth in zip(said, truths)])
    log.info("scores: %s", table)
    if not (files.drawn or files.maps):
        return
    scale = _scale(test, maps, judge)
    for i, (sample, each) in enumerate(zip(test.samples, said)):
        truth = Truth(bool(sample.label), test.mask(i))
        files.write(each, sample, test.image(i), scale, judge, truth)
    log.info("pictures: %s", files.folder)


def write_page(
    path: Path, program: str, result: dict, test: TestSet, maps: Arrays, judge: Judge | None, course: dict | None
) -> None:
    """The report of an evaluation for a browser.

    Args:
        result: as `report` makes it; course: of the training, if it is known.
    """
    gallery = Gallery(_scale(test, maps, judge), judge)
    for i, sample in enumerate(test.samples):
        said = {"name": sample.name, **result["pictures"][sample.name]}
        said |= {"truth": word(sample.label), "defect": sample.defect}
        gallery.add(said, test.image(i), test.of_picture(maps[i], i), test.mask(i))
    write_report(path, program, result, gallery, course)
    log.info("report: %s", path)


def _scale(test: TestSet, maps: Arrays, judge: Judge | None) -> Scale:
    """The model's colours or, where it has none, one scale for this test set."""
    return scale_of(judge) or ColourScale.of(maps, test.labels)


def defined(figures: dict) -> dict[str, float]:
    """The figures of `METRICS` that are defined, by name and in its order."""
    return {metric.name: figures[metric.name] for metric in metrics.METRICS if figures.get(metric.name) is not None}


def headline(result: dict) -> list[str]:
    """The lines that programs end with, in the form of the 2022 README; `result` as `report` makes it."""
    lines = [f"category is {result['category']}", f"masks resized as: {result['gt_protocol']}"]
    lines += [f"{name}: {value:.5f}" for name, value in defined(result["metrics"]).items()]
    lines += result.get("absent", [])  # a result of an older version has neither this nor the errors
    return lines + ([_errors(result)] if result.get("errors") else [])


def _errors(result: dict) -> str:
    """How many pictures are called wrongly at the threshold in use."""
    errors, source = result["errors"], origin(result["reading"]["source"], result["reading"]["pictures"])
    return (
        f"at the threshold {result['thresholds']['image_threshold']:.4f} (from {source}): "
        f"{errors['missed']} of {errors['defective_pictures']} defective pictures missed, "
        f"{errors['false_alarms']} of {errors['good_pictures']} good pictures called defective"
    )


def best_on_test(result: dict) -> list[str]:
    """A line on the evaluation of a training that was best on the test set, if there was one."""
    best = result["best_on_test"] or {}
    for name in metrics.DECIDING:
        if best.get(name) is not None:
            return [f"best_{name} (chosen on the test set): {best[name]:.5f} at epoch {best['epoch']}"]
    return []
