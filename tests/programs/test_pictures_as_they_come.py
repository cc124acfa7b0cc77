"""Oblong, padded, tiled and partly hidden pictures: the same maps and scores in every program and runtime."""

import json
import resource
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from src import ROOT, hidden
from tests.support.programs import error_of, succeed, train_arguments
from tests.support.runner_pictures import LIMIT, assert_agree

WAYS = {
    "oblong": {"im_resize": "32,64"},
    "tiles": {"im_resize": 32, "tile": "40,32", "overlap": 8, "score": "maximum"},
    "aspect": {"im_resize": "32,64", "keep_aspect": "true", "score": "deviation"},
    "interest": {"im_resize": "32,64", "roi": "one", "score": "log_deviation", "whitening": "true"},
    "each interest": {"im_resize": 32, "roi": "each"},
    "tiles of interest": {
        "im_resize": 32,
        "tile": "72,32",
        "overlap": 8,
        "keep_aspect": "true",
        "roi": "one",
        "score": "maximum",
    },
    "oblong as in a factory": {"im_resize": "128,512"},
}
QUICK = ("tiles", "interest")
SLOW = ("oblong", "aspect")  # what they show, two longer ways show too
SEEN = np.zeros((64, 64), bool)
SEEN[8:60, 4:50] = True


def marks_of(way):
    """When a way is tested."""
    if way in QUICK:
        return ()
    return pytest.mark.slow if way in SLOW else pytest.mark.thorough


def masks(data, folder):
    """The mask for all pictures, and a folder of one for each; by the words that stand for them in `WAYS`."""
    one, each = folder / "roi.png", folder / "rois"
    Image.fromarray(np.uint8(255 * SEEN)).save(one)
    for picture in (data / "fabric").rglob("*.png"):
        if "ground_truth" not in picture.parts:
            target = each / picture.relative_to(data / "fabric")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(one, target)
    return {"one": one, "each": each}


def predicted(model, data, folder, *options):
    """By picture, its score and map by predict.py."""
    given = ("--model", model, "--input", data, "--output_dir", folder, "--save_maps", "npy", *options)
    succeed("predict.py", *given)
    said = json.loads((folder / "scores.json").read_text())["pictures"]
    return {name: (each["score"], np.load(folder / f"{name}.npy")) for name, each in said.items()}


def agree(found, wanted):
    assert set(found) == set(wanted)
    for name, (score, anomaly_map) in wanted.items():
        assert found[name][0] == pytest.approx(score, abs=LIMIT)
        np.testing.assert_allclose(found[name][1], anomaly_map, atol=LIMIT)


def train(way, data, weights, folder):
    """Train in one of the ways; the options, the checkpoint, and what of the options must be given again."""
    changes = dict(WAYS[way])
    roi = masks(data, folder).get(changes.get("roi"))
    if roi is not None:
        changes["roi"] = roi
    succeed("train.py", *train_arguments(data, weights, folder / "run", num_epochs=1, eval_interval=0, **changes))
    again = ["--roi", roi] if roi is not None and roi.is_dir() else []
    return changes, folder / "run" / "fastflow_fabric.ckpt", again


@pytest.mark.parametrize("way", [pytest.param(way, marks=marks_of(way)) for way in WAYS])
def test_every_program_and_runtime_gives_the_same(way, data, weights, tmp_path):
    changes, checkpoint, again = train(way, data, weights, tmp_path)
    run, tested = checkpoint.parent, data / "fabric" / "test"
    given = ("--dataset_path", data, "--ckpt_path", checkpoint, "--output_dir", tmp_path / "eval", *again)
    succeed("eval.py", *given, "--save_maps", "npy", "--save_imgs", "--report")
    said = json.loads((run / "fastflow_fabric_eval.json").read_text())
    assert 0 <= said["metrics"]["pixel_auc"] <= 1
    evaluated = {
        name: (each["score"], np.load(tmp_path / "eval" / "fabric" / f"{name}.npy"))
        for name, each in said["pictures"].items()
    }
    if "tile" in changes:
        assert {anomaly_map.shape for _, anomaly_map in evaluated.values()} == {(64, 64)}
        for score, anomaly_map in evaluated.values():
            assert score == pytest.approx(float(anomaly_map.max()))
    succeed("export.py", "--ckpt_file", checkpoint, "--output_dir", run, "--file_format", "ONNX")
    succeed("export.py", "--ckpt_file", checkpoint, "--output_dir", run, "--mindir_version", 1)
    agree(predicted(run / "fastflow_fabric.onnx", tested, tmp_path / "onnx", *again), evaluated)
    agree(predicted(run / "fastflow_fabric.mindir", tested, tmp_path / "mindir", *again), evaluated)
    if changes.get("roi") == tmp_path / "roi.png":
        hostile_content_changes_nothing(run / "fastflow_fabric.onnx", tested, tmp_path, evaluated)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_the_runner_in_mindspore_lite_gives_the_same(way, runner, data, weights, tmp_path):
    """From pictures, of MindIR version 1, under qemu: scores, verdicts, regions and heat maps."""
    _, checkpoint, again = train(way, data, weights, tmp_path)
    succeed("export.py", "--ckpt_file", checkpoint, "--output_dir", tmp_path, "--mindir_version", 1)
    assert_agree(runner, tmp_path / "fastflow_fabric.mindir", data / "fabric" / "test", tmp_path, *again)


def hostile_content_changes_nothing(model, tested, folder, evaluated):
    """Whatever lies outside of the region of interest: score and map stay as they are."""
    rng = np.random.default_rng(0)
    for picture in tested.rglob("*.png"):
        values = np.array(Image.open(picture).convert("RGB"))
        values[~SEEN] = rng.choice([0, 255], ((~SEEN).sum(), 3))
        target = folder / "hostile" / picture.relative_to(tested)
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(values).save(target)
    found = predicted(model, folder / "hostile", folder / "of hostile")
    for name, (score, anomaly_map) in found.items():
        assert score == pytest.approx(evaluated[name][0], abs=1e-5)
        np.testing.assert_allclose(anomaly_map, evaluated[name][1], atol=1e-5)
        assert (anomaly_map == hidden.MAP).any()


def test_options_that_do_not_fit_are_refused(data, weights, trained, tmp_path):
    def refused(**changes):
        return error_of("train.py", *train_arguments(data, weights, tmp_path / "run", **changes))

    assert "--overlap 8 is of tiles; give --tile too" in refused(overlap=8)
    assert "--overlap 32: a tile of 32 has no more; give less" in refused(tile=32, overlap=32)
    assert "less than a tile of 96x96; give a smaller one" in refused(tile=96)
    assert "no picture" in refused(roi=tmp_path / "none.png") or "none.png" in refused(roi=tmp_path / "none.png")
    assert not (tmp_path / "run").exists() or not list((tmp_path / "run").glob("*.ckpt"))
    mask = tmp_path / "m.png"
    Image.fromarray(np.uint8(255 * SEEN)).save(mask)
    given = ("--model", trained[0] / "fastflow_fabric.ckpt", "--input", data, "--roi", mask)
    assert "was trained on whole pictures; train with --roi" in error_of("predict.py", *given)


# A large picture

SIDES, DEFECT = (3072, 4096), (1703, 2961)  # height and width; row and column of the defect's corner


def fabric(height, width, seed):
    """Woven fabric of any size."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    weave = 40 * np.sin(x * 0.9) * np.sin(y * 0.9) + 12 * np.sin((x + y) * 0.05)
    values = 128 + weave + rng.normal(0, 6, (height, width)).astype(np.float32)
    return np.repeat(np.uint8(np.clip(values, 0, 255))[..., None], 3, 2)


def largest_region_near(said):
    """Whether the region with the highest peak lies within 10 pixels of the defect."""
    region = max(said["regions"], key=lambda each: each["peak"])
    return abs(region["peak_y"] - DEFECT[0] - 10) <= 20 and abs(region["peak_x"] - DEFECT[1] - 10) <= 20


@pytest.mark.slow
def test_tiles_find_what_the_whole_picture_hides(weights, tmp_path):
    """A defect of 20 pixels in 4096 x 3072: tiles find it, 256 pixels for the whole do not. The peak memory is told."""
    train, test = tmp_path / "data" / "fabric" / "train" / "good", tmp_path / "data" / "fabric" / "test"
    truth = tmp_path / "data" / "fabric" / "ground_truth" / "spot"
    for folder in (train, test / "good", test / "spot", truth):
        folder.mkdir(parents=True)
    for seed in range(4):
        Image.fromarray(fabric(768, 1024, seed)).save(train / f"{seed}.png")
    Image.fromarray(fabric(*SIDES, 100)).save(test / "good" / "0.png")
    values, mask = fabric(*SIDES, 101), np.zeros(SIDES, np.uint8)
    inside = np.s_[DEFECT[0] : DEFECT[0] + 20, DEFECT[1] : DEFECT[1] + 20]
    values[inside], mask[inside] = 90, 255
    Image.fromarray(values).save(test / "spot" / "0.png")
    Image.fromarray(mask).save(truth / "0_mask.png")
    found = {}
    for name, more in (("tiles", {"tile": 256, "overlap": 32}), ("whole", {})):
        run = tmp_path / name
        changes = {"im_resize": 256, "flow_step": 2, "num_epochs": 4 if more else 40, "eval_interval": 0, **more}
        succeed("train.py", *train_arguments(tmp_path / "data", weights, run, **changes))
        given = ["--dataset_path", tmp_path / "data", "--ckpt_path", run / "fastflow_fabric.ckpt"]
        command = [sys.executable, ROOT / "eval.py", *given, "--output_dir", tmp_path / f"eval_{name}"]
        subprocess.run(list(map(str, command)), check=True, capture_output=True)
        found[name] = json.loads((run / "fastflow_fabric_eval.json").read_text())
    print({name: each["metrics"] for name, each in found.items()})
    print(found["tiles"]["pictures"]["spot/0"]["regions"][:3])
    print("peak of any process, MB:", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)
    assert found["tiles"]["metrics"]["pixel_auc"] > 0.99
    assert largest_region_near(found["tiles"]["pictures"]["spot/0"])
    whole = found["whole"]["pictures"]["spot/0"]
    assert not whole["regions"] or not largest_region_near(whole)
