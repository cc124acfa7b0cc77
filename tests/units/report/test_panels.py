"""Panels: their tiles, one colour scale for all of a run, the line around what was found; the curves."""

import numpy as np
import pytest
from PIL import Image

from src.report import panels
from src.report.curves import save_curves
from src.report.panels import HEADER, MARGIN, ColourScale, heat_map, overlay, panel, save_panels, scale_of
from src.verdict import Judge, Reading

SIZE = 64


def maps_with_a_defect():
    """Two good maps of low noise and one with a hot square, labels and masks, as the network's maps: -1..0."""
    rng = np.random.default_rng(0)
    maps = (-0.95 + 0.03 * rng.random((3, SIZE, SIZE))).astype(np.float32)
    masks = np.zeros(maps.shape, bool)
    masks[2, 10:30, 20:40] = True
    maps[masks] = -0.2
    return maps, np.array([False, False, True]), masks


def tile(page, index):
    """A panel's tile, [S, S, 3] uint8."""
    left = MARGIN + index * (SIZE + MARGIN)
    return np.asarray(page)[2 * HEADER : 2 * HEADER + SIZE, left : left + SIZE]


def test_a_good_picture_stays_cold_where_a_defect_is_hot():
    maps, labels, masks = maps_with_a_defect()
    scale = ColourScale.of(maps, labels)
    assert scale.low == pytest.approx(np.percentile(maps[:2], 99), abs=0.002)
    assert scale.high == pytest.approx(-0.2)
    good, bad = scale(maps[0]), scale(maps[2])
    assert good.max() < 0.01
    assert bad[masks[2]].min() > 0.99
    assert bad[~masks[2]].max() < 0.01
    heat = heat_map(maps[2], scale).astype(int)
    assert heat.shape == (SIZE, SIZE, 3)
    red, blue = heat[..., 0], heat[..., 2]
    assert (red > blue)[masks[2]].all()
    assert np.abs(heat_map(maps[0], scale).astype(int) - heat[0, 0]).max() < 10  # one colour, the coldest


def test_a_set_of_only_defective_pictures_has_a_scale():
    maps, _, _ = maps_with_a_defect()
    scale = ColourScale.of(maps, np.full(3, True))
    assert scale.low == pytest.approx(np.median(maps), abs=0.005)
    assert scale.high > -0.3
    assert 0 < scale(maps).mean() < 0.8


def test_good_pictures_alone_stay_cold():
    maps = maps_with_a_defect()[0][:2]
    scale = ColourScale.of(maps, np.full(2, False))
    assert scale.low == pytest.approx(np.percentile(maps, 99), abs=0.002)
    assert (scale(maps) > 0).mean() < 0.03


@pytest.mark.parametrize("labels", [[False, True], [True, True], [False, False]])
@pytest.mark.parametrize("value", [-1.0, -0.5, 0.0])
def test_constant_maps_are_cold_and_divide_by_no_zero(labels, value):
    maps = np.full((2, 16, 16), value, np.float32)
    with np.errstate(all="raise"):
        scale = ColourScale.of(maps, np.array(labels))
        shown = scale(maps)
    assert shown.dtype == np.float32
    assert (shown == 0).all()


def test_the_scale_clips():
    shown = ColourScale(-0.9, -0.5)(np.array([-1, -0.9, -0.7, -0.5, 0], np.float32))
    np.testing.assert_allclose(shown, [0, 0, 0.5, 1, 1], atol=1e-6)


def test_the_line_encloses_what_is_at_or_above_the_threshold():
    picture = np.full((SIZE, SIZE, 3), 90, np.uint8)
    anomaly_map = np.full((SIZE, SIZE), -0.9, np.float32)
    anomaly_map[10:30, 20:40] = -0.5
    anomaly_map[50, 50] = -0.5
    scale = ColourScale(-0.4, 0.0)  # nothing glows, so that only the line changes the picture
    drawn = (overlay(picture, anomaly_map, scale, threshold=float(np.float32(-0.5))) != 90).any(2)
    wanted = np.zeros((SIZE, SIZE), bool)
    wanted[10:30, 20:40] = True
    wanted[11:29, 21:39] = False
    wanted[50, 50] = True
    np.testing.assert_array_equal(drawn, wanted)
    for threshold in (-0.49, None):
        np.testing.assert_array_equal(overlay(picture, anomaly_map, scale, threshold), picture)


def test_the_overlay_leaves_the_cold_picture_and_colours_the_hot():
    maps, labels, masks = maps_with_a_defect()
    scale = ColourScale.of(maps, labels)
    picture = np.full((SIZE, SIZE, 3), 90, np.uint8)
    mixed = overlay(picture, maps[2], scale, None).astype(int)
    assert np.abs(mixed[~masks[2]] - 90).max() <= 2
    np.testing.assert_allclose(mixed[masks[2]], 0.4 * 90 + 0.6 * heat_map(maps[2], scale)[masks[2]], atol=2)


def test_a_panel_holds_its_tiles_side_by_side():
    tiles = [(f"tile {i}", np.full((SIZE, SIZE, 3), 10 * i, np.uint8)) for i in range(3)]
    page = panel("title", tiles)
    assert page.size == (MARGIN + 3 * (SIZE + MARGIN), 2 * HEADER + SIZE + MARGIN)
    for i in range(3):
        assert (tile(page, i) == 10 * i).all()
    head = np.asarray(page)[: 2 * HEADER]
    assert (head < 128).any()  # the texts


def test_panels_of_a_test_set(tmp_path):
    maps, labels, masks = maps_with_a_defect()
    images = np.random.default_rng(1).integers(0, 256, (3, SIZE, SIZE, 3), dtype=np.uint8)
    scale = ColourScale.of(maps, labels)
    judge = Judge(Reading(-0.6, -0.9), Reading(-0.5, -0.9), "held out", 21, 0.01)
    names = ["good/000", "good/001", "cut/000"]
    save_panels(tmp_path, names, images, masks, labels, maps, maps.max((1, 2)), scale, judge)
    assert sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*.*")) == sorted(
        f"{n}.png" for n in names
    )
    for i, name in enumerate(names):
        page = Image.open(tmp_path / f"{name}.png").convert("RGB")
        assert page.width == MARGIN + 4 * (SIZE + MARGIN)
        np.testing.assert_array_equal(tile(page, 0), images[i])
        np.testing.assert_array_equal(tile(page, 1), np.repeat(255 * masks[i][..., None], 3, 2))
        np.testing.assert_array_equal(tile(page, 2), heat_map(maps[i], scale))
        np.testing.assert_array_equal(tile(page, 3), overlay(images[i], maps[i], scale, -0.5))


def test_panels_without_masks_labels_and_thresholds(tmp_path):
    maps, labels, _ = maps_with_a_defect()
    images = np.zeros((3, SIZE, SIZE, 3), np.uint8)
    scale = ColourScale.of(maps, labels)
    save_panels(tmp_path, ["a", "b", "c"], images, None, None, maps, maps.max((1, 2)), scale, None)
    page = Image.open(tmp_path / "c.png")
    assert page.width == MARGIN + 3 * (SIZE + MARGIN)
    np.testing.assert_array_equal(tile(page, 1), heat_map(maps[2], scale))


def titles(folder, monkeypatch, judge, labels):
    """The titles of the panels of a good and a defective picture with the scores -0.9 and -0.2."""
    said = []
    monkeypatch.setattr(panels, "panel", lambda title, tiles: said.append(title) or panel(title, tiles))
    maps, _, _ = maps_with_a_defect()
    images, scores = np.zeros((2, SIZE, SIZE, 3), np.uint8), np.array([-0.9, -0.2], np.float32)
    panels.save_panels(folder, ["a", "b"], images, None, labels, maps[1:], scores, ColourScale(-1, 0), judge)
    return said


def test_titles_say_verdict_anomaly_and_truth(tmp_path, monkeypatch):
    labels = np.array([False, True])
    judge = Judge(Reading(-0.6, -0.8), None, "held out", 21, 0.01)
    assert titles(tmp_path, monkeypatch, judge, labels) == [
        "a   score -0.900   good, anomaly 0.00   (truth: good)",
        "b   score -0.200   defective, anomaly 0.83   (truth: defective)",
    ]
    judge = Judge(Reading(-0.6, None), None, "test set")
    assert titles(tmp_path, monkeypatch, judge, None) == ["a   score -0.900   good", "b   score -0.200   defective"]
    assert titles(tmp_path, monkeypatch, None, None) == ["a   score -0.900", "b   score -0.200"]


def test_colours_are_the_models_reading_and_the_threshold_is_in_their_middle():
    judge = Judge(Reading(-0.6, -0.8), Reading(-0.5, -0.9), "held out", 21, 0.01)
    scale = scale_of(judge, (-1.0, 0.0))
    assert scale(np.array([-1, -0.9, -0.7, -0.5, -0.1], np.float32)) == pytest.approx([0, 0, 0.25, 0.5, 0.75], abs=1e-6)
    maps, _, masks = maps_with_a_defect()
    assert scale(maps[:2]).max() == 0
    assert scale(maps[2])[masks[2]].min() > 0.7
    older = Judge(Reading(-0.6, None), Reading(-0.5, None), "test set")
    assert scale_of(older, (-0.9, -0.1)) == ColourScale(-0.9, -0.1)
    for judge in (None, older, Judge(Reading(-0.6, -0.8), None, "held out", 21, 0.01)):
        assert scale_of(judge) is None


@pytest.mark.parametrize(
    "history",
    [
        [],
        [{"epoch": 1, "pixel_auc": 0.5, "image_auc": 0.6, "aupro": None}, {"epoch": 2, "pixel_auc": 0.9}],
        [{"epoch": 2, "image_auc": 1.0}],
    ],
)
def test_curves_are_written_whatever_was_evaluated(tmp_path, history):
    save_curves(tmp_path / "run.png", [3.0, 2.0], history)
    with Image.open(tmp_path / "run.png") as image:
        pixels = np.asarray(image.convert("RGB"))
    blue = (np.abs(pixels.astype(int) - (31, 119, 180)).max(2) < 8).sum(0)
    half = 495  # pixels: a plot's width
    assert pixels.shape[1] == (2 * half if history else half)
    assert blue[:half].sum() > 50  # the loss
    assert (blue[half:].sum() > 0) == bool(history)  # the first of the evaluated figures
