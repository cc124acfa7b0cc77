"""Regions of a map in the original picture's pixels, and what is said of a picture."""

import json

import numpy as np
import pytest

from src.prediction import Prediction, Region, find_regions
from src.verdict import Judge, Reading

PIXEL = Reading(-0.5, -0.9)


def map_of(*blocks, size=64):
    """A map that is -0.9 but for blocks of (rows, columns, value)."""
    result = np.full((size, size), -0.9, np.float32)
    for rows, columns, value in blocks:
        result[rows, columns] = value
    return result


def test_regions_are_in_the_originals_pixels_the_largest_first():
    """640 x 400: a pixel of the map covers 10 x 6.25 of the picture."""
    small, large = (slice(0, 2), slice(60, 64), -0.5), (slice(16, 32), slice(10, 20), -0.4)
    anomaly_map = map_of(small, large)
    anomaly_map[20, 15] = -0.1
    first, second = find_regions(anomaly_map, PIXEL, (640, 400))
    peak = (155, 128)  # the middle of the map's pixel: 15.5 * 10, 20.5 * 6.25
    assert first == Region(100, 100, 100, 100, 10000, *peak, pytest.approx(-0.1))
    assert second == Region(600, 0, 40, 13, 500, 605, 3, -0.5)
    assert find_regions(anomaly_map, PIXEL, (640, 400), min_area=501) == (first,)
    assert find_regions(anomaly_map, PIXEL, (640, 400), min_area=500) == (first, second)


def test_a_region_is_connected_by_corners_and_has_its_own_peak_alone():
    corners = map_of((slice(4, 5), slice(4, 5), -0.4), (slice(5, 6), slice(5, 6), -0.3))
    corners[4, 7] = -0.2  # inside the box of neither, two columns away
    corners[2:8, 2] = corners[2, 2:12] = -0.1  # another region, whose box holds the others
    first, *others = find_regions(corners, PIXEL, (64, 64))
    assert (first.area, first.x, first.y, first.width, first.height) == (15, 2, 2, 10, 6)
    assert [(r.area, r.peak_x, r.peak_y, round(r.peak, 6)) for r in others] == [(2, 5, 5, -0.3), (1, 7, 4, -0.2)]


@pytest.mark.parametrize("size", [(7, 5), (33, 31), (64, 64), (200, 90), (5000, 3000)])
def test_boxes_stay_in_the_picture_and_hold_their_peaks(size):
    noise = np.random.default_rng(0).uniform(-1, 0, (32, 32)).astype(np.float32)
    regions = find_regions(noise, PIXEL, size)
    assert regions
    for region in regions:
        assert 0 <= region.x <= region.peak_x < region.x + region.width <= size[0]
        assert 0 <= region.y <= region.peak_y < region.y + region.height <= size[1]
        assert region.area >= 1
    whole = find_regions(np.full((32, 32), -0.2, np.float32), PIXEL, size)
    assert whole[0] == Region(0, 0, *size, size[0] * size[1], *(whole[0].peak_x, whole[0].peak_y), whole[0].peak)


def said(judge, score=-0.2, min_area=0):
    anomaly_map = map_of((slice(0, 2), slice(0, 2), score))
    return Prediction.of("a", "new/a.png", (128, 64), anomaly_map, score, judge, 12.34567, min_area)


def test_what_is_said_of_a_picture_is_json_with_the_same_keys_always():
    judge = Judge(Reading(-0.6, -0.8), PIXEL, "held out", 21, 0.01)
    whole = said(judge).to_json()
    assert (whole["file"], whole["verdict"], whole["largest_area"], whole["milliseconds"]) == (
        *("new/a.png", "defective", 8),
        12.346,
    )
    assert whole["anomaly"] == pytest.approx(1 - 0.5 / 3)
    assert whole["margin"] == whole["anomaly"] - 0.5
    assert len(whole["regions"]) == 1
    small = said(judge, min_area=9)
    assert (small.verdict, small.regions, small.largest_area) == ("defective", (), 0)
    older = said(Judge(Reading(-0.6, None), None, "test set")).to_json()
    unjudged = said(None).to_json()
    for each in (older, unjudged):
        assert list(each) == list(whole)
        assert each["anomaly"] is each["margin"] is each["regions"] is each["largest_area"] is None
    assert (older["verdict"], unjudged["verdict"]) == ("defective", None)
    json.dumps([whole, older, unjudged], allow_nan=False)
