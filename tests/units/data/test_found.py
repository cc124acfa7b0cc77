"""What is said to be found: pictures, sizes, bits, masks, and files passed over."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from src.data.found import Found, read_as
from src.data.listing import passed_over_by, pictures_under
from src.data.samples import Reading, Sample
from tests.support.pictures import picture


@pytest.fixture
def folder(tmp_path):
    """Two 8-bit pictures, a 12-bit one, a damaged one, and files that are no pictures."""
    picture(tmp_path / "a.png", size=(8, 6))
    picture(tmp_path / "b.jpg", size=(16, 12))
    cv2.imwrite(str(tmp_path / "c.png"), np.full((6, 8), 4095, np.uint16))
    (tmp_path / "d.bmp").write_bytes(b"x")
    (tmp_path / "notes.txt").write_text("nothing")
    (tmp_path / "e.heic").write_bytes(b"x")
    return tmp_path


def found(folder, **more):
    paths = pictures_under(str(folder), "img_dir")
    samples = [Sample(path, 0, "unknown", None, name) for name, path in paths.items()]
    return samples, Found.of(samples, passed_over_by(str(folder), paths.values()), **more)


def test_a_folder_is_described(folder):
    samples, seen = found(folder)
    assert seen == Found(
        pictures=4,
        masks=0,
        unreadable=1,
        types={".png": 2, ".jpg": 1, ".bmp": 1},
        sizes={"8x6": 2, "16x12": 1},
        bits={"8": 2, "16": 1},
        bit_depth=12,
        highest=4095,
        passed_over={".heic": 1, ".txt": 1},
    )
    assert seen.lines() == [
        "found 4 pictures: .png 2, .jpg 1, .bmp 1; 8x6 to 16x12 (2 sizes); 2 of 8 bits, 1 of 16 bits; 1 unreadable; "
        "2 files passed over: .heic 1, .txt 1",
        "values of 16-bit files are read as 12 bits, 0 to 4095: the highest is 4095",
    ]
    assert [sample.reading for sample in read_as(samples, Reading(12))] == 4 * [Reading(12)]


def test_masks_are_counted(folder):
    sample = Sample(folder / "a.png", 1, "hole", folder / "c.png", "hole/a")
    seen = Found.of([sample, replace(sample, mask=None)], {})
    assert seen.lines() == ["found 2 pictures: .png 2; 8x6; 8 bits; 1 mask"]


def test_pictures_that_may_be_masks_are_said(folder):
    picture(folder / "new" / "gas_mask.png")
    picture(folder / "new" / "day_2-gt.png")
    _, seen = found(folder)
    assert seen.named_as_masks == ["new/day_2-gt", "new/gas_mask"]
    assert seen.lines()[-1] == (
        "warning: 2 pictures named as a mask, with no picture of the rest of the name beside it, and read as a picture;"
        " the first: new/day_2-gt"
    )


def test_the_users_bit_depth_is_taken_and_what_is_above_is_said(folder):
    _, seen = found(folder, bit_depth=10)
    assert seen.bit_depth == 10
    assert seen.lines()[1].endswith("read as 10 bits, 0 to 1023: the highest is 4095, and what is above becomes white")


def test_a_picture_beyond_the_limit_is_unreadable(folder):
    assert found(folder, max_megapixels=0.0001)[1].unreadable == 2  # 16x12 is 192 pixels; and the damaged one


def test_nothing_is_found(tmp_path):
    assert Found.of([], {}).lines() == ["found 0 pictures"]
    assert Found.of([], {".txt": 2}).lines() == ["found 0 pictures, 2 files passed over: .txt 2"]
