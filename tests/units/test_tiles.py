"""Large pictures in tiles: cut for a training, and looked at as a whole."""

from functools import partial

import numpy as np
import pytest
from PIL import Image

from src import hidden, metrics
from src.data.framing import Framing
from src.data.samples import Sample
from src.data.several import UnusableFiles
from src.data.tiling import Tiling
from src.full_masks import FullMasks
from src.good_pictures import REGION, GoodPictures
from src.labelled import TestSet
from src.predictor.network import run_in_batches
from src.tiles import TiledPictures, TileImages, scan, tiles_of

SIZES = [(100, 70), (64, 80)]  # width and height
FRAMING = Framing((32, 32), tiling=Tiling((32, 32), 8))
RNG = np.random.default_rng(1)


@pytest.fixture
def samples(tmp_path):
    made = []
    for number, size in enumerate(SIZES):
        Image.fromarray(RNG.integers(0, 256, (*size[::-1], 3), np.uint8)).save(tmp_path / f"{number}.png")
        mask = np.zeros(size[::-1], np.uint8)
        mask[3:9, 5:50] = 255
        Image.fromarray(mask).save(tmp_path / f"{number}_mask.png")
        made.append(Sample(tmp_path / f"{number}.png", 1, "cut", tmp_path / f"{number}_mask.png", str(number)))
    Image.fromarray(RNG.integers(0, 256, (40, 50, 3), np.uint8)).save(tmp_path / "good.png")
    return [*made, Sample(tmp_path / "good.png", 0, "good", None, "good")]


def brightness(images):
    """A network whose map is minus the red channel, in 0..1, and whose score is its mean."""
    maps = -images[:, :1].astype(np.float32)
    return maps, maps.mean((1, 2, 3))


def run(images):
    return run_in_batches(brightness, images, (32, 32), 4, ([0.0] * 3, [1.0] * 3))


def test_all_tiles_of_all_pictures_are_trained_on(samples):
    tiles = tiles_of(samples, FRAMING, 2)
    assert len(tiles) == sum(len(FRAMING.tiling.places(size)) for size in [*SIZES, (50, 40)])
    images = TileImages(tiles, FRAMING)
    assert images.shape == (len(tiles), 32, 32, 3)
    order = RNG.permutation(len(tiles))
    for index, image in zip(order, images[order]):
        (top, left), picture = tiles[index].place, np.asarray(Image.open(tiles[index].sample.picture))
        np.testing.assert_array_equal(image, picture[top : top + 32, left : left + 32])


def test_pictures_without_tiles_are_named(samples, tmp_path):
    Image.new("RGB", (20, 90)).save(tmp_path / "narrow.png")
    bad = [Sample(tmp_path / name, 0, "good", None, name) for name in ("narrow.png", "missing.png")]
    with pytest.raises(UnusableFiles) as caught:
        tiles_of([*samples, *bad], FRAMING, 2)
    assert set(caught.value.problems) == {each.picture for each in bad}


def test_the_map_of_a_picture_has_its_own_size(samples):
    maps, scores = run(TiledPictures(samples, FRAMING))
    for sample, found, score in zip(samples, maps, scores):
        wanted = -np.asarray(Image.open(sample.picture))[..., 0].astype(np.float32) / 255
        np.testing.assert_allclose(found, wanted, atol=1e-5)
        assert score == found.max()


def test_other_rules_take_the_highest_score_of_the_tiles(samples):
    framing = Framing((32, 32), tiling=Tiling((32, 32), 8, "deviation"))
    picture = Image.open(samples[0].picture)
    _, score = scan(run, picture, None, framing, 3)
    tiles = [run(image[None])[1][0] for _, image in framing.tiles(picture, None)]
    assert score == pytest.approx(max(tiles))


def test_padding_of_a_picture_smaller_than_a_tile_is_never_scored(tmp_path):
    picture = Image.fromarray(np.full((20, 50, 3), 255, np.uint8))  # the least that this network gives
    framing = Framing((32, 32), keep_aspect=True, tiling=Tiling((32, 32), 8))

    def shows_hidden(images):
        maps = np.where(images[:, :1] == hidden.INPUT, np.float32(hidden.MAP), -images[:, :1])
        return maps, maps.max((1, 2, 3))

    scale = ([0.0] * 3, [1.0] * 3)
    network = partial(run_in_batches, shows_hidden, size=(32, 32), batch_size=2, normalised_by=scale)
    found, score = scan(network, picture, None, framing, 2)
    assert found.shape == (20, 50)
    np.testing.assert_allclose(found, -1, atol=1e-6)
    assert score == pytest.approx(-1)


def test_figures_at_full_size_are_those_of_arrays(samples):
    """Exact: the same figures as from all pixels at once. Where maps are hidden, pixels do not count."""
    test = TestSet.load(samples, FRAMING, "nearest", 2, keep=True)
    maps = [-RNG.random(test.masks[i].shape, np.float32) for i in range(3)]
    maps[0][:, 40:] = hidden.MAP
    pixels = [np.concatenate([each[i][hidden.seen(maps[i])] for i in range(3)]) for each in (maps, test.masks)]
    found = metrics.pixel_figures(maps, test.masks)
    at_once = metrics.pixel_figures(*(each[None, None] for each in pixels))
    for name in ("pixel_auc", "pixel_ap", "pixel_f1_max", "pixel_threshold_f1_max"):
        assert found[name] == pytest.approx(at_once[name], abs=1e-12)
    assert 0 < found["aupro"] < 1


def test_masks_stay_at_their_own_size(samples):
    masks = FullMasks(samples, "nearest")
    assert [mask.shape for mask in masks] == [(70, 100), (80, 64), (40, 50)]
    assert masks.any()
    assert not masks.all()
    assert masks[0].sum() == 6 * 45
    assert not masks[2].any()
    assert masks.check(1) == {}
    assert len(masks.some(np.array([True, False, True]))) == 2


def test_the_pixel_threshold_is_of_the_pixels_of_a_tile():
    maps = [np.linspace(-1, 0, 10_000, dtype=np.float32).reshape(100, 100)]
    (peak,) = GoodPictures.of("given", maps, np.zeros(1), 0.1, view=1000).peaks
    assert peak == np.sort(maps[0], axis=None)[10_000 - round(1000 * REGION)]
