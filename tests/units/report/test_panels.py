"""Panels: the verdict in front and in colour, tiles of the picture's own aspect, names that fit, a mark on the bar."""

import numpy as np
import pytest
from PIL import Image, ImageFont

from src.prediction import Prediction
from src.report import panels
from src.report.colours import ColourScale, heat_map, overlay
from src.report.panels import GREEN, LINE, MARGIN, ORANGE, PALE, RED, Truth, panel, shorten, tile_size
from src.verdict import Judge, Reading

JUDGE = Judge(Reading(-0.6, -0.8), Reading(-0.5, -0.9), "held out", 21, 0.01)
SIZE = 256  # the smallest at which a square picture's tiles are as the network saw it
TOP = 3 * LINE + MARGIN


def prediction(score, size=(SIZE, SIZE), judge=JUDGE, pixels=SIZE, name="cut/000"):
    anomaly_map = np.full((pixels, pixels), -0.9, np.float32)
    anomaly_map[: pixels // 4, pixels // 2 :] = score
    return Prediction.of(name, "a.png", size, anomaly_map, score, judge, 1.0)


def image_of(pixels=SIZE):
    return np.random.default_rng(1).integers(0, 256, (pixels, pixels, 3), dtype=np.uint8)


def shares(page, *colours):
    """How many pixels of a panel have each of these colours."""
    pixels = np.asarray(page)
    return [int((pixels == colour).all(2).sum()) for colour in colours]


def test_tiles_stand_side_by_side():
    image, mask = image_of(), np.zeros((SIZE, SIZE), bool)
    mask[10:90, 20:40] = True
    said = prediction(-0.2)
    page = np.asarray(panel(said, image, JUDGE.pixel, JUDGE, Truth(True, mask)))
    wanted = [image, np.repeat(255 * mask[..., None], 3, 2), heat_map(said.anomaly_map, JUDGE.pixel)]
    wanted.append(overlay(image, said.anomaly_map, JUDGE.pixel, -0.5))
    for i, tile in enumerate(wanted):
        left = MARGIN + i * (SIZE + MARGIN)
        np.testing.assert_array_equal(page[TOP : TOP + SIZE, left : left + SIZE], tile)
    without = panel(said, image, JUDGE.pixel, JUDGE)
    assert page.shape[1] - without.width == SIZE + MARGIN


@pytest.mark.parametrize(
    ("score", "defective", "ground", "wrong"),
    [(-0.2, True, RED, False), (-0.2, False, RED, True), (-0.7, False, GREEN, False), (-0.7, True, GREEN, True)],
)
def test_the_verdict_comes_first_in_colour_and_a_wrong_one_is_framed(score, defective, ground, wrong):
    page = panel(prediction(score), image_of(), JUDGE.pixel, JUDGE, Truth(defective, None))
    assert page.getpixel((MARGIN + 4, LINE // 2)) == ground
    red, green, orange = shares(page, RED, GREEN, ORANGE)
    assert (red > 500, green > 500, orange > 500) == (ground == RED, ground == GREEN, wrong)
    frame = {page.getpixel(place) for place in ((0, 0), (page.width - 1, page.height - 1), (0, page.height // 2))}
    assert (frame == {ORANGE}) == wrong
    unlabelled = panel(prediction(score), image_of(), JUDGE.pixel, JUDGE)
    assert shares(unlabelled, ORANGE) == [0]


def test_without_a_threshold_there_is_no_verdict_and_no_mark():
    scale = ColourScale(-0.9, -0.1)
    page = panel(prediction(-0.2, judge=None), image_of(), scale, None, Truth(True, None))
    assert page.getpixel((MARGIN + 4, LINE // 2)) == PALE
    assert shares(page, RED, GREEN, ORANGE) == [0, 0, 0]


def test_the_bar_has_its_mark_at_the_threshold():
    page = panel(prediction(-0.2), image_of(), JUDGE.pixel, JUDGE)
    left = MARGIN + 3 * (SIZE + MARGIN)
    column = np.asarray(page)[TOP : TOP + SIZE, left - 2]
    marked = np.flatnonzero((column == panels.INK).all(1))
    assert abs(marked.mean() - SIZE / 2) < 2  # the reading's middle
    bar = np.asarray(page)[TOP : TOP + SIZE, left + 3]
    np.testing.assert_array_equal(bar[[0, -1]], heat_map(np.array([[1, 0]], np.float32), ColourScale(0, 1))[0])


@pytest.mark.parametrize(
    ("size", "pixels", "wanted"),
    [
        ((320, 320), 64, (192, 192)),
        ((320, 320), 256, (256, 256)),
        ((640, 400), 256, (256, 160)),
        ((400, 640), 128, (160, 256)),
        ((10, 5000), 64, (32, 192)),
    ],
)
def test_tiles_have_the_pictures_aspect_and_small_networks_are_enlarged(size, pixels, wanted):
    assert tile_size(size, pixels) == wanted
    page = panel(prediction(-0.2, size, pixels=pixels), image_of(pixels), JUDGE.pixel, JUDGE, Truth(False, None))
    assert page.height == TOP + wanted[1] + MARGIN
    assert page.width >= panels.WIDEST_TEXT


@pytest.mark.parametrize("pixels", [32, 64, 256])
@pytest.mark.parametrize("name", ["a", "broken_large/" + 85 * "m", 40 * "\u4e2d", "x" * 3000, "a\nb\udc80"])
def test_names_fit_and_are_shortened_in_the_middle(name, pixels, monkeypatch):
    drawn = []
    monkeypatch.setattr(panels, "shorten", lambda *given: drawn.append(shorten(*given)) or drawn[-1])
    said = prediction(-0.2, pixels=pixels, name=name)
    page = panel(said, image_of(pixels), JUDGE.pixel, JUDGE)
    font = ImageFont.load_default(size=14)
    assert font.getlength(drawn[0]) + font.getlength("score -0.2000") + 2 * MARGIN < page.width
    if len(name) == 98:
        assert drawn[0].startswith("broken_")
        assert drawn[0].endswith("mmmm")
        assert "..." in drawn[0]


def test_what_fits_is_not_shortened():
    font = ImageFont.load_default(size=14)
    assert shorten("broken/000", 500, font) == "broken/000"
    assert shorten("", 500, font) == ""
    short = shorten("abcdefghij" * 5, 100, font)
    assert short.startswith("abc")
    assert short.endswith("hij")
    assert 80 < font.getlength(short) <= 100


def test_a_panel_is_a_picture(tmp_path):
    panel(prediction(-0.2), image_of(), JUDGE.pixel, JUDGE).save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as page:
        assert page.mode == "RGB"
