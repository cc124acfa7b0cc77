"""Tiles cover a picture, and what they give is put together without seams."""

from itertools import pairwise

import numpy as np
import pytest

from src import hidden
from src.data.tiling import Canvas, Tiling

SIZES = [(90, 100), (40, 30), (41, 31), (300, 30)]  # width and height


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("overlap", [0, 1, 10, 29])
def test_tiles_overlap_as_asked_and_their_shares_are_one_together(size, overlap):
    tiling = Tiling((30, 40), overlap)
    shares = np.zeros(size[::-1])
    places = tiling.places(size)
    for top, left in places:
        rows, columns = tiling.windows(size, (top, left))
        shares[top : top + len(rows), left : left + len(columns)] += rows[:, None] * columns
    np.testing.assert_allclose(shares, 1, atol=1e-6)
    for starts, tile in ((sorted({p[0] for p in places}), 30), (sorted({p[1] for p in places}), 40)):
        assert all(b - a <= tile - overlap for a, b in pairwise(starts))


@pytest.mark.parametrize("wanted", [None, np.ones((100, 90), bool)])
def test_a_map_cut_into_tiles_is_the_same_when_put_together(wanted):
    whole = -np.random.default_rng(0).random((100, 90), np.float32)
    tiling = Tiling((30, 40), 12)
    canvas = Canvas(tiling, (90, 100), wanted, np.zeros((100, 90), np.float32))
    for top, left in tiling.places((90, 100)):
        canvas.add((top, left), whole[top : top + 30, left : left + 40])
    np.testing.assert_allclose(canvas.finish(), whole, atol=1e-6)


def test_there_is_no_seam_where_tiles_differ():
    """Tiles of opposite values: from one pixel to the next the map changes by no more than the overlap's slope."""
    tiling = Tiling((20, 20), 10)
    canvas = Canvas(tiling, (60, 20), None, np.zeros((20, 60), np.float32))
    for number, place in enumerate(tiling.places((60, 20))):
        canvas.add(place, np.full((20, 20), -float(number % 2), np.float32))
    assert np.abs(np.diff(canvas.finish(), axis=1)).max() <= 0.1 + 1e-6


def test_what_is_hidden_has_no_part_in_the_map():
    tiling, wanted = Tiling((20, 20), 10), np.zeros((20, 40), bool)
    wanted[:, :25] = True
    canvas = Canvas(tiling, (40, 20), wanted, np.zeros((20, 40), np.float32))
    for top, left in tiling.places((40, 20)):
        tile = np.full((20, 20), -0.5, np.float32)
        tile[~wanted[:, left : left + 20]] = hidden.MAP
        canvas.add((top, left), tile)
    found = canvas.finish()
    np.testing.assert_allclose(found[:, :25], -0.5, atol=1e-6)
    assert (found[:, 25:] == hidden.MAP).all()


def test_maps_of_another_resolution_are_stretched_to_their_tiles():
    tiling = Tiling((20, 40), 0)
    canvas = Canvas(tiling, (40, 20), None, np.zeros((20, 40), np.float32))
    canvas.add((0, 0), np.full((8, 8), -0.25, np.float32))
    np.testing.assert_allclose(canvas.finish(), -0.25)
