"""A picture in a report: what its layers show, where its outlines are, and how many bytes it takes."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from src.report.thumbnail import HEAT_BYTES, PICTURE_BYTES, POINTS, Thumbnail, outline
from tests.support.reports import JUDGE, picture


def pixels(address):
    """The image that is in a `data:` address."""
    head, coded = address.split(",")
    assert head == "data:image/webp;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(coded)))).astype(int)


def thumbnail(image, anomaly_map, mask=None, threshold=JUDGE.pixel.threshold):
    return Thumbnail.of(image, anomaly_map, mask, JUDGE.pixel, threshold)


def points(path):
    return [[tuple(map(float, point.split())) for point in part.split("L")] for part in re.findall(r"M([^Z]*)Z", path)]


def test_the_layers_are_the_picture_and_its_heat():
    image, anomaly_map, mask = picture(64, (20, 40, 9))
    seen = thumbnail(image, anomaly_map, mask)
    shown = pixels(seen.picture)
    assert shown.shape == image.shape
    assert np.abs(shown - image).mean() < 12
    heat = pixels(seen.heat)
    red, blue, cover = heat[20, 40, 0], heat[20, 40, 2], heat[20, 40, 3]
    assert red > blue + 80  # hot
    assert cover > heat[60, 5, 3] + 50
    assert heat[60, 5, 3] > 0  # a cold place is covered too, so that one sees that it is cold
    assert max(heat[60, 5, :2]) < 90


def test_a_large_picture_becomes_small_and_keeps_its_shape():
    image = np.full((400, 640, 3), 200, np.uint8)
    seen = thumbnail(image, np.full((400, 640), -0.9, np.float32))
    assert (seen.width, seen.height, seen.box) == (256, 160, "0 0 640 400")
    assert pixels(seen.picture).shape == (160, 256, 3)
    assert seen.found == seen.marked == ""


def test_outlines_go_around_what_is_at_or_above_the_threshold_and_around_the_mask():
    image, anomaly_map, mask = picture(64)
    anomaly_map[10:30, 20:41] = np.float32(JUDGE.pixel.threshold)
    mask[50:52, 5:8] = True
    seen = thumbnail(image, anomaly_map, mask)
    assert sorted(points(seen.found)[0]) == [(20.5, 10.5), (20.5, 29.5), (40.5, 10.5), (40.5, 29.5)]
    assert sorted(points(seen.marked)[0]) == [(5.5, 50.5), (5.5, 51.5), (7.5, 50.5), (7.5, 51.5)]
    assert thumbnail(image, anomaly_map, None, None).found == ""


def test_holes_are_outlined_too():
    where = np.zeros((100, 100), bool)
    where[20:80, 20:80] = True
    where[40:60, 40:60] = False
    assert len(points(outline(where))) == 2


@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_outlines_of_noise_stay_short(share):
    path = outline(np.random.default_rng(0).random((256, 256)) < share)
    assert 0 < sum(map(len, points(path))) <= POINTS


def test_pictures_of_noise_stay_small():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (256, 256, 3), dtype=np.uint8)
    seen = thumbnail(image, -rng.random((256, 256), dtype=np.float32), rng.random((256, 256)) < 0.5)
    for address, most in ((seen.picture, PICTURE_BYTES), (seen.heat, HEAT_BYTES)):
        assert len(base64.b64decode(address.split(",")[1])) <= most
    assert sum(len(text) for text in (seen.picture, seen.heat, seen.found, seen.marked)) < 28_000
