"""BTAD: MVTec's folders with ok and ko."""

from src.data.layouts import categories, samples_for_testing, samples_for_training
from tests.support.pictures import mask, mvtec, names, picture


def test_btad(tmp_path):
    mvtec(tmp_path, "01", good="ok", bad="ko")
    base = mvtec(tmp_path, "03", good="ok", bad="ko")
    picture(base / "test" / "ko" / "0007.bmp")
    mask(base / "ground_truth" / "ko" / "0007.png")
    assert categories(tmp_path, "btad") == ["01", "03"]
    assert names(samples_for_training(tmp_path, "03", "btad")) == ["ok/000", "ok/001", "ok/002"]
    test = samples_for_testing(tmp_path, "03", "btad")
    assert names(test) == ["ok/000", "ok/001", "ko/000", "ko/0007", "ko/001"]
    assert [(s.label, s.defect) for s in test[1:3]] == [(0, "good"), (1, "ko")]
    assert test[3].mask.name == "0007.png"
