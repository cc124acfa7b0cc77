"""The range of pixel values, what headers claim, thin defects, and links among folders."""

import resource

import cv2
import numpy as np
import pytest
from PIL import Image

from src.data.decoding import Header, depth_of, highest_value, read_header
from src.data.listing import list_pictures, passed_over, pictures_under
from src.data.samples import Reading
from src.utils import UserError
from tests.support.odd_files import tiff
from tests.support.pictures import load_image, load_mask, picture

VALUES = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_a_cameras_bits_in_a_16_bit_file_are_its_8_bit_original(tmp_path, suffix, colour, bits):
    values = VALUES if colour else VALUES[..., 0]
    path = tmp_path / f"a{suffix}"
    cv2.imwrite(str(path), values.astype(np.uint16) << (bits - 8))
    expected = values[..., ::-1] if colour else values[..., None].repeat(3, 2)
    np.testing.assert_array_equal(load_image(path, 8, Reading(bit_depth=bits)), expected)
    assert depth_of(highest_value(path)) == bits
    assert read_header(path) == Header(8, 8, deep=True)


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("more", [{}, {280: 5, 281: 90}], ids=["", "with extremes"])
def test_a_tiff_in_which_0_is_white_is_the_inverse_of_one_in_which_it_is_black(tmp_path, bits, more):
    """And its tags of the lowest and highest value change nothing."""
    levels = VALUES[..., 0]
    values = levels if bits == 8 else levels.astype(np.uint16) << (bits - 8)
    black, white = tmp_path / "black.tif", tmp_path / "white.tif"
    black.write_bytes(tiff(values, 1, more))
    white.write_bytes(tiff((1 << bits) - 1 - values, 0, more))
    for path in (black, white):
        np.testing.assert_array_equal(load_image(path, 8, Reading(bit_depth=max(bits, 8)))[..., 0], levels)
    inverse = 255 - load_image(white, 8, Reading(bit_depth=bits))
    stored = (1 << bits) - 1 - values
    np.testing.assert_array_equal(inverse[..., 0], stored >> (bits - 8))
    if bits > 8:
        assert highest_value(white) == stored.max()  # of what is stored: it says how many bits are used


@pytest.mark.parametrize("mode", ["F", "I"])
def test_values_without_a_range_are_refused_also_where_they_look_like_one(tmp_path, mode):
    """0..1 or 0..255 as float, or counts of 32 bits: which value is white, the file does not say."""
    Image.fromarray(VALUES[..., 0]).convert(mode).point(lambda value: value * 1.0 + 70000).save(tmp_path / "a.tif")
    with pytest.raises(UserError, match=r"a\.tif: its pixels (are float|have 32 bits); save it with 8 or 16 bits"):
        load_image(tmp_path / "a.tif", 8)


def test_values_above_the_bit_depth_are_white(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.full((4, 4), 5000, np.uint16))
    assert (load_image(tmp_path / "a.png", 4, Reading(bit_depth=12)) == 255).all()


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_tiff_is_turned_once(tmp_path, turn):
    exif = Image.Exif()
    exif[0x0112] = turn
    Image.new("RGB", (8, 6)).save(tmp_path / "a.tif", exif=exif)
    size = (6, 8) if turn > 4 else (8, 6)
    assert read_header(tmp_path / "a.tif") == Header(*size, deep=False)
    Image.new("L", size, 255).save(tmp_path / "m.png")
    assert load_mask(tmp_path / "m.png", 4, picture_path=tmp_path / "a.tif").all()


def test_the_limit_of_pixels_is_checked_in_the_header(tmp_path):
    picture(tmp_path / "a.png", size=(2000, 600))
    with pytest.raises(UserError, match=r"a\.png has 2000x600 pixels, more than 1 million; reduce or remove it$"):
        load_image(tmp_path / "a.png", 8, Reading(max_megapixels=1))


def test_a_narrow_picture_takes_little_memory(tmp_path):
    Image.new("L", (1, 4_000_000), 200).save(tmp_path / "a.png")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert (load_image(tmp_path / "a.png", 64) == 200).all()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + 300_000


def test_thin_defects_stay_where_they_are_asked_for(tmp_path):
    scratch = np.zeros((1024, 1000), np.uint8)
    scratch[:, 501] = 255
    Image.fromarray(scratch).save(tmp_path / "m.png")
    assert not load_mask(tmp_path / "m.png", 64).any()
    kept = load_mask(tmp_path / "m.png", 64, "max_pool")
    assert kept.all(axis=0).nonzero()[0].tolist() == [32]
    assert kept.sum() == 64


def test_links_among_folders_list_each_picture_once(tmp_path):
    picture(tmp_path / "in" / "b" / "1.png")
    for name in ("latest", "b/again"):
        (tmp_path / "in" / name).symlink_to(tmp_path / "in")
    (tmp_path / "in" / "a").symlink_to(tmp_path / "in" / "b")
    (tmp_path / "in" / "up").symlink_to(tmp_path)
    for name in ("x.heic", "@eaDir/1.png", ".hidden.png"):
        picture(tmp_path / "1.png").rename(
            (tmp_path / "in" / name).parent.mkdir(exist_ok=True) or tmp_path / "in" / name
        )
    found = list_pictures(tmp_path / "in", recursive=True)
    assert found == [tmp_path / "in" / "b" / "1.png"]
    left = passed_over(tmp_path / "in", found)
    assert left == {".heic": 1, "hidden": 2, "link to a folder that is read already": 4}


def test_a_file_a_pattern_and_a_list_name_pictures(tmp_path):
    paths = [picture(tmp_path / name) for name in ("a.png", "b.png", "c.jpg")]
    (tmp_path / "list.txt").write_text("a.png\n\nc.jpg\n")
    assert pictures_under(str(paths[0]), "img_dir") == {"a": paths[0]}
    assert pictures_under(str(tmp_path / "*.png"), "img_dir") == {"a": paths[0], "b": paths[1]}
    assert pictures_under(str(tmp_path / "list.txt"), "img_dir") == {"a": paths[0], "c": paths[2]}
