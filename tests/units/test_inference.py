"""Evaluation and prediction in this process: what they refuse before the network runs."""

import json
import shutil

import pytest

from src import checkpoint, config, inference
from src.detector import Architecture, Detector
from src.report import panels
from src.runtime.device import Device
from src.utils import UserError
from tests.support.programs import arguments, files


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


@pytest.fixture
def predicting(data, tmp_path):
    """predict.py's work on a copy of the fabric's test pictures, with a detector of random weights."""
    shutil.copytree(data / "fabric/test", tmp_path / "new")
    detector = Detector(Architecture("efficientnet_lite0", im_resize=32, flow_step=1), seed=1)
    checkpoint.save_detector(tmp_path / "random.ckpt", detector)
    given = {"ckpt_path": tmp_path / "random.ckpt", "img_dir": tmp_path / "new", "output_dir": tmp_path / "out"}

    def predict(**more):
        options = arguments(**given, graph_cache="off", test_batch_size=2, **more)
        return inference.predict_folder(config.parse("predict", "", options), Device("CPU"))

    return predict


def scores_of(folder):
    return json.loads((folder / "out/scores.json").read_text())


def test_prediction_goes_on_after_pictures_that_cannot_be_read(predicting, tmp_path):
    whole = predicting()
    names = list(whole)
    for name, content in (
        (names[0], b""),
        (names[3], b"x"),
        (names[4], (tmp_path / f"new/{names[4]}.png").read_bytes()[:99]),
    ):
        (tmp_path / f"new/{name}.png").write_bytes(content)
    found = predicting(save_imgs=True)
    assert list(found) == names
    bad = {name for name in names if "error" in found[name]}
    assert bad == {names[0], names[3], names[4]}
    assert found[names[0]] == {
        "error": f"cannot read the picture {tmp_path}/new/{names[0]}.png: it is empty; replace or remove it"
    }
    for name in set(names) - bad:
        assert found[name]["score"] == pytest.approx(whole[name]["score"], abs=1e-6)
    assert scores_of(tmp_path)["pictures"] == found
    assert {*files(tmp_path / "out")} == {"scores.json", *(f"{name}.png" for name in set(names) - bad)}
    with pytest.raises(UserError, match=f"^cannot read the picture .*{names[0]}.png: it is empty; replace or remove"):
        predicting(strict=True)


def test_prediction_of_unreadable_pictures_only(predicting, tmp_path):
    for file in files(tmp_path / "new"):
        (tmp_path / "new" / file).write_bytes(b"x")
    found = predicting(save_imgs=True)
    assert all(list(said) == ["error"] for said in found.values())
    assert scores_of(tmp_path)["pictures"] == found


def test_what_ends_a_prediction_leaves_the_scores_that_have_come(predicting, tmp_path, monkeypatch):
    monkeypatch.setattr(inference, "CHUNK", 4)
    real, calls = inference.predict, []

    def ends(*parts):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*parts)

    whole = predicting()
    (tmp_path / "out/scores.json").unlink()
    monkeypatch.setattr(inference, "predict", ends)
    monkeypatch.setattr(inference, "SHARE", 0)
    with pytest.raises(KeyboardInterrupt):
        predicting()
    found = scores_of(tmp_path)
    assert found["pictures"] == dict(list(whole.items())[:8])
    assert found["left"] == len(whole) - 8


def test_scores_are_written_for_a_share_of_the_time_only_and_whole_at_the_end(tmp_path, monkeypatch):
    now = iter([0, 1, 20, 22, 23, 24, 25])  # a call of `add` asks before and, if it writes, after writing
    monkeypatch.setattr(inference.time, "monotonic", lambda: next(now))
    scores, held = inference.Scores(tmp_path / "scores.json", {"thresholds": {}, "reading": None}, 4), []
    for name in "abcd":
        scores.add({name: {"score": 0.5}})
        held.append(len(json.loads((tmp_path / "scores.json").read_text())["pictures"]))
    assert held == [1, 1, 3, 4]


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
