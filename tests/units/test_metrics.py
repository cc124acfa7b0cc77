"""Figures against scikit-learn and, for AUPRO, against its definition written out; bounded memory."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score

from src import ROOT, metrics
from src import counts as counting
from src.counts import count, sorted_negatives
from src.data.samples import Sample
from src.evaluation import figures, figures_per_defect
from src.labelled import TestSet


def scores_and_labels(shape, levels=None, share=0.3, seed=0):
    """Random scores, higher where the label is true; on `levels` values only, so that they tie."""
    rng = np.random.default_rng(seed)
    labels = rng.random(shape) < share
    labels.flat[:2] = True, False
    scores = rng.standard_normal(shape) + labels
    if levels is not None:
        scores = np.round(scores * levels / 8)
    return scores.astype(np.float32), labels


def sklearn_figures(scores, labels):
    precision, recall, thresholds = precision_recall_curve(labels.ravel(), scores.ravel())
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    best = thresholds[np.flatnonzero(f1[:-1] > f1.max() - 1e-12)[-1]]
    below = scores[scores < best]
    return {
        "auc": roc_auc_score(labels.ravel(), scores.ravel()),
        "ap": average_precision_score(labels.ravel(), scores.ravel()),
        "f1_max": f1.max(),
        "threshold_f1_max": (best + below.max()) / 2 if below.size else best,
    }


@pytest.mark.parametrize("count", [2, 3, 10, 1000])
@pytest.mark.parametrize("levels", [None, 1, 4, 40])
def test_image_figures_are_scikit_learns(count, levels):
    for seed in range(5):
        scores, labels = scores_and_labels(count, levels, seed=seed)
        wanted = sklearn_figures(scores, labels)
        got = metrics.image_figures(scores, labels.astype(int))
        assert got == pytest.approx({f"image_{name}": value for name, value in wanted.items()}, abs=1e-9)


@pytest.mark.parametrize("chunk", [1, 50, counting.CHUNK])
@pytest.mark.parametrize("levels", [None, 4])
def test_pixel_figures_are_scikit_learns_whatever_the_chunk(monkeypatch, chunk, levels):
    monkeypatch.setattr(counting, "CHUNK", chunk)
    scores, labels = scores_and_labels((7, 6, 5), levels)
    got = metrics.pixel_figures(scores, labels)
    wanted = sklearn_figures(scores, labels) | {"auc": got["pixel_auc"]}
    assert got["pixel_auc"] == pytest.approx(roc_auc_score(labels.ravel(), scores.ravel()), abs=1e-12)
    del got["aupro"]
    assert got == pytest.approx({f"pixel_{name}": value for name, value in wanted.items()}, abs=1e-9)


def test_large_input_in_several_chunks(monkeypatch):
    monkeypatch.setattr(counting, "CHUNK", 300_000)
    scores, labels = scores_and_labels((8, 500, 250), levels=2000, share=0.02)
    counts = count(scores, labels)
    wanted = sklearn_figures(scores, labels)
    assert metrics.auroc(counts) == pytest.approx(wanted["auc"], abs=1e-9)
    assert metrics.average_precision(counts) == pytest.approx(wanted["ap"], abs=1e-9)
    assert metrics.f1_max(counts) == pytest.approx(wanted["f1_max"], abs=1e-9)
    assert metrics.f1_max_threshold(counts) == pytest.approx(wanted["threshold_f1_max"], abs=1e-9)


def test_negatives_given_sorted_count_as_if_they_were_among_the_pictures():
    scores, labels = scores_and_labels((6, 8, 8), levels=6)
    labels[:3] = False
    whole = metrics.pixel_figures(scores, labels)
    assert metrics.pixel_figures(scores[3:], labels[3:], list(sorted_negatives(scores[:3], labels[:3]))) == whole


@pytest.mark.parametrize(
    ("good", "defective", "threshold"),
    [
        ([0.1, 0.2], [0.6, 0.9], 0.4),  # separate: halfway
        ([0.1, 0.7], [0.6, 0.9], 0.35),  # a false alarm costs less than a miss here
        ([0.3, 0.5, 0.5, 0.8], [0.4, 0.6, 0.9, 1.0], 0.55),
        ([0.9, 0.9], [0.1, 0.2], 0.1),  # nothing below: all are called defective
        ([0.5], [0.5], 0.5),
        ([0.2, 0.3], [0.5, 0.3], 0.25),  # a tie of both classes at what is found
    ],
)
def test_the_best_threshold_lies_halfway_to_what_is_below_it(good, defective, threshold):
    scores = np.array(good + defective, np.float32)
    labels = np.arange(len(scores)) >= len(good)
    assert metrics.image_figures(scores, labels)["image_threshold_f1_max"] == pytest.approx(threshold, abs=1e-7)
    rng = np.random.default_rng(0)
    order = rng.permutation(len(scores))
    assert metrics.image_figures(scores[order], labels[order]) == metrics.image_figures(scores, labels)


def test_between_neighbouring_numbers_the_best_threshold_is_the_defective_ones():
    good = np.float32(0.5)
    defective = np.nextafter(good, np.float32(1))
    figures = metrics.image_figures(np.array([good, defective]), np.array([False, True]))
    assert figures["image_threshold_f1_max"] == defective


@pytest.mark.parametrize("levels", [None, 3])
def test_threshold_reaches_the_f1_that_is_reported(levels):
    for seed in range(10):
        scores, labels = scores_and_labels((4, 6, 6), levels, seed=seed)
        got = metrics.pixel_figures(scores, labels)
        found = scores >= got["pixel_threshold_f1_max"]
        f1 = 2 * (found & labels).sum() / (found.sum() + labels.sum())
        assert f1 == pytest.approx(got["pixel_f1_max"], abs=1e-12)


def brute_force_aupro(maps, masks, limit=0.3):
    """The definition: at every distinct score, the mean share found of each region; trapezoids; cut at the limit."""
    regions = []
    for i, mask in enumerate(masks):
        found, labelled = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
        regions += [(i, labelled == k) for k in range(1, found)]
    fpr, pro = [0.0], [0.0]
    for threshold in np.unique(maps)[::-1]:
        above = maps >= threshold
        fpr.append((above & ~masks).sum() / (~masks).sum())
        pro.append(np.mean([above[i][region].mean() for i, region in regions]))
    area = 0.0
    for x0, x1, y0, y1 in zip(fpr, fpr[1:], pro, pro[1:]):
        if x0 >= limit:
            break
        if x1 > limit:
            x1, y1 = limit, y0 + (y1 - y0) * (limit - x0) / (x1 - x0)
        area += (x1 - x0) * (y0 + y1) / 2
    return area / limit


def blobs(seed, count=4, size=16):
    """Masks of a few squares, some of which touch, share corners or fill a border."""
    rng = np.random.default_rng(seed)
    masks = np.zeros((count, size, size), bool)
    for mask in masks[1:]:
        for _ in range(rng.integers(1, 5)):
            y, x = rng.integers(0, size, 2)
            mask[y : y + rng.integers(1, 6), x : x + rng.integers(1, 6)] = True
    return masks


@pytest.mark.parametrize("levels", [None, 1, 3, 8, 100])
@pytest.mark.parametrize("shift", [-1, 0, 1, 4])
def test_aupro_is_the_definitions(levels, shift):
    for seed in range(3):
        masks = blobs(seed)
        maps = np.random.default_rng(seed).standard_normal(masks.shape) + shift * masks
        if levels is not None:
            maps = np.round(maps * levels / 4)
        maps = maps.astype(np.float32)
        got = metrics.pixel_figures(maps, masks)["aupro"]
        assert got == pytest.approx(brute_force_aupro(maps, masks), abs=1e-9)


@pytest.mark.parametrize("limit", [0.01, 0.3, 0.99, 1.0])
def test_aupro_with_other_limits(limit):
    masks = blobs(5)
    maps = np.round(np.random.default_rng(0).standard_normal(masks.shape) + masks, 1).astype(np.float32)
    counts = count(maps, masks, metrics.region_weights(masks))
    assert metrics.aupro(counts, limit) == pytest.approx(brute_force_aupro(maps, masks, limit), abs=1e-9)


def test_aupro_weighs_regions_and_joins_diagonal_ones():
    """A large region found and a small one missed make one half; touching at a corner they are one region."""
    masks = np.zeros((1, 12, 12), bool)
    masks[0, :6, :6] = True
    masks[0, 11, 11] = True
    maps = np.zeros(masks.shape, np.float32)
    maps[0, :6, :6] = 1
    missed_share_of_good = 0.3 / 2  # the line from (0, 1/2) to (1, 1) gains this much up to 0.3
    assert metrics.pixel_figures(maps, masks)["aupro"] == pytest.approx(0.5 + 0.5 * missed_share_of_good)
    masks[0, 11, 11], masks[0, 6, 6] = False, True
    assert metrics.pixel_figures(maps, masks)["aupro"] == pytest.approx((36 + missed_share_of_good) / 37)
    assert metrics.pixel_figures(maps, masks)["aupro"] == pytest.approx(brute_force_aupro(maps, masks))


def test_perfect_inverted_and_constant_maps():
    masks = blobs(1)
    perfect = metrics.pixel_figures(masks.astype(np.float32), masks)
    assert perfect == pytest.approx(
        {"pixel_auc": 1, "pixel_ap": 1, "pixel_f1_max": 1, "pixel_threshold_f1_max": 0.5, "aupro": 1}
    )
    inverted = metrics.pixel_figures(-masks.astype(np.float32), masks)
    share = masks.mean()
    assert inverted["pixel_auc"] == inverted["aupro"] == 0
    assert inverted["pixel_ap"] == pytest.approx(share)
    constant = metrics.pixel_figures(np.full(masks.shape, -0.5, np.float32), masks)
    assert constant["pixel_auc"] == 0.5
    assert constant["pixel_ap"] == pytest.approx(share)
    assert constant["pixel_f1_max"] == pytest.approx(2 * share / (1 + share))
    assert constant["pixel_threshold_f1_max"] == -0.5
    assert constant["aupro"] == pytest.approx(0.15)  # the diagonal up to 0.3, over 0.3


@pytest.mark.parametrize("label", [False, True])
def test_without_positives_or_negatives_nothing_is_defined(label):
    scores = np.arange(3, dtype=np.float32)
    assert set(metrics.image_figures(scores, np.full(3, label)).values()) == {None}
    maps = np.zeros((2, 3, 3), np.float32)
    assert metrics.pixel_figures(maps, np.full(maps.shape, label)) == dict.fromkeys(
        ("pixel_auc", "pixel_ap", "pixel_f1_max", "pixel_threshold_f1_max", "aupro")
    )


def category(seed=0):
    """Two good pictures among defective ones of two types, in no order, and maps for them."""
    masks = blobs(seed, count=7)
    kinds = ["hole", "cut", "good", "hole", "cut", "good", "hole"]
    labels = np.array([kind != "good" for kind in kinds])
    masks[~labels] = False
    masks[labels, 3, 4] = True
    samples = [Sample(Path(f"{i}.png"), int(kind != "good"), kind, None, str(i)) for i, kind in enumerate(kinds)]
    maps = (np.random.default_rng(seed).standard_normal(masks.shape) + masks).astype(np.float32)
    return TestSet(samples, np.empty((7, 0)), masks, labels, "nearest"), maps, maps.max((1, 2))


def test_figures_per_defect_are_those_of_its_pictures_and_the_good_ones():
    test, maps, scores = category()
    got = figures_per_defect(test, maps, scores)
    assert list(got) == ["cut", "hole"]
    kinds = np.array([sample.defect for sample in test.samples])
    for kind, pictures in (("cut", 2), ("hole", 3)):
        chosen = (kinds == kind) | (kinds == "good")
        wanted = metrics.image_figures(scores[chosen], test.labels[chosen])
        wanted |= metrics.pixel_figures(maps[chosen], test.masks[chosen])
        assert got[kind] == pytest.approx({"pictures": pictures} | wanted)


def test_without_masks_there_are_image_figures_only():
    test, maps, scores = category()
    test = TestSet(test.samples, test.images, None, test.labels, "nearest")
    assert set(figures(test, maps, scores)) == {"image_auc", "image_ap", "image_f1_max", "image_threshold_f1_max"}
    assert "pixel_auc" not in figures_per_defect(test, maps, scores)["cut"]


PEAK = """
import resource, sys
import numpy as np
from src import evaluation
from src.labelled import TestSet
from src.data.samples import Sample

count, side = 2000, int(256 * (2 * float(sys.argv[1])) ** 0.5)
kinds = ["good", "cut", "good", "hole"] * (count // 4)
labels = np.array([kind != "good" for kind in kinds])
rng = np.random.default_rng(0)
maps = np.empty((count, 256, 256), np.float32)
masks = np.zeros(maps.shape, bool)
for picture, mask, label in zip(maps, masks, labels):
    mask[:side, :side] = label
    rng.standard_normal(out=picture, dtype=np.float32)
    picture += mask
samples = [Sample(None, int(label), kind, None, "") for label, kind in zip(labels, kinds)]
test = TestSet(samples, maps[:0], masks, labels, "nearest")
scores = maps.max((1, 2))
print(evaluation.figures(test, maps, scores))
print(evaluation.figures_per_defect(test, maps, scores))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


@pytest.mark.slow
def test_two_thousand_pictures_need_less_than_two_gigabytes():
    """Half of them good, 3 % of all pixels defective: maps, masks and all figures."""
    done = subprocess.run([sys.executable, "-c", PEAK, "0.03"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) < 2e9
