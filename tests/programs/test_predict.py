"""predict.py as a process: a score for every picture, as eval.py gives it, and the user's own pictures stay."""

import csv
import json
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from src import ROOT
from tests.support.programs import error_of, files, program, succeed


def test_a_bad_picture_costs_its_own_score_only(trained, data, tmp_path):
    shutil.copytree(data / "fabric/test/good", tmp_path / "new")
    (tmp_path / "new/bad.png").write_bytes(b"x")
    given = ("predict.py", "--ckpt_path", trained[0] / "fastflow_fabric.ckpt", "--img_dir", tmp_path / "new")
    done = program(*given, "--output_dir", tmp_path / "out")
    assert (done.returncode, done.stderr) == (3, "")
    bad = f"cannot read the picture {tmp_path}/new/bad.png: no known picture format, or damaged; replace or remove it"
    assert done.stdout.splitlines()[-3:-1] == ["1 of 5 pictures have no score:", bad]
    found = json.loads((tmp_path / "out/scores.json").read_text())
    assert found["pictures"].pop("bad") == {"file": f"{tmp_path}/new/bad.png", "error": bad}
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
    assert set(files(tmp_path / "out")) == {*before, "scores.json", "scores.csv"}

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
    for name, said in found["eight"]["pictures"].items():
        other = found["twelve"]["pictures"][name]
        assert {**other, "file": "", "milliseconds": 0} == {**said, "file": "", "milliseconds": 0}
    assert (found["eight"]["found"]["bit_depth"], found["twelve"]["found"]["bit_depth"]) == (None, 12)


def lines_of(said):
    """A prediction's verdict by picture's name, and its last line."""
    verdicts = dict(re.findall(r"^(\S+): -?[0-9.]+ (good|defective) ", said, re.M))
    return verdicts, said.splitlines()[-1]


def test_onnx_says_the_same_of_a_folder_a_pattern_a_file_and_a_list(trained, exported_onnx, data, tmp_path):
    pictures = sorted((data / "fabric/test").rglob("*.png"))
    shutil.copytree(data / "fabric/test", tmp_path / "new")
    (tmp_path / "new/bad.png").write_bytes(b"x")
    wanted, _ = lines_of(
        succeed("predict.py", "--model", trained[0] / "fastflow_fabric.ckpt", "--input", data / "fabric/test")
    )
    done = program("predict.py", "--model", exported_onnx, "--input", tmp_path / "new")
    found, last = lines_of(done.stdout)
    assert found == wanted
    defective = list(wanted.values()).count("defective")
    assert 0 < defective < len(wanted) == len(pictures)
    assert re.fullmatch(rf"{len(pictures) + 1} pictures, {defective} defective, 1 unreadable, [0-9.]+ ms each", last)
    assert (done.returncode, done.stderr) == (3, "")
    results = json.loads(Path("results/predict/fabric/scores.json").read_text())
    assert results["model_sha256"] == json.loads(Path(f"{exported_onnx}.json").read_text())["file_sha256"]
    rows = list(csv.DictReader(Path("results/predict/fabric/scores.csv").read_text().splitlines()))
    assert [row["file"] for row in rows] == [said["file"] for said in results["pictures"].values()]
    assert [row["error"] for row in rows].count("") == len(pictures)

    given = ("predict.py", "--model", exported_onnx, "--output_dir", tmp_path / "out", "--input")
    found, _ = lines_of(succeed(*given, data / "fabric/test/good/*.png"))
    assert found == {name.removeprefix("good/"): verdict for name, verdict in wanted.items() if "good/" in name}
    found, last = lines_of(succeed(*given, pictures[0]))
    assert list(found.values()) == [wanted[pictures[0].relative_to(data / "fabric/test").with_suffix("").as_posix()]]
    assert last.startswith("1 pictures, ")


def test_paths_come_on_standard_input(exported_onnx, data, tmp_path):
    pictures = sorted((data / "fabric/test").rglob("*.png"))
    command = [sys.executable, ROOT / "predict.py", "--model", exported_onnx, "--output_dir", tmp_path, "--input", "-"]
    listed = "".join(f"{path.relative_to(data)}\n\n" for path in pictures[::-1])
    done = subprocess.run(command, cwd=data, input=listed, capture_output=True, text=True, check=True)
    found, last = lines_of(done.stdout)
    assert list(found) == [path.relative_to(data / "fabric/test").with_suffix("").as_posix() for path in pictures[::-1]]
    assert last.startswith(f"{len(pictures)} pictures, ")
    done = subprocess.run(command, input="\n", capture_output=True, text=True, check=False)
    assert done.stderr == "error: no pictures in standard input; give a folder of pictures as --input\n"


def test_four_pictures_through_onnx_cost_two_seconds_of_a_processor(exported_onnx, data, tmp_path):
    pictures = sorted((data / "fabric/test/good").glob("*.png"))
    assert len(pictures) == 4
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    succeed("predict.py", "--model", exported_onnx, "--input", pictures[0].parent, "--output_dir", tmp_path)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 2


def test_pictures_are_drawn_at_their_own_size_and_maps_are_kept(exported_onnx, data, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying, seen standing
    (tmp_path / "new").mkdir()
    with Image.open(next((data / "fabric/test/hole").glob("*.png"))) as image:
        image.resize((640, 400)).save(tmp_path / "new/a.jpg", exif=exif)
    given = ("predict.py", "--model", exported_onnx, "--input", tmp_path / "new")
    succeed(*given, "--output_dir", tmp_path / "out", "--save_imgs", "full", "--save_maps", "tiff", "--min_area", 10**6)
    assert files(tmp_path / "out") == ["a.png", "a.tiff", "scores.csv", "scores.json"]
    with Image.open(tmp_path / "out/a.png") as drawn, Image.open(tmp_path / "out/a.tiff") as values:
        assert drawn.size == (400, 640)
        anomaly_map = np.asarray(values)
    said = json.loads((tmp_path / "out/scores.json").read_text())["pictures"]["a"]
    assert (anomaly_map.dtype, anomaly_map.shape) == (np.float32, (64, 64))
    assert anomaly_map.max() == np.float32(said["score"])
    assert (said["regions"], said["largest_area"]) == ([], 0)
