"""How pictures become images: aspect, what is hidden, tiles."""

import numpy as np
import pytest
from PIL import Image

from src.data.framing import Framing
from src.data.pictures import resized
from src.data.roi import Roi
from src.data.tiling import Tiling
from src.utils import UserError

RNG = np.random.default_rng(0)
PICTURE = RNG.integers(0, 256, (40, 120, 3), np.uint8)


def roi_of(tmp_path, marked):
    Image.fromarray(np.uint8(255 * marked)).save(tmp_path / "roi.png")
    return Roi.given(str(tmp_path / "roi.png"))


def test_without_more_a_picture_is_stretched():
    image = Image.fromarray(PICTURE)
    np.testing.assert_array_equal(Framing((32, 64)).image(image), resized(image, (32, 64)))
    assert Framing((32, 64)).shape == (32, 64, 3)


@pytest.mark.parametrize(("width", "height"), [(120, 40), (40, 120), (64, 64), (5000, 1), (1, 5000), (128, 128)])
def test_the_aspect_is_kept_and_the_rest_hidden(width, height):
    framing = Framing((64, 96), keep_aspect=True)
    image = framing.image(Image.fromarray(np.full((height, width, 3), 200, np.uint8)))
    rows, columns = framing.box((width, height))
    seen = np.zeros((64, 96), bool)
    seen[rows, columns] = True
    np.testing.assert_array_equal(image[..., 3], 255 * seen)
    assert (image[seen][:, :3] == 200).all()
    high, wide = seen[rows, columns].shape
    assert (high, wide) == framing.of_picture(image, (width, height)).shape[:2]
    assert high == 64 or wide == 96
    assert abs(wide / high - width / height) < width / height * max(1 / high, 1 / wide) or 1 in (high, wide)


def test_nothing_outside_of_the_region_of_interest_reaches_what_is_seen(tmp_path):
    marked = np.zeros((40, 120), bool)
    marked[7:33, 21:95] = True
    hostile = PICTURE.copy()
    hostile[~marked] = RNG.integers(0, 256, (int((~marked).sum()), 3), np.uint8)
    framing = Framing((32, 64), roi=roi_of(tmp_path, marked))
    clean, other = (framing.image(Image.fromarray(each)) for each in (PICTURE, hostile))
    np.testing.assert_array_equal(clean[..., 3], other[..., 3])
    seen = clean[..., 3] > 0
    assert 0 < seen.sum() < seen.size
    np.testing.assert_array_equal(clean[seen], other[seen])
    assert (clean[~seen] != other[~seen]).any()  # people are shown what is there


def test_a_picture_of_which_nothing_would_be_seen_is_refused(tmp_path):
    marked = np.zeros((40, 120), bool)
    marked[0, 0] = True
    with pytest.raises(UserError, match="nothing of the picture is seen at 32x32 pixels"):
        Framing((32, 32), roi=roi_of(tmp_path, marked)).image(Image.fromarray(PICTURE))


def test_tiles_are_parts_of_the_picture():
    framing = Framing((32, 32), tiling=Tiling((32, 32), 8))
    tiles = dict(framing.tiles(Image.fromarray(PICTURE), None))
    assert list(tiles) == framing.tiling.places((120, 40))
    for (top, left), image in tiles.items():
        np.testing.assert_array_equal(image, PICTURE[top : top + 32, left : left + 32])


def test_tiles_without_interest_are_left_out(tmp_path):
    marked = np.zeros((40, 120), bool)
    marked[:, :20] = True
    framing = Framing((32, 32), roi=roi_of(tmp_path, marked), tiling=Tiling((32, 32), 0))
    assert {left for (_, left), _ in framing.tiles(Image.fromarray(PICTURE), None)} == {0}


def test_a_picture_smaller_than_a_tile_is_refused_or_filled_up():
    tiling, image = Tiling((64, 64), 0), Image.fromarray(PICTURE)
    with pytest.raises(UserError, match=r"less than a tile of 64x64; give a smaller one, or .*--keep_aspect"):
        list(Framing((64, 64), tiling=tiling).tiles(image, None))
    (_, first), _ = Framing((64, 64), keep_aspect=True, tiling=tiling).tiles(image, None)
    np.testing.assert_array_equal(first[:40, :, :3], PICTURE[:, :64])
    assert (first[:40, :, 3] == 255).all()
    assert (first[40:, :, 3] == 0).all()
