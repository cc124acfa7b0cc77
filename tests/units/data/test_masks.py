"""What may be wrong with masks is said: how many, and the first; those that are right stay without a word."""

import numpy as np
import pytest
from PIL import Image

from src.data.masks import NEARLY_ALL, read_mask, told
from src.data.samples import Sample
from src.labelled import TestSet
from tests.support.pictures import mask, picture

SIZE = 64


def blob(share: float) -> np.ndarray:
    """A square in the middle, with so much of all pixels."""
    marked, side = np.zeros((SIZE, SIZE), np.uint8), round(SIZE * share**0.5)
    start = (SIZE - side) // 2
    marked[start : start + side, start : start + side] = 1
    return marked


def transparent() -> Image.Image:
    image = Image.fromarray(blob(0.1) * np.uint8(255)).convert("RGBA")
    image.putalpha(0)
    return image


def scratch() -> Image.Image:
    array = np.zeros((1024, 1024), np.uint8)
    array[:, 500:503] = 255
    return Image.fromarray(array)


CASES = {
    "right.png": (Image.fromarray(blob(0.1) * np.uint8(255)), None),
    "ones.png": (Image.fromarray(blob(0.1)), None),
    "right.jpg": (Image.fromarray(blob(0.1) * np.uint8(255)), None),
    "large.png": (Image.fromarray(blob(0.8)), None),
    "empty.png": (Image.fromarray(blob(0)), "empty"),
    "empty.jpg": (Image.fromarray(blob(0)), "empty"),
    "ones.jpg": (Image.fromarray(blob(0.2)), "faint"),
    "transparent.png": (transparent(), "transparent"),
    "thin.png": (scratch(), "vanished"),
    "full.png": (Image.fromarray(blob(1)), "nearly_all"),
    "inverted.png": (Image.fromarray(1 - blob(0.05)), "nearly_all"),
    "inverted_large.png": (Image.fromarray(1 - blob(0.4)), "nearly_all"),
}


@pytest.mark.parametrize("name", CASES)
def test_doubts(tmp_path, name):
    image, doubt = CASES[name]
    image.save(tmp_path / name)
    read = read_mask(tmp_path / name, SIZE)
    assert read.doubt == doubt
    assert read.marked.any() == (doubt not in ("empty", "faint", "transparent", "vanished"))


def test_what_vanishes_depends_on_the_protocol(tmp_path):
    scratch().save(tmp_path / "thin.png")
    Image.fromarray(blob(0.1)).save(tmp_path / "ones.png")
    doubts = {
        (name, protocol): read_mask(tmp_path / name, SIZE, protocol).doubt
        for name in ("thin.png", "ones.png")
        for protocol in ("nearest", "original", "max_pool")
    }
    assert doubts == {
        ("thin.png", "nearest"): "vanished",
        ("thin.png", "original"): "vanished",
        ("thin.png", "max_pool"): None,
        ("ones.png", "nearest"): None,
        ("ones.png", "original"): "vanished",
        ("ones.png", "max_pool"): None,
    }


def test_nearly_all_is_more_than_large(tmp_path):
    rows = np.zeros((100, 100), np.uint8)
    for count, doubt in ((round(100 * NEARLY_ALL), None), (round(100 * NEARLY_ALL) + 1, "nearly_all")):
        rows[:count] = 255
        Image.fromarray(rows).save(tmp_path / "m.png")
        assert read_mask(tmp_path / "m.png", 100).doubt == doubt


def test_they_are_counted_with_the_first():
    found, lines = told({"cut/1": "empty", "cut/2": "nearly_all", "cut/3": "empty"}, 7)
    assert found == {"empty": {"count": 2, "first": "cut/1"}, "nearly_all": {"count": 1, "first": "cut/2"}}
    assert lines == [
        "warning: 2 of 7 masks mark no pixel (first: that of cut/1)",
        "warning: 1 of 7 masks mark nearly everything; are they inverted? (first: that of cut/2)",
    ]
    assert told({}, 7) == ({}, [])


def test_a_test_set_says_what_is_doubtful(tmp_path, caplog):
    samples = [Sample(picture(tmp_path / "g.png"), 0, "good", None, "good/g")]
    for name in ("a", "b", "c"):
        path = mask(tmp_path / f"{name}_mask.png")
        if name != "b":
            Image.new("L", (8, 6)).save(path)
        samples.append(Sample(picture(tmp_path / f"{name}.png"), 1, "cut", path, f"cut/{name}"))
    test = TestSet.load(samples, 16, "nearest", 2, keep=True)
    assert test.doubtful_masks == {"empty": {"count": 2, "first": "cut/a"}}
    assert caplog.messages == ["warning: 2 of 3 masks mark no pixel (first: that of cut/a)"]
    assert test.masks.any(axis=(1, 2)).tolist() == [False, False, True, False]
