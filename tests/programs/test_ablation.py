"""The ablation's program on two generated categories: trainings, tables and a picture; nothing is trained twice."""

import json

import pytest

from src.synthetic.category import make_category
from tests.support.programs import error_of, files, succeed


@pytest.mark.thorough
def test_recipes_are_trained_judged_and_not_trained_again(weights, tmp_path):
    for name in ("fabric", "linen"):
        make_category(tmp_path / "data", name, train=6, good=3, defects=4, image_size=32)
    given = ["--dataset_path", tmp_path / "data", "--pre_ckpt_path", weights, "--backbone", "efficientnet_lite0"]
    given += ["--categories", "fabric", "--recipes", "original", "4 flow steps", "--seeds", 1, "--num_epochs", 2]
    given += ["--eval_interval", 1, "--im_resize", 32, "--output", tmp_path / "out"]
    first = succeed("benchmarks/ablation.py", *given)
    assert first.count("training: ") == 2
    found = json.loads((tmp_path / "out/ablation.json").read_text())["results"]
    assert found["original"]["fabric"][0]["epochs"] == [1, 2]
    kinds = found["original"]["fabric"][0]["wrong"]["exp, t 1, sigma 0"]["maximum"]
    assert list(kinds) == ["black", "white", "noise", "blurred", "shifted", "half covered", "another product"]
    assert {"ablation.md", "ablation.png"} <= set(files(tmp_path / "out"))
    assert "training: " not in succeed("benchmarks/ablation.py", *given)


def test_a_wrong_size_is_one_line(tmp_path):
    given = ("--dataset_path", "x", "--pre_ckpt_path", "y", "--categories", "z", "--output", tmp_path / "out")
    message = error_of("benchmarks/ablation.py", *given, "--im_resize", 100)
    assert message == "error: --im_resize 100: must be a multiple of 16, 32 or more\n"
    assert not (tmp_path / "out").exists()
