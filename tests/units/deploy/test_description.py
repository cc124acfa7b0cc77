"""The JSON beside an exported file: read as it was written, and refused where it is another one."""

import hashlib
import json

import pytest

from src import hidden
from src.deploy.description import ANOMALY_MAP, PIXELS, SCORE, ModelInput, ModelOutput
from src.deploy.description_file import read_description, write_description
from src.files import description_of
from src.utils import UserError
from src.verdict import Judge, Reading
from tests.support.exported_files import description

INPUT = {"shape": [1, 3, 32, 32], "mean": [0.0, 0.0, 0.0], "std": [1.0, 1.0, 1.0]}


@pytest.fixture
def file(tmp_path):
    """An exported file with its description."""
    path = tmp_path / "fastflow_nut.mindir"
    path.write_bytes(b"graph")
    write_description(path, description())
    return path


def test_it_is_read_as_it_was_written(file):
    assert description_of(file) == file.with_name("fastflow_nut.mindir.json")
    assert read_description(file) == read_description(str(file)) == description()
    assert description().input.size == (32, 32)


def test_the_keys_stay_what_they_are(file):
    """Other programs read them."""
    found = json.loads(description_of(file).read_text())
    assert list(found) == [
        "file",
        "format",
        "mindir_version",
        "category",
        "split",
        "bit_depth",
        "dynamic_batch",
        "input",
        "outputs",
        "thresholds",
        "reading",
        "architecture",
        "checkpoint",
        "checkpoint_sha256",
        "file_sha256",
        "largest_difference",
        "versions",
        "roi",
        "sha256",
    ]
    assert found["input"] == {
        "name": "image",
        "shape": [1, 3, 32, 32],
        "type": "float32",
        "colours": "RGB",
        "scale": "value / 255, then (value - mean) / std",
        "mean": [0.5, 0.4, 0.3],
        "std": [0.25, 0.5, 1.0],
        "hidden": None,
    }
    assert found["outputs"] == [
        {"name": "anomaly_map", "shape": [1, 1, 32, 32], "type": "float32"},
        {"name": "score", "shape": [1], "type": "float32"},
    ]


def change(file, **values):
    path = description_of(file)
    value = json.loads(path.read_text()) | values
    del value["sha256"]  # as somebody does who changes it
    path.write_text(json.dumps(value))


def test_one_of_an_older_version_has_no_split(file):
    path = description_of(file)
    value = json.loads(path.read_text())
    del value["split"], value["file_sha256"], value["sha256"]
    path.write_text(json.dumps(value | {"a_later_key": 1}))
    assert read_description(file) == description()


def without_reading(file, **thresholds):
    """Make a description an older version's, with these thresholds."""
    path = description_of(file)
    value = json.loads(path.read_text())
    value.pop("sha256", None)
    value.pop("reading", None)
    path.write_text(json.dumps(value | {"thresholds": thresholds}))


def test_it_says_who_gives_verdicts(file):
    judge = read_description(file).judge
    assert judge == Judge(Reading(-0.25, -0.75), Reading(-0.5, -0.75), "held out", 21, 0.01)
    assert Judge.from_json(judge.thresholds(), judge.reading()) == judge
    change(file, reading=None, thresholds={})
    assert read_description(file).judge is None


def test_an_older_versions_thresholds_are_of_the_best_f1(file):
    without_reading(file, image_threshold=-0.25, pixel_threshold=-0.5)
    found = read_description(file)
    assert found.judge == Judge(Reading(-0.25, None), Reading(-0.5, None), "test set")
    assert (found.thresholds["image_threshold"], found.thresholds["image_threshold_f1_max"]) == (-0.25, -0.25)
    without_reading(file, image_threshold=-0.25)
    assert read_description(file).judge == Judge(Reading(-0.25, None), None, "test set")
    for nothing in ({}, {"image_threshold": None, "pixel_threshold": None}):
        without_reading(file, **nothing)
        assert read_description(file).judge is None


@pytest.mark.parametrize("missing", ["fastflow_nut.mindir", "fastflow_nut.mindir.json"])
def test_file_and_description_belong_together(file, missing):
    (file.parent / missing).unlink()
    with pytest.raises(UserError, match=r"or fastflow_nut\.mindir\.json beside it is missing; export both"):
        read_description(file)


@pytest.mark.parametrize(
    "values",
    [
        {"outputs": None},
        {"thresholds": None},
        {"thresholds": {}},
        {"thresholds": {"image_threshold": "high", "pixel_threshold": -0.5}},
        {"thresholds": {"image_threshold": -0.75, "pixel_threshold": -0.5}},  # not above what is typical
        {"reading": []},
        {"reading": description().reading | {"source": "elsewhere"}},
        {"reading": description().reading | {"pictures": None}},
        {"reading": {"image_typical": -0.75}},
        {"outputs": ["score"]},
        {"outputs": [{"shape": [1]}]},
        {"input": {}},
        {"input": None},
        {"input": {"shape": [1, 3, 32], "mean": [0, 0, 0], "std": [1, 1, 1]}},
        {"input": {"shape": 32, "mean": [0, 0, 0], "std": [1, 1, 1]}},
        {"input": INPUT | {"std": [1, 0, 1]}},
        {"input": INPUT | {"std": [1, "1", 1]}},
        {"input": INPUT | {"mean": [0, 0]}},
        {"input": INPUT | {"colours": "BGR"}},
        {"input": INPUT | {"type": "float64"}},
        {"input": INPUT | {"shape": [1, 3, 32, 64]}},
        {"input": INPUT | {"shape": [1, 3, 10**9, 10**9]}},
        {"input": INPUT | {"shape": [1, 3, 0, 0]}},
        {"input": INPUT | {"shape": [1, 32, 32, 3]}},
        {"input": INPUT | {"type": "uint8"}},
        {"input": INPUT | {"type": "uint8", "shape": [1, 64, 32, 3]}},
        {"input": INPUT | {"type": "float16"}},
        {"input": INPUT | {"more": 1}},
        {"outputs": [{"name": "anomaly_map", "shape": [1, 1, 64, 64]}, {"name": "score", "shape": [1]}]},
        {"category": 7},
        {"category": "a\nb"},
        {"thresholds": {"image_threshold": "low"}},
        {"file_sha256": "abc"},
        {"mindir_version": True},
        {"split": {"dataset": "imagenet"}},
    ],
)
def test_another_json_is_refused(file, values):
    change(file, **values)
    with pytest.raises(UserError, match=r"fastflow_nut\.mindir\.json is not export\.py's; export the model again"):
        read_description(file)


@pytest.mark.parametrize(("channels", "keep_aspect", "value"), [(3, False, None), (4, True, hidden.INPUT)])
def test_files_that_take_pixels_are_described(file, channels, keep_aspect, value):
    taken = ModelInput(
        shape=[1, 32, 64, channels], type=PIXELS, mean=[0.5, 0.4, 0.3], std=[0.25, 0.5, 1.0], hidden=value
    )
    outputs = [ModelOutput(name=ANOMALY_MAP, shape=[1, 1, 32, 64]), ModelOutput(name=SCORE, shape=[1])]
    given = description(input=taken, outputs=outputs, architecture={"keep_aspect": keep_aspect})
    write_description(file, given)
    assert read_description(file) == given
    assert read_description(file).framing().shape == (32, 64, channels)


def test_the_file_is_the_described_one(file):
    """An export that was killed between the two files leaves the new one of one beside the old one of the other."""
    write_description(file, description(file_sha256=hashlib.sha256(b"graph").hexdigest()))
    assert read_description(file).file_sha256 == hashlib.sha256(b"graph").hexdigest()
    file.write_bytes(b"grapi")
    with pytest.raises(UserError) as caught:
        read_description(file)
    assert str(caught.value) == (
        f"{file} is not the file that fastflow_nut.mindir.json describes: its digest is another; export it again"
    )


def test_a_description_that_was_changed_is_refused(file):
    path = description_of(file)
    path.write_text(path.read_text().replace("0.4", "0.5"))
    with pytest.raises(UserError, match=r"nut\.mindir\.json is not as it was written: its digest is another; "):
        read_description(file)


def test_a_json_without_category_is_refused(file):
    description_of(file).write_text('{"input": {}, "outputs": []}')
    with pytest.raises(UserError, match=r"is not export\.py's"):
        read_description(file)


def test_a_file_that_gives_latents_is_refused(file):
    write_description(file, description(outputs=[ModelOutput(name="latent_0", shape=[1, 64, 8, 8])]))
    with pytest.raises(UserError, match=r"gives no anomaly map; export it with --outputs map"):
        read_description(file)
