"""Prediction in this process: what it refuses, goes on after, and leaves behind."""

import csv
import json
import shutil

import pytest

from src import checkpoint, config, inspection, picture_results
from src.detector import Architecture, Detector
from src.picture_results import score_files
from src.report.colours import ColourScale
from src.report.pictures import PictureFiles
from src.utils import UserError
from tests.support.programs import arguments, files


def error_of(**options):
    """The one line of the error that a prediction ends in."""
    with pytest.raises(UserError) as caught:
        inspection.inspect(config.parse("predict", "", arguments(**options)))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("inside", ["", "results", "../new/results"])
def test_results_are_not_written_among_the_pictures(exported_onnx, data, tmp_path, inside):
    (tmp_path / "new").mkdir()
    shutil.copy(data / "fabric/test/good/000.png", tmp_path / "new")
    given = {"model": exported_onnx, "input": tmp_path / "new"}
    message = error_of(**given, output_dir=tmp_path / "new" / inside)
    assert "among the pictures" in message
    assert files(tmp_path) == ["new/000.png"]


def test_pictures_are_needed(exported_onnx, tmp_path):
    given = {"model": exported_onnx, "output_dir": tmp_path / "out"}
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", tmp_path / "missing"):
        message = error_of(**given, input=folder)
        assert message == f"no pictures in {folder}; give a folder of pictures as --input"
    assert files(tmp_path) == []


@pytest.fixture
def predicting(data, tmp_path):
    """predict.py's work on a copy of the fabric's test pictures, with a detector of random weights."""
    shutil.copytree(data / "fabric/test", tmp_path / "new")
    detector = Detector(Architecture("efficientnet_lite0", im_resize=32, flow_step=1), seed=1)
    checkpoint.save_detector(tmp_path / "random.ckpt", detector)
    given = {"model": tmp_path / "random.ckpt", "input": tmp_path / "new", "output_dir": tmp_path / "out"}

    def predict(**more):
        options = arguments(**given, graph_cache="off", test_batch_size=2, **more)
        return inspection.inspect(config.parse("predict", "", options)).pictures

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
        "file": f"{tmp_path}/new/{names[0]}.png",
        "error": f"cannot read the picture {tmp_path}/new/{names[0]}.png: it is empty; replace or remove it",
    }
    for name in set(names) - bad:
        assert found[name]["score"] == pytest.approx(whole[name]["score"], abs=1e-6)
    assert scores_of(tmp_path)["pictures"] == found
    assert {*files(tmp_path / "out")} == {"scores.json", "scores.csv", *(f"{name}.png" for name in set(names) - bad)}
    with pytest.raises(UserError, match=f"^cannot read the picture .*{names[0]}.png: it is empty; replace or remove"):
        predicting(strict=True)


def test_prediction_of_unreadable_pictures_only(predicting, tmp_path):
    for file in files(tmp_path / "new"):
        (tmp_path / "new" / file).write_bytes(b"x")
    found = predicting(save_imgs=True)
    assert all(list(said) == ["file", "error"] for said in found.values())
    assert scores_of(tmp_path)["pictures"] == found


def test_what_ends_a_prediction_leaves_the_scores_that_have_come(predicting, tmp_path, monkeypatch):
    monkeypatch.setattr(inspection, "CHUNK", 4)
    real, calls = inspection.views_of_samples, []

    def ends(*parts):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*parts)

    whole = predicting()
    for file in score_files(tmp_path / "out"):
        file.unlink()
    monkeypatch.setattr(inspection, "views_of_samples", ends)
    monkeypatch.setattr(picture_results, "SHARE", 0)
    with pytest.raises(KeyboardInterrupt):
        predicting()
    found = scores_of(tmp_path)
    assert list(found["pictures"]) == list(whole)[:8]
    assert found["left"] == len(whole) - 8
    rows = list(csv.DictReader((tmp_path / "out/scores.csv").open()))
    assert [row["file"] for row in rows] == [said["file"] for said in list(whole.values())[:8]]


def test_an_older_checkpoint_gives_verdicts_and_colours_as_it_did(data, tmp_path, monkeypatch):
    """By the best F1 of its test set, under the names that it had then, and by its colour scale."""
    detector = Detector(Architecture("efficientnet_lite0", im_resize=32, flow_step=1))
    given = {"model": tmp_path / "old.ckpt", "input": data / "fabric/test/good", "output_dir": tmp_path / "out"}
    given |= {"save_imgs": True, "graph_cache": "off"}
    used = []
    monkeypatch.setattr(PictureFiles, "write", lambda self, *parts: used.append(parts[-2:]))

    def predicted(threshold):
        old = {"pixel_threshold": -0.5, "image_threshold": threshold}
        checkpoint.save_detector(tmp_path / "old.ckpt", detector, thresholds=old, colour_scale=(-0.9, -0.1))
        options = config.parse("predict", "", [text for n, v in given.items() for text in (f"--{n}", str(v))])
        return inspection.inspect(options).pictures

    scores = sorted(entry["score"] for entry in predicted(0.0).values())
    found = predicted(scores[2])
    assert [entry["verdict"] for entry in found.values()].count("defective") == len(scores) - 2
    for entry in found.values():
        assert entry["verdict"] == ("defective" if entry["score"] >= scores[2] else "good")
        assert entry["anomaly"] is entry["margin"] is None
    scale, judge = used[-1]
    assert scale == ColourScale(-0.9, -0.1)
    assert judge.thresholds() == {"image_threshold": scores[2], "pixel_threshold": -0.5}
