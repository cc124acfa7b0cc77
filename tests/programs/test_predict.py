"""predict.py as a process: a score for every picture, as eval.py gives it, and the user's own pictures stay."""

import json
import shutil

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
