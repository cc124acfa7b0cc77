"""Evaluation and prediction in this process: what they refuse before the network runs."""

import pytest

from src import checkpoint, config, inference
from src.detector import Architecture, Detector
from src.report import panels
from src.runtime.device import Device
from src.utils import UserError
from tests.support.programs import files


def error_of(work, program, **options):
    """The one line of the error that `work` ends in, given a program's options."""
    given = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    with pytest.raises(UserError) as caught:
        work(config.parse(program, "", given), Device("CPU"))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_evaluation_refuses_what_is_no_detector(data, weights, tmp_path):
    (tmp_path / "text.ckpt").write_text("not a checkpoint")
    for path, text in (
        (weights, "ImageNet weights"),
        (tmp_path / "text.ckpt", "not a MindSpore checkpoint"),
        (tmp_path / "missing.ckpt", "no checkpoint"),
    ):
        assert text in error_of(inference.evaluate_checkpoint, "eval", ckpt_path=path, dataset_path=data)
    assert files(tmp_path) == ["text.ckpt"]


@pytest.mark.parametrize("inside", ["", "results", "../new/results"])
def test_prediction_does_not_write_among_the_pictures(trained, data, tmp_path, inside):
    (tmp_path / "new").mkdir()
    given = {"ckpt_path": trained[0] / "fastflow_fabric.ckpt", "img_dir": tmp_path / "new"}
    message = error_of(inference.predict_folder, "predict", **given, output_dir=tmp_path / "new" / inside)
    assert "among the pictures" in message
    assert files(tmp_path) == []


def test_prediction_needs_pictures(trained, tmp_path):
    given = {"ckpt_path": trained[0] / "fastflow_fabric.ckpt", "output_dir": tmp_path / "out"}
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", tmp_path / "missing"):
        message = error_of(inference.predict_folder, "predict", **given, img_dir=folder)
        assert message == f"no pictures in {folder}; give a folder of pictures as --img_dir"
    assert files(tmp_path) == []


def test_an_older_checkpoint_gives_verdicts_and_colours_as_it_did(data, tmp_path, monkeypatch):
    """By the best F1 of its test set, under the names that it had then, and by its colour scale."""
    detector = Detector(Architecture("efficientnet_lite0", im_resize=32, flow_step=1))
    given = {"ckpt_path": tmp_path / "old.ckpt", "img_dir": data / "fabric/test/good", "output_dir": tmp_path / "out"}
    given |= {"save_imgs": True, "graph_cache": "off"}
    used = []
    monkeypatch.setattr(inference, "save_panels", lambda *parts: used.append(parts[-2:]))

    def predicted(threshold):
        old = {"pixel_threshold": -0.5, "image_threshold": threshold}
        checkpoint.save_detector(tmp_path / "old.ckpt", detector, thresholds=old, colour_scale=(-0.9, -0.1))
        options = config.parse("predict", "", [text for n, v in given.items() for text in (f"--{n}", str(v))])
        return inference.predict_folder(options, Device("CPU"))

    scores = sorted(entry["score"] for entry in predicted(0.0).values())
    found = predicted(scores[2])
    assert [entry["verdict"] for entry in found.values()].count("defective") == len(scores) - 2
    for entry in found.values():
        assert entry == {"score": entry["score"], "verdict": "defective" if entry["score"] >= scores[2] else "good"}
    scale, judge = used[-1]
    assert scale == panels.ColourScale(-0.9, -0.1)
    assert judge.thresholds() == {"image_threshold": scores[2], "pixel_threshold": -0.5}
