"""One colour scale for all of a run, heat maps, and overlays with a line around what was found."""

import numpy as np
import pytest

from src.report.colours import EDGE, LINE, ColourScale, enlarged, heat_map, overlay, scale_of
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
    drawn = overlay(picture, anomaly_map, scale, threshold=float(np.float32(-0.5)))
    wanted = np.zeros((SIZE, SIZE), bool)
    wanted[10:30, 20:40] = True
    wanted[11:29, 21:39] = False
    wanted[50, 50] = True
    np.testing.assert_array_equal((drawn == LINE).all(2), wanted)
    changed = (drawn != 90).any(2)  # with the dark edge on both sides of the line
    assert (drawn[changed & ~wanted] == EDGE).all()
    assert not changed[13:27, 23:37].any()
    assert not changed[:8].any()
    for threshold in (-0.49, None):
        np.testing.assert_array_equal(overlay(picture, anomaly_map, scale, threshold), picture)


def test_an_overlay_has_the_pictures_own_size_and_the_map_stretched_over_it():
    picture = np.random.default_rng(0).integers(0, 256, (90, 200, 3), np.uint8)
    anomaly_map = np.full((20, 20), -1, np.float32)
    anomaly_map[:, 10:] = 0
    mixed = overlay(picture, anomaly_map, ColourScale(-0.9, -0.1), None)
    assert mixed.shape == picture.shape
    np.testing.assert_array_equal(mixed[:, :90], picture[:, :90])
    hottest = heat_map(anomaly_map, ColourScale(-0.9, -0.1))[0, -1]
    np.testing.assert_allclose(mixed[:, 110:], 0.4 * picture[:, 110:] + 0.6 * hottest, atol=1.5)


def test_a_large_overlay_is_mixed_in_parts_as_in_one(monkeypatch):
    picture = np.random.default_rng(0).integers(0, 256, (50, 70, 3), np.uint8)
    anomaly_map = np.random.default_rng(1).uniform(-1, 0, (16, 16)).astype(np.float32)
    whole = overlay(picture, anomaly_map, ColourScale(-0.9, -0.1), -0.5)
    monkeypatch.setattr("src.report.colours._ROWS", 7 * 70)
    np.testing.assert_array_equal(overlay(picture, anomaly_map, ColourScale(-0.9, -0.1), -0.5), whole)


def test_reducing_takes_all_pixels_into_account():
    values = np.zeros((64, 64), np.float32)
    values[::2] = 1
    np.testing.assert_allclose(enlarged(values, (8, 8)), 0.5)
    assert enlarged(values, (64, 64)) is values


def test_the_overlay_leaves_the_cold_picture_and_colours_the_hot():
    maps, labels, masks = maps_with_a_defect()
    scale = ColourScale.of(maps, labels)
    picture = np.full((SIZE, SIZE, 3), 90, np.uint8)
    mixed = overlay(picture, maps[2], scale, None).astype(int)
    assert np.abs(mixed[~masks[2]] - 90).max() <= 2
    np.testing.assert_allclose(mixed[masks[2]], 0.4 * 90 + 0.6 * heat_map(maps[2], scale)[masks[2]], atol=2)


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
