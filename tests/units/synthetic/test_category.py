"""The generated category: the same to the byte for the same seed, and complete or not there at all."""

import subprocess
import sys
from pathlib import Path

import pytest

from src import ROOT
from src.data.layouts import samples_for_testing, samples_for_training
from src.data.samples import has_masks
from src.dataset import load_images
from src.labelled import load_masks
from src.synthetic import category
from src.synthetic.category import make_category
from src.synthetic.damages import KINDS
from src.utils import UserError

SMALL = {"train": 4, "good": 2, "defects": 8, "image_size": 32}


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_is_a_readable_mvtec_category(tmp_path):
    folder = make_category(tmp_path, "cloth", **SMALL)
    assert folder == tmp_path / "cloth"
    assert list(tmp_path.iterdir()) == [folder]
    train, test = samples_for_training(tmp_path, "cloth", "mvtec"), samples_for_testing(tmp_path, "cloth", "mvtec")
    assert (len(train), len(test)) == (4, 10)
    assert {sample.defect for sample in test} == {"good", *KINDS}
    assert has_masks(test)
    marked = load_masks(test, 32)[0].any(axis=(1, 2))
    assert marked.tolist() == [False] * 2 + [True] * 8
    assert load_images(test, 32).std() > 10


def test_same_seed_same_bytes(tmp_path):
    first = files(make_category(tmp_path / "a", "cloth", **SMALL, seed=5))
    assert first == files(make_category(tmp_path / "b", "cloth", **SMALL, seed=5))
    more = files(make_category(tmp_path / "c", "cloth", **{**SMALL, "train": 6, "defects": 12}, seed=5))
    assert first.items() <= more.items()
    assert first["train/good/000.png"] != first["train/good/001.png"]
    for other in ({"category": "cloth", "seed": 6}, {"category": "linen", "seed": 5}):
        assert files(make_category(tmp_path / "d", **other, **SMALL)) != first


def test_refuses_what_is_there_and_bad_options(tmp_path):
    (tmp_path / "cloth").mkdir()
    make_category(tmp_path, "cloth", **SMALL)  # an empty folder may be filled
    before = files(tmp_path)
    with pytest.raises(UserError, match=r"cloth exists and is not empty; remove it or choose another folder"):
        make_category(tmp_path, "cloth", **SMALL)
    assert files(tmp_path) == before
    with pytest.raises(UserError, match="an image size of 16; give 32 or more"):
        make_category(tmp_path, "x", image_size=16)
    with pytest.raises(UserError, match="train, good and defects must be 1 or more"):
        make_category(tmp_path, "x", train=0)
    with pytest.raises(UserError, match=r"'\.\./x' cannot name a category"):
        make_category(tmp_path, "../x")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write .*file/x: .*; choose a folder that can be written"):
        make_category(tmp_path / "file", "x", **SMALL)


def test_nothing_half_written_when_interrupted(tmp_path, monkeypatch):
    def interrupt(path, array):
        if path.parent.name == "thread":
            raise KeyboardInterrupt
        return save(path, array)

    save = category._save
    monkeypatch.setattr(category, "_save", interrupt)
    with pytest.raises(KeyboardInterrupt):
        make_category(tmp_path, "cloth", **SMALL)
    assert list(tmp_path.iterdir()) == []


def test_program_from_another_folder(tmp_path):
    program = ROOT / "scripts" / "make_synthetic.py"
    options = ["--image_size", "32", "--train", "2", "--good", "1", "--defects", "4"]
    command = [sys.executable, program, "--output_dir", "out dir", *options]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "2 training and 5 test pictures in out dir/fabric\n"
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (again.returncode, again.stdout) == (2, "")
    assert again.stderr.startswith("error: out dir/fabric exists and is not empty;")
    assert again.stderr.count("\n") == 1
