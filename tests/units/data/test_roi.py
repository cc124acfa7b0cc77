"""Masks of what is looked at: one for all pictures, or a folder of one for each."""

import numpy as np
import pytest
from PIL import Image

from src.data.roi import EACH, ONE, Roi, is_roi, roi_for
from src.utils import UserError

MARKED = np.zeros((6, 9), bool)
MARKED[1:4, 2:8] = True


def save(path, marked=MARKED):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.uint8(255 * marked)).save(path)
    return path


def refusal(work):
    with pytest.raises(UserError) as caught:
        work()
    return str(caught.value)


def test_one_mask_is_for_pictures_of_all_sizes_and_kept_as_text(tmp_path):
    roi = Roi.given(str(save(tmp_path / "m.png")))
    assert roi.kind == ONE
    np.testing.assert_array_equal(roi.of((9, 6), None), MARKED)
    np.testing.assert_array_equal(roi.of((18, 12), None), MARKED.repeat(2, 0).repeat(2, 1))
    again = roi_for(ONE, roi.text, None, "model")
    assert again == roi
    assert is_roi(roi.text)
    np.testing.assert_array_equal(again.of((9, 6), tmp_path / "any.png"), MARKED)


def test_a_folder_has_the_mask_of_the_picture_with_the_longest_common_path(tmp_path):
    save(tmp_path / "roi" / "000.png", ~MARKED)
    save(tmp_path / "roi" / "test" / "good" / "000.png")
    roi = Roi.given(str(tmp_path / "roi"))
    assert roi.kind == EACH
    np.testing.assert_array_equal(roi.of((9, 6), tmp_path / "data" / "test" / "good" / "000.bmp"), MARKED)
    np.testing.assert_array_equal(roi.of((9, 6), tmp_path / "data" / "train" / "good" / "000.bmp"), ~MARKED)
    assert refusal(lambda: roi.of((9, 6), tmp_path / "001.png")).startswith("--roi: no mask for ")
    assert "without a file" in refusal(lambda: roi.of((9, 6), None))


def test_other_masks_have_another_text(tmp_path):
    save(tmp_path / "roi" / "000.png")
    before = Roi.given(str(tmp_path / "roi"))
    save(tmp_path / "roi" / "000.png", ~MARKED)
    assert Roi.given(str(tmp_path / "roi")) != before


def test_masks_that_do_not_serve_are_named(tmp_path):
    empty = save(tmp_path / "empty.png", np.zeros((4, 4), bool))
    assert refusal(lambda: Roi.given(str(empty))).startswith(f"--roi {empty} marks no pixel")
    (tmp_path / "none").mkdir()
    assert "no masks in this folder" in refusal(lambda: Roi.given(str(tmp_path / "none")))
    thin = np.zeros((4, 400), bool)
    thin[0, 1] = True
    assert "at its size" in refusal(lambda: Roi.given(str(save(tmp_path / "thin.png", thin))).of((10, 4), None))


def test_a_model_is_asked_for_its_masks():
    text = "0" * 64
    assert roi_for(None, None, None, "m") is None
    assert "train with --roi" in refusal(lambda: roi_for(None, None, "x.png", "m"))
    assert "--roi FOLDER" in refusal(lambda: roi_for(EACH, text, None, "m"))


@pytest.mark.parametrize("value", ["", "no base64", "AAAA", 3, None, "é" * 64, "A" * 64])
def test_texts_that_are_no_mask_are_refused(value):
    assert not is_roi(value)
