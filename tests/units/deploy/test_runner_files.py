"""The runner's input made of a test set, and its output read."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from src import hidden
from src.config import parse
from src.dataset import normalize
from src.deploy.description import ModelInput
from src.deploy.description_file import write_description
from src.deploy.manifest import MANIFEST, Manifest
from src.deploy.runner_files import is_replaceable, postprocess, preprocess, read_output
from src.files import description_of
from src.utils import UserError
from tests.support.exported_files import description
from tests.support.pictures import load_image, mvtec
from tests.support.programs import arguments, files

SIZE = 32


@pytest.fixture
def options(tmp_path):
    """preprocess.py's options for a small data set and a model that was never made."""
    mvtec(tmp_path / "data")
    (tmp_path / "model.mindir").write_bytes(b"graph")
    write_description(tmp_path / "model.mindir", description(SIZE))
    given = arguments(dataset_path=tmp_path / "data", mindir_path=tmp_path / "model.mindir", img_dir=tmp_path / "input")
    return parse("preprocess", "", given)


def test_preprocess_writes_what_the_model_takes(options, tmp_path):
    path = preprocess(options)
    assert path == tmp_path / "input" / MANIFEST
    manifest = Manifest.read(tmp_path / "input")
    assert (manifest.category, manifest.model) == ("nut", description(SIZE))
    assert [entry.sample.name for entry in manifest.entries] == ["good/000", "good/001", "cut/000", "cut/001"]
    assert files(tmp_path / "input") == sorted([MANIFEST, *(entry.file for entry in manifest.entries)])
    for entry in manifest.entries:
        found = np.fromfile(tmp_path / "input" / entry.file, "<f4").reshape(3, SIZE, SIZE)
        wanted = normalize(load_image(entry.sample.picture, SIZE)[None], [0.5, 0.4, 0.3], [0.25, 0.5, 1.0])[0]
        np.testing.assert_array_equal(found, wanted)


def test_preprocess_leaves_pixels_as_they_are_for_a_model_that_takes_them(options, tmp_path):
    taken = ModelInput(shape=[1, SIZE, SIZE, 3], type="uint8", mean=[0.5, 0.4, 0.3], std=[0.25, 0.5, 1.0])
    write_description(tmp_path / "model.mindir", description(SIZE, input=taken))
    preprocess(options)
    for entry in Manifest.read(tmp_path / "input").entries:
        found = np.fromfile(tmp_path / "input" / entry.file, np.uint8).reshape(SIZE, SIZE, 3)
        np.testing.assert_array_equal(found, load_image(entry.sample.picture, SIZE))


def test_preprocess_tells_hidden_pixels_by_their_alpha(options, tmp_path):
    """The pictures, 8 x 6, are in the middle of the image."""
    normalised = {"mean": [0.5, 0.4, 0.3], "std": [0.25, 0.5, 1.0], "hidden": hidden.INPUT}
    taken = ModelInput(shape=[1, SIZE, SIZE, 4], type="uint8", **normalised)
    write_description(tmp_path / "model.mindir", description(SIZE, input=taken, architecture={"keep_aspect": True}))
    preprocess(options)
    for entry in Manifest.read(tmp_path / "input").entries:
        found = np.fromfile(tmp_path / "input" / entry.file, np.uint8).reshape(SIZE, SIZE, 4)
        assert (found[4:-4] == [128, 128, 128, 255]).all()
        assert not found[:4].any()
        assert not found[-4:].any()


def test_preprocess_refuses_tiles_and_names_what_takes_them(options, tmp_path):
    write_description(tmp_path / "model.mindir", description(SIZE, architecture={"tile": 64, "overlap": 8}))
    with pytest.raises(
        UserError, match=r"looks at tiles, which \.bin files do not hold; give the C\+\+ runner the pic"
    ):
        preprocess(options)
    assert not (tmp_path / "input").exists()


def test_preprocess_needs_a_category_from_somewhere(options, tmp_path):
    write_description(tmp_path / "model.mindir", description(SIZE, category=None))
    with pytest.raises(UserError, match=r"model\.mindir does not say its category; give --category"):
        preprocess(options)
    preprocess(options.resolved(category="nut"))
    assert Manifest.read(tmp_path / "input").category == "nut"


def test_a_converted_model_is_described_by_that_which_it_was_made_of(options, tmp_path):
    (tmp_path / "converted.mindir").write_bytes(b"for a device")
    converted = options.resolved(mindir_path=str(tmp_path / "converted.mindir"))
    with pytest.raises(UserError, match=r"converted\.mindir\.json beside it is missing"):
        preprocess(converted)
    preprocess(converted.resolved(description=str(description_of(tmp_path / "model.mindir"))))
    assert Manifest.read(tmp_path / "input").model == description(SIZE)
    with pytest.raises(UserError, match=r"converted\.mindir or .*none\.json is missing"):
        preprocess(converted.resolved(description=str(tmp_path / "none.json")))


def test_preprocess_refuses_a_model_without_description(options, tmp_path):
    description_of(tmp_path / "model.mindir").unlink()
    with pytest.raises(UserError, match=r"model\.mindir\.json beside it is missing"):
        preprocess(options)
    assert not (tmp_path / "input").exists()


def test_postprocess_evaluates_the_runners_output(options, tmp_path):
    preprocess(options)
    (tmp_path / "output").mkdir()
    for entry in Manifest.read(tmp_path / "input").entries:
        stem = tmp_path / "output" / entry.file.removesuffix(".bin")
        anomaly_map = np.full((SIZE, SIZE), -0.9, "<f4")
        if entry.sample.label:
            anomaly_map[:, : SIZE // 2] = -0.1  # as the masks of `mvtec` are
        anomaly_map.tofile(f"{stem}_anomaly_map.bin")
        anomaly_map.max(keepdims=True).tofile(f"{stem}_score.bin")
    given = arguments(
        label_dir=tmp_path / "input", result_dir=tmp_path / "output", output_dir=tmp_path / "results", save_imgs=True
    )
    result = postprocess(parse("postprocess", "", given))
    assert json.loads((tmp_path / "results" / "acc_nut.json").read_text()) == result
    assert (result["checkpoint"], result["category"]) == ("fastflow_nut.ckpt", "nut")
    assert result["metrics"]["image_auc"] == result["metrics"]["pixel_auc"] == 1
    assert result["scores"] == pytest.approx({"cut/000": -0.1, "cut/001": -0.1, "good/000": -0.9, "good/001": -0.9})
    wanted = {"score": -0.1, "verdict": "defective", "anomaly": 1 - 0.5 / 1.3, "margin": 0.5 - 0.5 / 1.3}
    bad, good = result["pictures"]["cut/000"], result["pictures"]["good/001"]
    assert {name: bad[name] for name in wanted} == pytest.approx(wanted, abs=1e-6)
    wanted = {"score": -0.9, "verdict": "good", "anomaly": 0, "margin": 0.5, "largest_area": 0}
    assert {name: good[name] for name in wanted} == pytest.approx(wanted)
    (region,) = bad["regions"]  # the left half of a picture of 8 x 6
    assert [region[name] for name in ("x", "y", "width", "height", "area")] == [0, 0, 4, 6, 24]
    assert (bad["largest_area"], bad["milliseconds"]) == (24, None)
    assert result["errors"] == {"missed": 0, "defective_pictures": 2, "false_alarms": 0, "good_pictures": 2}
    assert result["thresholds"]["image_threshold"] == -0.25
    assert result["thresholds"]["image_threshold_f1_max"] == pytest.approx(-0.5)  # halfway, on these pictures
    assert result["reading"] == description().reading
    names = ["cut/000.png", "cut/001.png", "good/000.png", "good/001.png"]
    assert files(tmp_path / "results") == ["acc_nut.json", *(f"nut/{name}" for name in names), "nut/scores.csv"]
    table = list(csv.DictReader((tmp_path / "results/nut/scores.csv").open()))
    assert {Path(row["file"]).as_posix()[-11:]: (row["verdict"], row["truth"], row["defect"]) for row in table} == {
        **{f"cut/00{i}.png": ("defective", "defective", "cut") for i in range(2)},
        **{f"ood/00{i}.png": ("good", "good", "good") for i in range(2)},
    }


def test_only_our_own_folder_is_replaceable(tmp_path):
    assert is_replaceable(tmp_path)
    (tmp_path / "000000_good_000.bin").touch()
    assert not is_replaceable(tmp_path)
    (tmp_path / MANIFEST).touch()
    assert is_replaceable(tmp_path)
    (tmp_path / "mine.txt").touch()
    assert not is_replaceable(tmp_path)
    assert not is_replaceable(tmp_path / "mine.txt")


def test_an_output_of_another_size_or_that_is_missing_names_the_picture(tmp_path):
    path = str(tmp_path / "a_score.bin")
    with pytest.raises(UserError, match=r"no output .*a_score\.bin for picture good/000\.png; run the runner again"):
        read_output(path, 1, "good/000.png")
    np.zeros(2, "<f4").tofile(path)
    with pytest.raises(UserError, match=r"a_score\.bin holds 2 values, not 1, for picture good/000\.png"):
        read_output(path, 1, "good/000.png")
    assert read_output(path, 2, "good/000.png").tolist() == [0, 0]
    with open(path, "ab") as file:
        file.write(b"x")
    with pytest.raises(UserError, match=r"a_score\.bin holds 2\.25 values, not 2, for picture good/000\.png"):
        read_output(path, 2, "good/000.png")
    np.array([0, np.inf], "<f4").tofile(path)
    with pytest.raises(UserError, match=r"a_score\.bin holds values that are not finite, for picture good/000\.png"):
        read_output(path, 2, "good/000.png")
