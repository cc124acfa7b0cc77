"""The order of a report's pictures, what is counted, and that no more are kept than are shown."""

import pytest

from src.report.gallery import Gallery, tags_of
from src.report.thumbnail import Thumbnail
from src.verdict import Judge, Reading
from tests.support.reports import EMOJI, HOSTILE, JUDGE, LONG, QUOTES, add, labelled, record


def names(gallery):
    return [card.record["name"] for card in gallery.cards()]


def test_wrong_ones_come_first_the_worst_of_them_first_then_the_least_certain():
    gallery = labelled()
    assert names(gallery) == [
        *(EMOJI, "good/false", "cut/missed"),  # margins 0.48, 0.12, 0.02
        "cut/torn",  # unreadable
        *(LONG, f"good/{QUOTES}", f"cut/{HOSTILE}", "good/000"),  # margins 0.07, 0.08, 0.25, 0.5
    ]


def test_what_is_counted():
    gallery = labelled()
    assert gallery.count == gallery.shown == 8
    wanted = {"good": 4, "defective": 3, "wrong": 3, "missed": 2, "false alarm": 1, "unreadable": 1}
    assert dict(gallery.tags) == wanted
    assert dict(gallery.defects) == {"good": 3, "cut": 3, HOSTILE: 2}
    assert (gallery.missed["cut"], gallery.missed[HOSTILE], gallery.missed["good"]) == (1, 1, 0)
    assert {kind: len(scores) for kind, scores in gallery.scores.items()} == {"good": 3, "defective": 4}
    assert gallery.has_masks


def test_without_the_truth_the_most_anomalous_come_first():
    gallery = Gallery(JUDGE.pixel, JUDGE)
    for name, score in (("a", -0.9), ("b", -0.2), ("c", -0.6), ("d", -0.45)):
        add(gallery, name, score, milliseconds=score + 1)
    gallery.add({"name": "torn", "error": "cannot be read"})
    assert names(gallery) == ["torn", "b", "d", "c", "a"]
    assert dict(gallery.tags) == {"good": 2, "defective": 2, "unreadable": 1}
    assert list(gallery.times) == pytest.approx([0.1, 0.8, 0.4, 0.55])
    assert not gallery.has_masks


def test_without_verdicts_the_highest_scores_come_first():
    gallery = Gallery(JUDGE.pixel, None)
    for name, score in (("a", -0.9), ("b", -0.2), ("c", -0.6)):
        gallery.add({"name": name, "score": score, "truth": "good", "defect": "good"})
    assert names(gallery) == ["b", "c", "a"]
    assert not gallery.tags


def test_without_margins_the_distance_from_the_threshold_orders():
    judge = Judge(Reading(-0.5, None), None, "test set")
    gallery = Gallery(JUDGE.pixel, judge)
    for name, score, truth in (("a", -0.9, "good"), ("b", -0.45, "good"), ("c", -0.1, "good"), ("d", -0.6, "good")):
        gallery.add(record(name, score, truth, judge=judge))
    assert names(gallery) == ["c", "b", "d", "a"]


def test_of_more_pictures_than_are_shown_those_that_come_first_are_kept(monkeypatch):
    drawn = []
    monkeypatch.setattr(Thumbnail, "of", classmethod(lambda cls, *arrays: drawn.append(arrays)))
    gallery = Gallery(JUDGE.pixel, JUDGE, most=3)
    for number in range(100):
        add(gallery, str(number), -0.1 - number / 100)
    assert names(gallery) == ["0", "1", "2"]
    assert (gallery.count, gallery.shown, len(gallery.scores[""])) == (100, 3, 100)
    assert len(drawn) == 3  # the others were not worked on
    add(gallery, "worse", 0.5)
    assert names(gallery) == ["worse", "0", "1"]


@pytest.mark.parametrize(
    ("said", "tags"),
    [
        ({"verdict": "good", "truth": "defective"}, ("good", "wrong", "missed")),
        ({"verdict": "defective", "truth": "good"}, ("defective", "wrong", "false alarm")),
        ({"verdict": "good", "truth": "good"}, ("good",)),
        ({"verdict": "defective"}, ("defective",)),
        ({"score": 0.5}, ()),
        ({"error": "cannot be read", "truth": "good"}, ("unreadable",)),
    ],
)
def test_the_words_by_which_a_picture_is_found(said, tags):
    assert tags_of(said) == tags
