"""predict.py over a folder of 100 odd but honest files: a score, which is the right one, or a reason for each."""

import json
import math

import pytest
from PIL import Image

from tests.support import odd_files
from tests.support.programs import program


def test_each_of_100_odd_files_has_its_score_or_a_reason(trained, data, tmp_path):
    with Image.open(sorted((data / "fabric/test/good").iterdir())[0]) as image:
        expected = odd_files.make(tmp_path / "odd", image)
    assert len(expected) == len(list((tmp_path / "odd").iterdir())) == 100
    given = ("--ckpt_path", trained[0] / "fastflow_fabric.ckpt", "--img_dir", tmp_path / "odd", "--save_imgs")
    done = program("predict.py", *given, "--output_dir", tmp_path / "out")
    assert (done.returncode, done.stderr) == (3, "")
    found = json.loads((tmp_path / "out/scores.json").read_text())
    assert set(found["pictures"]) == set(expected)
    wrong = {}
    for name, said in found["pictures"].items():
        odd = expected[name]
        if odd.reason is not None:
            right = "score" not in said and odd.reason in said["error"] and "\n" not in said["error"]
        elif odd.same is not None:
            right = said.get("score") == pytest.approx(found["pictures"][odd.same]["score"], abs=1e-5)
        else:
            right = math.isfinite(said.get("score", math.nan))
        if not right:
            wrong[name] = (odd, said)
    assert not wrong
    without = sum(odd.reason is not None for odd in expected.values())
    assert f"{without} of 100 pictures have no score:" in done.stdout
    assert len(list((tmp_path / "out").rglob("*.png"))) == 100 - without
    assert "found 100 pictures: .png 42, .tif 27, " in done.stdout
