"""predict.py as a process: a score for every picture, as eval.py gives it, and the user's own pictures stay."""

import json
import shutil

import cv2
import numpy as np
import pytest

from tests.support.programs import error_of, files, program, succeed


def test_a_bad_picture_costs_its_own_score_only(trained, data, tmp_path):
    shutil.copytree(data / "fabric/test/good", tmp_path / "new")
    (tmp_path / "new/bad.png").write_bytes(b"x")
    given = ("predict.py", "--ckpt_path", trained[0] / "fastflow_fabric.ckpt", "--img_dir", tmp_path / "new")
    done = program(*given, "--output_dir", tmp_path / "out")
    assert (done.returncode, done.stderr) == (3, "")
    bad = f"cannot read the picture {tmp_path}/new/bad.png: no known picture format, or damaged; replace or remove it"
    assert done.stdout.splitlines()[-2:] == ["1 of 5 pictures have no score:", bad]
    found = json.loads((tmp_path / "out/scores.json").read_text())
    assert found["pictures"].pop("bad") == {"error": bad}
    assert len(found["pictures"]) == 4
    assert found["left"] == 0
    assert error_of(*given, "--strict") == f"error: {bad}\n"


def test_predict_scores_every_picture_and_spares_the_users_own(trained, data, tmp_path):
    shutil.copytree(data / "fabric/test", tmp_path / "new")
    before = {name: (tmp_path / "new" / name).read_bytes() for name in files(tmp_path / "new")}
    given = ("predict.py", "--ckpt_path", trained[0] / "fastflow_fabric.ckpt", "--img_dir", tmp_path / "new")
    given += ("--save_imgs", "--test_batch_size", 5)
    assert "among the pictures" in error_of(*given, "--output_dir", tmp_path / "new" / "results")
    succeed(*given, "--output_dir", tmp_path / "out")
    assert {name: (tmp_path / "new" / name).read_bytes() for name in files(tmp_path / "new")} == before
    found = json.loads((tmp_path / "out/scores.json").read_text())
    assert set(found["pictures"]) == {name.removesuffix(".png") for name in before}
    threshold = found["thresholds"]["image_threshold"]
    for entry in found["pictures"].values():
        assert entry["verdict"] == ("defective" if entry["score"] >= threshold else "good")
    assert set(files(tmp_path / "out")) == {*before, "scores.json"}

    evaluation = tmp_path / "eval.json"
    given = ("--ckpt_path", trained[0] / "fastflow_fabric.ckpt", "--dataset_path", data, "--result_path", evaluation)
    succeed("eval.py", *given)
    evaluated = json.loads(evaluation.read_text())
    assert (evaluated["thresholds"], evaluated["reading"]) == (
        evaluated["thresholds"] | found["thresholds"],
        found["reading"],
    )
    scores = {name: entry["score"] for name, entry in found["pictures"].items()}
    assert scores == pytest.approx(evaluated["scores"], abs=1e-5)
    assert set(evaluated["pictures"]) == set(found["pictures"])
    for name, entry in evaluated["pictures"].items():
        other = found["pictures"][name]
        assert entry["verdict"] == other["verdict"]
        assert (entry["anomaly"], entry["margin"]) == pytest.approx((other["anomaly"], other["margin"]), abs=1e-3)


def test_a_12_bit_cameras_pictures_score_as_their_8_bit_originals(trained, data, tmp_path):
    for path in (data / "fabric/test/good").iterdir():
        image = cv2.imread(str(path))
        for folder, values in (("eight", image), ("twelve", image.astype(np.uint16) * 16)):
            (tmp_path / folder).mkdir(exist_ok=True)
            cv2.imwrite(str(tmp_path / folder / path.name), values)
    found = {}
    for folder in ("eight", "twelve"):
        given = ("--ckpt_path", trained[0] / "fastflow_fabric.ckpt", "--img_dir", tmp_path / folder)
        said = succeed("predict.py", *given, "--output_dir", tmp_path / f"out_{folder}")
        assert "found 4 pictures: .png 4; 64x64; " in said
        assert ("16-bit files are read as 12 bits" in said) == (folder == "twelve")
        found[folder] = json.loads((tmp_path / f"out_{folder}/scores.json").read_text())
    assert found["twelve"]["pictures"] == found["eight"]["pictures"]
    assert (found["eight"]["found"]["bit_depth"], found["twelve"]["found"]["bit_depth"]) == (None, 12)
