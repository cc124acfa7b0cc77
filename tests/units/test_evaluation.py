"""What an evaluation does with its pictures, and what it says at the end. (Figures: test_metrics.py.)"""

from pathlib import Path

import numpy as np
import pytest

from src import dataset, evaluation
from src.data.layouts import samples_for_testing
from src.data.samples import Sample
from src.labelled import TestSet
from src.report.pictures import PictureFiles
from src.verdict import Judge, Reading, constants
from tests.support.pictures import mvtec
from tests.support.programs import files

SIZE = 16


@pytest.fixture
def decoded(monkeypatch):
    """The pictures that were decoded, in order."""
    found, load = [], dataset.open_rgb

    def counting(path, *given):
        found.append(Path(path))
        return load(path, *given)

    monkeypatch.setattr(dataset, "open_rgb", counting)
    return found


@pytest.mark.parametrize("keep", [True, False])
def test_panels_decode_each_picture_once(tmp_path, decoded, keep):
    """Kept pictures were decoded for the network; others are decoded for their panel."""
    mvtec(tmp_path / "data")
    samples = samples_for_testing(tmp_path / "data", "nut", "mvtec")
    test = TestSet.load(samples, SIZE, "nearest", 1, keep=keep)
    assert len(decoded) == (len(samples) if keep else 0)
    if keep:
        np.testing.assert_array_equal(test.images[[0, 2]], np.stack([test.images[0], test.images[2]]))
    maps = np.linspace(-1, 0, len(samples) * SIZE * SIZE, dtype=np.float32).reshape(-1, SIZE, SIZE)
    said = evaluation.of_pictures(test, maps, maps.max((1, 2)), None, None)
    assert {each.size for each in said} == {(8, 6)}
    evaluation.write_pictures(PictureFiles(tmp_path / "panels", "panel", "npy"), test, maps, said, None)
    assert sorted(decoded) == sorted(sample.picture for sample in samples)
    written = [f"{sample.name}{ending}" for sample in samples for ending in (".png", ".npy")]
    assert files(tmp_path / "panels") == sorted([*written, "scores.csv"])
    np.testing.assert_array_equal(np.load(tmp_path / "panels" / f"{samples[1].name}.npy"), maps[1])


@pytest.mark.parametrize(
    ("labels", "masks", "lines"),
    [
        ("", None, ["no test pictures: no figures"]),
        ("00", None, ["no defective test pictures: no figures, which tell them from good ones"]),
        ("01", None, ["no masks of the defective test pictures: no pixel-level figures"]),
        ("01", [0, 0], ["the masks mark no pixel (resized as: nearest): no pixel-level figures"]),
        ("01", [0, 0.5], []),
        ("11", [0.5, 0.5], ["no good test pictures: no image-level figures, which tell defective pictures from them"]),
        (
            "1",
            [1],
            [
                "no good test pictures: no image-level figures, which tell defective pictures from them",
                "the masks mark every pixel (resized as: nearest): no pixel-level figures",
            ],
        ),
    ],
)
def test_each_missing_group_is_said_where_its_figures_are_absent(labels, masks, lines):
    samples = [Sample(Path(f"{i}.png"), int(label), "cut", None, str(i)) for i, label in enumerate(labels)]
    truth = None if masks is None else np.stack([np.arange(16).reshape(4, 4) < 16 * share for share in masks])
    images, sizes = np.zeros((len(labels), 4, 4, 3), np.uint8), dict.fromkeys(range(len(labels)), (4, 4))
    test = TestSet(samples, images, truth, np.array([*labels]) == "1", "nearest", sizes)
    assert evaluation.absent(test) == lines
    maps = np.random.default_rng(0).random((len(labels), 4, 4), np.float32)
    scores = np.arange(len(labels), dtype=np.float32)
    found = evaluation.figures(test, maps, scores)
    for level in ("image", "pixel"):
        missing = found.get(f"{level}_auc") is None
        assert missing == any(f"no {level}-level" in line or "no figures" in line for line in lines)
    said = evaluation.of_pictures(test, maps, scores, None, None)
    report = evaluation.report("nut", test, maps, scores, None, said)
    assert [line for line in evaluation.headline(report) if line in lines] == report["absent"] == lines


def test_what_programs_end_with():
    figures = {"image_auc": 0.75, "pixel_auc": 0.5, "aupro": None, "pixel_threshold_f1_max": -0.1}
    result = {"category": "nut", "gt_protocol": "nearest", "metrics": figures, "errors": None}
    lines = ["category is nut", "masks resized as: nearest", "pixel_auc: 0.50000", "image_auc: 0.75000"]
    assert evaluation.headline(result) == lines
    judge = Judge(Reading(0.25, 0.1), None, "held out", 21, 0.01)
    result |= constants(judge, figures)
    result["errors"] = judge.errors(np.array([0.1, 0.25, 0.9, 0.2], np.float32), np.array([False, False, True, True]))
    said = "1 of 2 defective pictures missed, 1 of 2 good pictures called defective"
    assert evaluation.headline(result)[4:] == [f"at the threshold 0.2500 (from 21 held-out good pictures): {said}"]
    del result["errors"]  # of an older version
    assert evaluation.headline(result) == lines
    result["errors"] = judge.errors(np.array([0.1, 0.25, 0.9, 0.2], np.float32), np.array([False, False, True, True]))
    result |= constants(Judge(Reading(0.25, None), None, "test set"), figures)
    assert evaluation.headline(result)[4:] == [f"at the threshold 0.2500 (from the best F1 on a test set): {said}"]


def test_the_constants_show_the_best_f1_beside_what_is_in_use():
    figures = {"image_threshold_f1_max": 0.5, "pixel_threshold_f1_max": None, "image_auc": 1.0}
    beside = {"image_threshold_f1_max": 0.5}
    assert constants(None, figures) == {"thresholds": beside, "reading": None}
    judge = Judge(Reading(0.25, 0.1), Reading(-0.5, -0.75), "held out", 21, 0.01)
    found = constants(judge, figures)
    assert found["thresholds"] == {"image_threshold": 0.25, "pixel_threshold": -0.5} | beside
    assert Judge.from_json(found["thresholds"], found["reading"]) == judge


@pytest.mark.parametrize(
    ("best", "line"),
    [
        (
            {"epoch": 3, "pixel_auc": 0.5, "image_auc": 0.9},
            "best_pixel_auc (chosen on the test set): 0.50000 at epoch 3",
        ),
        (
            {"epoch": 2, "pixel_auc": None, "image_auc": 1},
            "best_image_auc (chosen on the test set): 1.00000 at epoch 2",
        ),
    ],
)
def test_the_best_is_named_as_chosen_on_the_test_set(best, line):
    assert evaluation.best_on_test({"best_on_test": best}) == [line]
    assert evaluation.best_on_test({"best_on_test": None}) == []
