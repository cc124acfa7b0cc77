"""Verdicts: the reading of scores as 0..1, who judges, and what users are told of the thresholds."""

import numpy as np
import pytest

from src.good_pictures import ROUNDING, GoodPictures
from src.verdict import Judge, Reading, named_f1_max, word


def test_the_reading_has_its_formulas_values():
    reading = Reading(threshold=0.5, typical=0.25)
    values = [-1, 0.25, 0.375, 0.5, 0.75, 1.0, 1e9]
    assert reading(values) == pytest.approx([0, 0, 0.25, 0.5, 0.75, 1 - 0.5 / 3, 1], abs=1e-6)
    assert reading(np.zeros((2, 3), np.float32)).shape == (2, 3)
    below = np.nextafter(np.float32(0.5), np.float32(0))
    assert Reading(0.5, -1e4)(below) < 0.5 == Reading(0.5, -1e4)(np.float32(0.5))


@pytest.mark.parametrize(("threshold", "typical"), [(0.5, 0.25), (-0.5, -0.9), (1e-5, 0.0), (1e6, -1e6)])
def test_the_reading_rises_from_0_to_1_and_is_one_half_at_the_threshold(threshold, typical):
    reading = Reading(threshold, typical)
    width = threshold - typical
    with np.errstate(all="raise"):
        found = reading(np.linspace(typical - width, threshold + 20 * width, 5000))
    assert (np.diff(found) >= 0).all()
    assert (np.diff(found[found > 0]) > 0).all()
    assert found.min() == 0
    assert 0.95 < found.max() < 1
    assert reading(threshold) == 0.5
    step = 1e-3 * width  # no kink
    assert reading(threshold + step) - 0.5 == pytest.approx(0.5 - reading(threshold - step), rel=1e-2)


@pytest.mark.parametrize("value", [-1.0, 0.0, 0.25, 1000.0])
@pytest.mark.parametrize("count", [1, 30])
def test_good_pictures_that_are_all_alike_are_good(value, count):
    judge = Judge.of(GoodPictures("held out", (value,) * count, (value,) * count, 0.01))
    with np.errstate(all="raise"):
        assert judge.of_picture(np.float32(value)) == {"score": value, "verdict": "good", "anomaly": 0, "margin": 0.5}
        worse = judge.of_picture(value + 0.1 * max(1, abs(value)))
    assert worse["verdict"] == "defective"
    assert 0.99 < worse["anomaly"] < 1


@pytest.mark.parametrize("share", [0.01, 0.1, 0.25, 0.5])
@pytest.mark.parametrize("count", [1, 2, 3, 20, 21])
def test_what_is_typical_is_below_the_threshold(count, share):
    scores = tuple(np.random.default_rng(count).random(count).tolist())
    judge = Judge.of(GoodPictures("held out", scores, scores, share))
    assert judge.image.typical == np.median(scores) < judge.image.threshold
    assert Judge.from_json(judge.thresholds(), judge.reading()) == judge


def test_another_share_of_false_alarms_needs_no_pictures():
    scores = tuple(np.arange(99) / 128)
    good = GoodPictures("held out", scores, scores[::-1], 0.01)
    assert Judge.of(good) == Judge.of(good, 0.01)
    assert Judge.of(good).image.threshold == pytest.approx(98 / 128 + ROUNDING, abs=1e-7)
    other = Judge.of(good, 0.1)
    assert other.image.threshold == other.pixel.threshold == pytest.approx(89 / 128 + ROUNDING, abs=1e-7)
    assert (other.false_alarms, other.pictures) == (0.1, 99)


def test_anomaly_verdict_and_margin_agree():
    judge = Judge(Reading(0.5, 0.25), None, "given", 5, 0.1)
    for score in np.linspace(0, 1, 257, dtype=np.float32):
        said = judge.of_picture(score)
        assert list(said) == ["score", "verdict", "anomaly", "margin"]
        assert said["verdict"] == word(said["anomaly"] >= 0.5) == ("defective" if score >= 0.5 else "good")
        assert said["margin"] == pytest.approx(abs(said["anomaly"] - 0.5))
    assert judge.in_words(0.375) == "good, anomaly 0.25"
    assert Judge(Reading(0.5, None), None, "test set").of_picture(0.5) == {"score": 0.5, "verdict": "defective"}


def test_errors_are_counted_on_both_sides():
    judge = Judge(Reading(0.5, 0.25), None, "held out", 21, 0.01)
    labels = np.array([True, True, True, False, False])
    found = judge.errors(np.array([0.4, 0.5, 0.9, 0.5, 0.1], np.float32), labels)
    assert found == {"missed": 1, "defective_pictures": 3, "false_alarms": 1, "good_pictures": 2}


def test_a_test_sets_thresholds_give_verdicts_and_no_reading():
    thresholds = {"image_threshold_f1_max": 0.5, "pixel_threshold_f1_max": -0.25}
    judge = Judge.of_test_set(thresholds)
    assert judge == Judge(Reading(0.5, None), Reading(-0.25, None), "test set")
    assert Judge.from_json(judge.thresholds(), judge.reading()) == judge
    assert Judge.of_test_set({"image_threshold_f1_max": 0.5}).pixel is None
    for nothing in (None, {}, {"image_threshold_f1_max": None}):
        assert Judge.of_test_set(nothing) is None
    assert named_f1_max({"image_threshold": 0.5, "pixel_threshold_f1_max": -0.25}) == thresholds


def remarks(count, source="held out", share=0.01):
    values = tuple(np.arange(count) / 1024)
    return Judge.of(GoodPictures(source, values, values, share)).remarks()


def test_what_users_are_told_of_the_thresholds():
    assert remarks(99) == remarks(20, share=0.05) == []
    assert remarks(21) == [
        "21 held-out good pictures allow no less than 4.5 % false alarms; 1 % needs 99",
    ]
    assert remarks(3, "given", 0.07) == ["3 given good pictures allow no less than 25 % false alarms; 7 % needs 14"]
    first, second = remarks(48, "training")
    assert first == (
        "the thresholds are from 48 training pictures: none is held out, so new good pictures score higher: more than "
        "wanted will be called defective"
    )
    assert second == "48 training pictures allow no less than 2 % false alarms; 1 % needs 99"
    assert Judge.of_test_set({"image_threshold_f1_max": 0.5}).remarks() == [
        "the thresholds are from the best F1 on a test set, so from defective pictures; train again for better ones"
    ]
