"""Energies that were written down are judged by every rule; figures over evaluations and seeds are what they say."""

import numpy as np
import pytest

from benchmarks.judgement import report
from benchmarks.judgement.judging import SCORED, Steadiness, judge
from benchmarks.judgement.rules import MAP_RULES, ORIGINAL, SCORE_RULES

SIZE, SIZES = 32, (8, 4, 2)


@pytest.fixture
def folder(tmp_path):
    """Two evaluations of four good and four defective pictures; the second sees the defects, the first nothing."""
    rng = np.random.default_rng(0)
    labels = np.repeat([False, True], 4)
    masks = np.zeros((8, SIZE, SIZE), bool)
    masks[4:, :16, :16] = True
    np.savez(tmp_path / "pictures.npz", labels=labels, masks=masks, wrong=np.array(["black", "black", "noise"]))
    for epoch, strength in ((2, 0.0), (4, 3.0)):
        arrays = {}
        for scale, size in enumerate(2 * SIZES):  # of the latents, and of the features
            test = rng.uniform(0.4, 0.6, (8, size, size)).astype(np.float32)
            test[4:, : size // 2, : size // 2] += strength
            arrays[f"test_{scale}"] = test
            arrays[f"good_{scale}"] = rng.uniform(0.4, 0.6, (5, size, size)).astype(np.float32)
            arrays[f"wrong_{scale}"] = np.full((3, size, size), 9.0, np.float32)
        np.savez(tmp_path / f"epoch_{epoch:04d}.npz", **arrays)
    return tmp_path


def test_a_training_is_judged_by_every_rule(folder):
    judged = judge(folder)
    assert judged.epochs == [2, 4]
    assert set(judged.pixel_auc) == set(judged.last) == set(map(str, MAP_RULES))
    assert set(judged.image_auc) == set(judged.wrong) == set(map(str, SCORED))
    before, after = judged.pixel_auc[str(ORIGINAL)]
    assert abs(before - 0.5) < 0.1
    assert after > 0.95
    assert judged.image_auc[str(ORIGINAL)]["maximum"][-1] == 1
    assert set(judged.image_auc[str(ORIGINAL)]) == set(SCORE_RULES)
    shares = judged.wrong[str(ORIGINAL)]
    assert shares["maximum"] == shares["deviation or level"] == {"black": 1, "noise": 1}
    assert shares["standard deviation"] == {"black": 0, "noise": 0}


def test_steadiness():
    found = Steadiness.of([[0.5, 0.9, 0.8], [0.6, 0.6, 0.7]])
    assert found.last == pytest.approx(0.75)
    assert found.over_seeds == pytest.approx(np.std([0.8, 0.7], ddof=1))
    assert found.best_less_last == pytest.approx(0.05)
    assert found.over_evaluations == pytest.approx((np.std([0.5, 0.9, 0.8]) + np.std([0.6, 0.6, 0.7])) / 2)
    assert Steadiness.of([[0.5]]).over_seeds is None


def test_the_tables_and_the_picture(folder, tmp_path):
    results = {"today": {"bottle": [judge(folder)], "screw": [judge(folder)]}}
    text = report.markdown(results, {"seeds": [1]})
    lines = [line for line in text.splitlines() if line.startswith("| today |")]
    assert len(lines) == len(MAP_RULES) + len(SCORED) * len(SCORE_RULES)
    assert all(line.count("|") == lines[0].count("|") for line in lines[: len(MAP_RULES)])
    report.write(tmp_path / "out", text, results)
    assert (tmp_path / "out/ablation.md").read_text() == text + "\n"
    assert (tmp_path / "out/ablation.png").read_bytes().startswith(b"\x89PNG")
