"""Pictures and masks of every format and kind of pixels as arrays, and the errors for those that cannot be read."""

import resource
import struct
import warnings

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from src.utils import UserError
from tests.support.pictures import load_image, load_mask, mask, picture

GREY = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5
COLOUR = np.stack([GREY, GREY[::-1], GREY[:, ::-1]], axis=-1)


def resized(rgb: np.ndarray, size: int) -> np.ndarray:
    return np.asarray(Image.fromarray(rgb).resize((size, size), Image.Resampling.BILINEAR))


@pytest.mark.parametrize("suffix", [".png", ".PNG", ".bmp", ".tif", ".TIFF", ".ppm", ".tga", ".webp", ".gif"])
def test_lossless_formats_give_the_stored_colours(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    image = Image.fromarray(np.repeat(GREY[..., None], 3, axis=2) if suffix == ".gif" else COLOUR)
    image.save(path, **({"lossless": True} if suffix == ".webp" else {}))
    expected = np.asarray(image)
    np.testing.assert_array_equal(load_image(path, 16), resized(expected, 16))


@pytest.mark.parametrize("suffix", [".jpg", ".JPEG", ".jp2", ".avif"])
def test_lossy_formats_are_read(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    Image.new("RGB", (32, 32), (200, 100, 50)).save(path)
    assert np.abs(load_image(path, 16).astype(int) - (200, 100, 50)).max() <= 4


@pytest.mark.parametrize("size", [4, 8, 32])
def test_resizing_is_pillows_antialiased_bilinear(tmp_path, size):
    Image.fromarray(COLOUR).save(tmp_path / "a.png")
    got = load_image(tmp_path / "a.png", size)
    assert got.shape == (size, size, 3)
    assert got.dtype == np.uint8
    np.testing.assert_array_equal(got, resized(COLOUR, size))


def same_size(path) -> np.ndarray:
    """A square picture read at its own size, so that resizing leaves its values as they are."""
    with Image.open(path) as image:
        assert image.width == image.height
        return load_image(path, image.width)


def square(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array[:6, :6])


def test_grey_and_one_bit(tmp_path):
    Image.fromarray(square(GREY)).save(tmp_path / "l.png")
    np.testing.assert_array_equal(same_size(tmp_path / "l.png"), np.repeat(square(GREY)[..., None], 3, 2))
    Image.fromarray(square(GREY) > 100).save(tmp_path / "1.png")
    with Image.open(tmp_path / "1.png") as image:
        assert image.mode == "1"
    np.testing.assert_array_equal(same_size(tmp_path / "1.png")[..., 1], (square(GREY) > 100) * 255)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_is_left_out_and_keeps_the_colour(tmp_path, mode):
    image = Image.fromarray(square(COLOUR)).convert(mode)
    expected = np.asarray(image.convert("RGB"))
    image.putalpha(0)
    image.save(tmp_path / "a.png")
    np.testing.assert_array_equal(same_size(tmp_path / "a.png"), expected)


def test_palette_with_transparency(tmp_path):
    image = Image.fromarray((np.arange(36) % 3).reshape(6, 6).astype(np.uint8), "P")
    image.putpalette([10, 20, 30, 200, 0, 0, 0, 0, 250])
    image.save(tmp_path / "p.png", transparency=bytes([0, 128, 255]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        got = same_size(tmp_path / "p.png")
    assert got.reshape(-1, 3)[:3].tolist() == [[10, 20, 30], [200, 0, 0], [0, 0, 250]]


@pytest.mark.parametrize("suffix", [".png", ".tif", ".pgm"])
def test_16_bit_grey_keeps_the_high_byte(tmp_path, suffix):
    values = (np.arange(36, dtype=np.uint16) * 1811).reshape(6, 6)
    cv2.imwrite(str(tmp_path / f"a{suffix}"), values)
    np.testing.assert_array_equal(same_size(tmp_path / f"a{suffix}")[..., 0], values >> 8)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [3, 4])
def test_16_bit_colour_keeps_the_high_byte(tmp_path, suffix, channels):
    values = (np.arange(36 * channels, dtype=np.uint16) * 449).reshape(6, 6, channels)
    cv2.imwrite(str(tmp_path / f"a{suffix}"), values)
    np.testing.assert_array_equal(same_size(tmp_path / f"a{suffix}"), values[..., 2::-1] >> 8)


def test_cmyk(tmp_path):
    image = Image.new("CMYK", (6, 6), (0, 255, 128, 0))
    image.save(tmp_path / "a.tif")
    assert np.abs(same_size(tmp_path / "a.tif").astype(int) - (255, 0, 127)).max() == 0


def test_format_that_only_opencv_reads(tmp_path):
    path = tmp_path / "a.pam"
    cv2.imwrite(str(path), square(COLOUR)[..., ::-1])
    np.testing.assert_array_equal(load_image(path, 6), square(COLOUR))


@pytest.mark.parametrize("turn", range(1, 9))
def test_exif_orientation_is_honoured_for_picture_and_mask(tmp_path, turn):
    """The stored picture is turned, and its EXIF tag says so: read, it must be the upright one."""
    back = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[turn]  # the transposition that undoes each value
    upright = Image.fromarray(COLOUR)
    stored = upright if back is None else upright.transpose(back)
    exif = Image.Exif()
    exif[0x0112] = turn
    stored.save(tmp_path / "a.png", exif=exif)
    with Image.open(tmp_path / "a.png") as image:
        np.testing.assert_array_equal(np.asarray(ImageOps.exif_transpose(image)), COLOUR)
    np.testing.assert_array_equal(load_image(tmp_path / "a.png", 16), resized(COLOUR, 16))

    Image.fromarray((GREY > 100).astype(np.uint8) * 255).save(tmp_path / "upright_mask.png")
    upright_mask = load_mask(tmp_path / "upright_mask.png", 16, picture_path=tmp_path / "a.png")
    grey = Image.fromarray((GREY > 100).astype(np.uint8) * 255)
    (grey if back is None else grey.transpose(back)).save(tmp_path / "mask.png", exif=exif)
    np.testing.assert_array_equal(load_mask(tmp_path / "mask.png", 16), upright_mask)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif"])
def test_truncated_picture(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(UserError, match=rf"^cannot read the picture .*a\{suffix}: .*; replace or remove it$") as caught:
        load_image(path, 16)
    assert "\n" not in str(caught.value)


def test_a_picture_that_claims_more_pixels_than_its_size_can_hold(tmp_path):
    Image.new("L", (9000, 9000)).save(tmp_path / "a.png")  # white: a pixel for a thousandth of a byte
    assert load_image(tmp_path / "a.png", 16).max() == 0
    content = bytearray((tmp_path / "a.png").read_bytes()[:1500])
    content[16:24] = struct.pack(">II", 9000, 9000)
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(
        UserError, match=r"a\.png: it claims 9000x9000 pixels, too many for its size; replace or remove"
    ):
        load_image(tmp_path / "a.png", 16)


def test_a_damaged_png_takes_no_memory(tmp_path):
    """OpenCV would take the 4 GB that a part of this file claims to have."""
    Image.new("RGB", (24, 24)).save(tmp_path / "a.png")
    content = bytearray((tmp_path / "a.png").read_bytes())
    content[26:40] = b"\xff" * 14
    (tmp_path / "a.png").write_bytes(content)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UserError, match=r"a\.png: no known picture format, or damaged; replace or remove it$"):
        load_image(tmp_path / "a.png", 16)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + 100_000


@pytest.mark.parametrize(
    ("content", "reason"), [(b"", "it is empty"), (b"not a picture", "no known picture format, or damaged")]
)
def test_file_that_is_no_picture(tmp_path, content, reason):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(UserError, match=f"cannot read the picture .*a.png: {reason}; replace or remove it"):
        load_image(tmp_path / "a.png", 16)


def test_missing_picture_and_pixels_without_range(tmp_path):
    with pytest.raises(UserError, match=r"gone\.png: No such file or directory"):
        load_image(tmp_path / "gone.png", 16)
    Image.fromarray(np.full((6, 6), 0.5, np.float32)).save(tmp_path / "f.tif")
    with pytest.raises(UserError, match=r"f\.tif: its pixels are float; save it with 8 or 16 bits"):
        load_image(tmp_path / "f.tif", 16)
    Image.fromarray(np.full((6, 6), 70000, np.int32)).save(tmp_path / "i.tif")
    with pytest.raises(UserError, match=r"i\.tif: its pixels have 32 bits"):
        load_image(tmp_path / "i.tif", 16)
    cv2.imwrite(str(tmp_path / "h.hdr"), np.full((6, 6, 3), 0.5, np.float32))
    with pytest.raises(UserError, match=r"h\.hdr: its pixels are float32"):
        load_image(tmp_path / "h.hdr", 16)


def test_mask_nearest_counts_everything_above_zero(tmp_path):
    marked = square(GREY) > 100
    for name, array in {
        "l": marked * np.uint8(1),
        "white": marked * np.uint8(255),
        "deep": marked * np.uint16(1),
        "colour": np.stack([marked * 0, marked * 0, marked * 3], -1).astype(np.uint8),
        "bit": marked,
    }.items():
        Image.fromarray(array).save(tmp_path / f"{name}.png")
        got = load_mask(tmp_path / f"{name}.png", 6)
        assert got.dtype == bool
        np.testing.assert_array_equal(got, marked, err_msg=name)
    np.testing.assert_array_equal(load_mask(tmp_path / "l.png", 12), marked.repeat(2, 0).repeat(2, 1))


def test_mask_with_alpha_palette_and_jpeg(tmp_path):
    marked = np.zeros((16, 16), bool)
    marked[:8] = True
    rgba = np.full((16, 16, 4), 255, np.uint8)
    rgba[..., 3] = marked * 200
    Image.fromarray(rgba).save(tmp_path / "a.png")
    np.testing.assert_array_equal(load_mask(tmp_path / "a.png", 16), marked)
    palette = Image.fromarray((~marked).astype(np.uint8), "P")  # entry 0 white, 1 black: the colour counts
    palette.putpalette([255, 255, 255, 0, 0, 0])
    palette.save(tmp_path / "p.png")
    np.testing.assert_array_equal(load_mask(tmp_path / "p.png", 16), marked)
    Image.fromarray(marked * np.uint8(255)).save(tmp_path / "j.jpg", quality=30)
    np.testing.assert_array_equal(load_mask(tmp_path / "j.jpg", 16), marked)


def test_mask_of_another_size_names_both_sizes(tmp_path):
    of = picture(tmp_path / "a.png", size=(8, 6))
    turned = mask(tmp_path / "a_mask.png", size=(6, 8))
    with pytest.raises(UserError, match=r"a_mask\.png is 6x8 and its picture .*a\.png is 8x6; make the mask"):
        load_mask(turned, 16, picture_path=of)


def test_mask_original_protocol_keeps_full_white_only(tmp_path):
    array = np.zeros((16, 16), np.uint8)
    array[:, 3] = 255  # a scratch of one pixel: averaged away
    array[8:, 8:] = 255
    Image.fromarray(array).save(tmp_path / "m.png")
    got = load_mask(tmp_path / "m.png", 8, "original")
    grey = Image.fromarray(array).resize((8, 8), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(got, (np.asarray(grey) / 255.0).astype(int) == 1)
    assert not got[:, 1].any()
    assert got[5:, 5:].all()
    with pytest.raises(UserError, match="unknown mask protocol 'best'; choose from nearest, original, max_pool"):
        load_mask(tmp_path / "m.png", 8, "best")
