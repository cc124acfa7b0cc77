"""Three ways from anomaly maps to figures. `labels` [N] and `masks` [N, S, S] are bool, `maps` [N, S, S] float32."""

from collections.abc import Iterable

import numpy as np

from src import evaluation, metrics
from src.evaluation import TestSet


def every_figure(test: TestSet, maps: np.ndarray) -> dict:
    """What eval.py reports: AUROC, AP, F1-max and AUPRO, of pixels and pictures, in all and per defect type."""
    return evaluation.report("benchmark", test, maps, maps.max((1, 2)))


def two_figures(test: TestSet, maps: np.ndarray) -> tuple[float, float]:
    """Pixel AUROC and AP by `src.metrics`."""
    counts = metrics.count(maps, test.masks)
    return metrics.auroc(counts), metrics.average_precision(counts)


def scikit_learn(test: TestSet, maps: np.ndarray) -> tuple[float, float]:
    """Pixel AUROC and AP by scikit-learn, on arrays."""
    from sklearn.metrics import average_precision_score, roc_auc_score  # here: it is memory that others do not take

    truth, scores = test.masks.ravel(), maps.ravel()
    return float(roc_auc_score(truth, scores)), float(average_precision_score(truth, scores))


def python_lists(masks: Iterable[np.ndarray], maps: Iterable[np.ndarray]) -> float:
    """Pixel AUROC by scikit-learn on lists that grew by every pixel of every picture, the 2022 way."""
    from sklearn.metrics import roc_auc_score

    truth, scores = [], []
    for mask, anomaly_map in zip(masks, maps):
        truth.extend(mask.ravel().astype(np.int32))
        scores.extend(anomaly_map.ravel())
    return float(roc_auc_score(truth, scores))
