"""The manifest of the runner's input: read as it was written, and refused where it is another JSON."""

import json
from pathlib import Path

import pytest

from src.data.samples import Sample
from src.deploy.manifest import MANIFEST, Entry, Manifest
from src.utils import UserError
from tests.support.exported_files import description

GOOD = Sample(Path("/data/nut/test/good/000.png"), 0, "good", None, "good/000")
CUT = Sample(Path("/data/nut/test/cut/000.png"), 1, "cut", Path("/data/nut/ground_truth/cut/000_mask.png"), "cut/000")


GOOD_ENTRY = Entry("000000_good_000.bin", GOOD).to_json()


@pytest.fixture
def manifest(tmp_path):
    written = Manifest("nut", description(), [Entry("000000_good_000.bin", GOOD), Entry("000001_cut_000.bin", CUT)])
    written.write(tmp_path)
    return written


def test_it_is_read_as_it_was_written(manifest, tmp_path):
    assert Manifest.read(tmp_path) == manifest


def test_the_keys_stay_what_they_are(manifest, tmp_path):
    """scripts/infer.sh and other programs read them."""
    found = json.loads((tmp_path / MANIFEST).read_text())
    assert list(found) == ["category", "model", "bit_depth", "found", "samples", "sha256"]
    assert found["model"] == description().to_json()
    assert found["samples"][1] == {
        "file": "000001_cut_000.bin",
        "name": "cut/000",
        "image": "/data/nut/test/cut/000.png",
        "label": 1,
        "defect": "cut",
        "mask": "/data/nut/ground_truth/cut/000_mask.png",
    }
    assert found["samples"][0]["mask"] is None


def test_paths_are_written_absolute(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    entry = Entry("000000_good_000.bin", Sample(Path("good/000.png"), 0, "good", None, "good/000"))
    assert entry.to_json()["image"] == f"{tmp_path}/good/000.png"


@pytest.mark.parametrize(
    "value",
    [
        {"category": None},
        {"category": "a\nb"},
        {"model": {}},
        {"model": description().to_json() | {"input": None}},
        {"samples": ["a"]},
        {"samples": [1]},
        {"samples": [None]},
        *({"samples": [GOOD_ENTRY | {name: 3}]} for name in ("file", "name", "image", "label", "defect", "mask")),
        {"samples": [GOOD_ENTRY | {"label": True}]},
        {"samples": [{"file": "a.bin"}]},
        {"samples": {}},
    ],
)
def test_another_json_is_refused(manifest, tmp_path, value):
    found = json.loads((tmp_path / MANIFEST).read_text()) | value
    del found["sha256"]  # as somebody does who changes it
    (tmp_path / MANIFEST).write_text(json.dumps(found))
    with pytest.raises(UserError, match=r"manifest\.json is not preprocess\.py's; run it again"):
        Manifest.read(tmp_path)


def test_a_changed_one_is_refused(manifest, tmp_path):
    path = tmp_path / MANIFEST
    path.write_text(path.read_text().replace('"label": 1', '"label": 0'))
    with pytest.raises(UserError, match=r"^\S*manifest\.json is not as it was written: its digest is another; "):
        Manifest.read(tmp_path)


def test_a_missing_one_is_named(tmp_path):
    with pytest.raises(UserError, match=r"cannot read .*manifest\.json: No such file"):
        Manifest.read(tmp_path)
