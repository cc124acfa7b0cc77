"""The predictor for programmers: every kind of model and of picture gives the same answer."""

import doctest
import json
import shutil
import subprocess
import sys

import numpy as np
import onnx
import pytest
from PIL import Image

from src import ROOT, api
from src.deploy.description_file import write_description
from src.trust import digest, own_digest
from src.utils import UserError
from tests.support.exported_files import description, export


@pytest.fixture(scope="module")
def onnx_model(exported_onnx):
    return api.load(exported_onnx)


@pytest.fixture(scope="module")
def pictures(data):
    return sorted((data / "fabric/test").rglob("*.png"))


def test_the_docstring_runs(exported_onnx, data, tmp_path, monkeypatch):
    shutil.copy(exported_onnx, tmp_path)  # without the JSON beside it: what it says of itself is enough
    (tmp_path / "new").mkdir()
    model = api.load(tmp_path / exported_onnx.name)
    worst = max((data / "fabric/test").rglob("*.png"), key=lambda path: model.predict(path).score)
    shutil.copy(worst, tmp_path / "new/a.png")
    monkeypatch.chdir(tmp_path)
    assert doctest.testmod(api).failed == 0
    assert doctest.testmod(api).attempted > 6


def test_onnx_never_imports_mindspore_nor_what_takes_long(exported_onnx, pictures):
    code = f"""
import sys
from src.api import load
print(load({str(exported_onnx)!r}).predict({str(pictures[0])!r}).verdict)
print([name for name in ("mindspore", "onnx", "torch", "scipy", "sklearn", "matplotlib") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert done.stdout.splitlines()[-2] in ("good", "defective")


def test_every_kind_of_model_gives_the_same_verdicts(trained, exported, exported_onnx, pictures, tmp_path):
    """MindIR of version 1 (two pictures per call) and of version 3 (one), ONNX, and the checkpoint."""
    assert export(trained, tmp_path).returncode == 0
    models = [trained[0] / "fastflow_fabric.ckpt", exported_onnx, exported, tmp_path / "fastflow_fabric.mindir"]
    said = [api.load(model).predict_batch(pictures) for model in models]
    assert len({each.verdict for each in said[0]}) == 2  # there is something to get wrong
    for others in said[1:]:
        for one, other in zip(said[0], others):
            assert (one.name, one.file, one.verdict, one.size) == (other.name, other.file, other.verdict, other.size)
            assert other.score == pytest.approx(one.score, abs=1e-4)
            np.testing.assert_allclose(other.anomaly_map, one.anomaly_map, atol=1e-4)


def test_a_picture_may_be_a_file_bytes_an_image_or_an_array(onnx_model, pictures):
    path = pictures[0]
    with Image.open(path) as image:
        given = [path, str(path), path.read_bytes(), image, np.asarray(image.convert("RGB"))]
        said = onnx_model.predict_batch(given)
    assert {each.score for each in said} == {said[0].score}
    assert [each.file for each in said] == [str(path), str(path), None, None, None]
    assert [each.name for each in said] == [path.stem, path.stem, "number 3", "number 4", "number 5"]
    assert onnx_model.predict_batch([]) == []


@pytest.mark.parametrize("turn", [1, 3, 6, 8])
def test_pictures_are_turned_upright_however_they_are_given(onnx_model, tmp_path, turn):
    exif = Image.Exif()
    exif[0x0112] = turn
    values = np.random.default_rng(0).integers(0, 256, (40, 64, 3), dtype=np.uint8)
    Image.fromarray(values).save(tmp_path / "a.png", exif=exif)
    with Image.open(tmp_path / "a.png") as image:
        said = onnx_model.predict_batch([tmp_path / "a.png", (tmp_path / "a.png").read_bytes(), image])
    upright = np.rot90(values, {1: 0, 3: 2, 6: 3, 8: 1}[turn])
    said.append(onnx_model.predict(upright))
    assert {each.score for each in said} == {said[0].score}
    assert {each.size for each in said} == {upright.shape[1::-1]}


@pytest.mark.parametrize(
    ("picture", "text"),
    [
        (b"", "cannot read the picture number 1: it is empty"),
        (b"no picture", "cannot read the picture number 1: no known picture format"),
        ("missing.png", "cannot read the picture missing.png: No such file"),
        (np.zeros((4, 4), np.uint8), "number 1: an array must be uint8 [H, W, 3], not uint8 [4, 4]"),
        (np.zeros((4, 4, 3), np.float32), "not float32 [4, 4, 3]"),
        (Image.new("F", (4, 4)), "its pixels are float"),
    ],
)
def test_what_is_no_picture_is_an_error_of_one_line(onnx_model, picture, text):
    with pytest.raises(UserError) as caught:
        onnx_model.predict(picture)
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_model_says_what_it_is(onnx_model, trained, exported_onnx):
    described = json.loads(exported_onnx.with_name(exported_onnx.name + ".json").read_text())
    assert (onnx_model.path, onnx_model.category, onnx_model.size) == (exported_onnx, "fabric", 64)
    assert onnx_model.sha256 == described["file_sha256"]
    assert onnx_model.judge == api.load(trained[0] / "fastflow_fabric.ckpt").judge


def refused(path, **options):
    with pytest.raises(UserError) as caught:
        api.load(path, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_is_no_model_is_refused(exported_onnx, tmp_path):
    (tmp_path / "a.onnx").write_bytes(b"no model")
    assert "is not as export.py wrote it, or is of an older version" in refused(tmp_path / "a.onnx")
    described = description(file="a.onnx", format="ONNX", file_sha256=digest.of_file(tmp_path / "a.onnx"))
    write_description(tmp_path / "a.onnx", described)
    assert "is not an ONNX file that onnxruntime takes" in refused(tmp_path / "a.onnx")
    assert "no model" in refused(tmp_path / "b.onnx")
    (tmp_path / "a.txt").touch()
    assert "ends in .ckpt, .onnx, .mindir" in refused(tmp_path / "a.txt")
    (tmp_path / "a.mindir").touch()
    assert "beside it is missing; export both" in refused(tmp_path / "a.mindir")
    assert "ONNX files run on the CPU here" in refused(exported_onnx, device_target="Ascend")
    assert "must be 1 or more" in refused(exported_onnx, threads=0)
    assert api.load(exported_onnx, threads=1).size == 64


def test_a_model_that_is_not_the_described_one_is_refused(exported_onnx, tmp_path):
    for ending in ("", ".json"):
        shutil.copy(exported_onnx.with_name(exported_onnx.name + ending), tmp_path)
    copy = tmp_path / exported_onnx.name
    copy.write_bytes(copy.read_bytes() + b"\0")
    assert "its digest is another" in refused(copy)
    copy.rename(tmp_path / "alone.onnx")
    assert "is not as export.py wrote it" in refused(tmp_path / "alone.onnx")


def test_what_a_file_says_of_itself_is_checked(exported_onnx, tmp_path):
    """Sealed files by another hand: of other shapes than they say, and without a description."""
    model = onnx.load(exported_onnx)
    within = {entry.key: entry.value for entry in model.metadata_props}
    said = json.loads(within["fastflow"])
    said["input"]["shape"][2:] = [32, 32]
    said["outputs"][0]["shape"][2:] = [32, 32]
    for text, message in ((json.dumps(said), "image is not as its"), ("{}", "does not say what it takes and gives")):
        onnx.helper.set_model_props(model, {"fastflow": text, own_digest.KEY: own_digest.EMPTY})
        onnx.save(model, tmp_path / "other.onnx")
        own_digest.seal(tmp_path / "other.onnx")
        assert message in refused(tmp_path / "other.onnx")
