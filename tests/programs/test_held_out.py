"""Held-out good pictures, from train.py to the verdicts of eval.py and predict.py."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from src import checkpoint, config
from src.good_pictures import conformal_threshold, divide
from src.plan import Plan
from src.runtime.device import Device
from src.synthetic.category import make_category
from src.training import Training
from src.utils import UserError
from tests.support.programs import error_of, files, made_once, program, result_of, succeed, train_arguments

OPTIONS = {"num_epochs": 2, "eval_interval": 0}


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A generated category with enough good pictures to hold some out: 20 of 62."""

    def make(folder):
        make_category(folder, "fabric", train=62, good=6, defects=8, image_size=32, seed=4)

    return made_once(tmp_path_factory, "many good pictures", make)[0]


@pytest.fixture(scope="module")
def judged(many, weights, tmp_path_factory):
    """A finished training that holds pictures out: its folder and what it printed."""

    def make(folder):
        return succeed("train.py", *train_arguments(many, weights, folder, **OPTIONS))

    return made_once(tmp_path_factory, "judged", make)


def held_out(folder):
    """The names of the pictures that a training has held out."""
    return result_of(folder)["held_out"]["names"]


def picture(data, name):
    """A training picture's file, by the name of its sample."""
    return data / "fabric/train" / f"{name}.png"


def trained_arrays(path):
    """The arrays of a checkpoint, to the byte."""
    arrays, _ = checkpoint.read(path / "fastflow_fabric.ckpt", "detector")
    return {name: array.tobytes() for name, array in arrays.items()}


def plan(*given):
    return Plan.of(config.parse("train", "", [*map(str, given), "--graph_cache", "off"]), Device("CPU"))


def test_result_and_checkpoint_name_what_was_held_out_and_the_thresholds(judged):
    folder, said = judged
    result = result_of(folder)
    names = result["held_out"].pop("names")
    assert result["held_out"] == {"share": 0.1, "seed": 1, "pictures": 20}
    assert (result["train_pictures"], len(set(names))) == (42, 20)
    assert "20 of 62 good pictures are held out, for the thresholds" in said
    _, metadata = checkpoint.read(folder / "fastflow_fabric.ckpt", "detector")
    good = metadata.good_pictures
    assert (metadata.held_out, good.source, good.false_alarms) == (names, "held out", 0.01)
    assert len(good.scores) == len(good.peaks) == 20
    assert metadata.thresholds == {name: result["metrics"][name] for name in metadata.thresholds}
    assert set(metadata.thresholds) == {"image_threshold_f1_max", "pixel_threshold_f1_max"}
    thresholds, reading = result["thresholds"], result["reading"]
    assert thresholds["image_threshold"] == conformal_threshold(good.scores, 0.01)
    assert thresholds["pixel_threshold"] == conformal_threshold(good.peaks, 0.01)
    assert reading["image_typical"] == np.median(good.scores)
    assert "20 held-out good pictures allow no less than 4.8 % false alarms; 1 % needs 99" in said
    errors = result["errors"]
    assert (errors["defective_pictures"], errors["good_pictures"]) == (8, 6)
    counted = f"{errors['missed']} of 8 defective pictures missed, {errors['false_alarms']} of 6 good pictures called"
    threshold = f"{thresholds['image_threshold']:.4f}"
    assert f"at the threshold {threshold} (from 20 held-out good pictures): {counted} defective" in said


@pytest.mark.parametrize("share", [0, 0.1])
def test_holding_pictures_out_is_training_without_them(judged, many, weights, tmp_path, share):
    """Weights and losses, to the byte: without the 20 pictures, and with noise in their place."""
    data = shutil.copytree(many, tmp_path / "data")
    for name in held_out(judged[0]):
        if share:
            noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
            Image.fromarray(noise).save(picture(data, name))
        else:
            picture(data, name).unlink()
    succeed("train.py", *train_arguments(data, weights, tmp_path / "ckpt", **OPTIONS, held_out=share))
    found, wanted = result_of(tmp_path / "ckpt"), result_of(judged[0])
    assert found["losses"] == wanted["losses"]
    assert trained_arrays(tmp_path / "ckpt") == trained_arrays(judged[0])
    for name in ("metrics", "train_pictures"):
        assert found[name] == wanted[name]
    assert found["thresholds"] != wanted["thresholds"]
    assert (found["reading"]["source"], found["reading"]["pictures"]) == (
        ("held out", 20) if share else ("training", 42)
    )


def test_what_is_trained_on_and_what_is_held_out_are_all_good_pictures(many, weights, tmp_path):
    training = Training(plan(*train_arguments(many, weights, tmp_path)))
    used = {sample.name for sample in training.train_samples}
    names = {sample.name for sample in training.held_out}
    assert (len(used), len(names), used & names) == (42, 20, set())
    assert used | names == {f"good/{path.stem}" for path in (many / "fabric/train/good").iterdir()}
    assert len(training.images) == training.order.count == 42
    rows = {image.tobytes() for image in training.images}
    assert not rows & {image.tobytes() for image in training.assessor.good}


def test_a_resumed_training_has_the_same_pictures_held_out(many, weights, tmp_path):
    data = shutil.copytree(many, tmp_path / "data")
    given = train_arguments(data, weights, tmp_path / "ckpt")
    Training(plan(*given)).save_state()
    Training(plan(*given, "--resume")).resume()
    with pytest.raises(
        UserError, match=r"^--held_out 0\.4: .* was trained with 0\.1; give --held_out 0\.1, or remove it$"
    ):
        Training(plan(*given, "--resume", "--held_out", 0.4)).resume()
    _, names = divide(Training(plan(*given, "--resume")).plan.source.train(), 0.1, 1)
    path = picture(data, names[0].name)
    path.rename(path.with_name("another.png"))
    with pytest.raises(UserError, match="was made with another network or data set; remove it to start anew"):
        Training(plan(*given, "--resume")).resume()


def test_a_picture_that_cannot_be_read_is_found_before_the_first_step(judged, many, weights, tmp_path):
    data = shutil.copytree(many, tmp_path / "data")
    broken = picture(data, held_out(judged[0])[3])
    broken.write_text("no picture")
    assert str(broken) in error_of("train.py", *train_arguments(data, weights, tmp_path / "ckpt"))
    assert files(tmp_path / "ckpt") == []


def test_held_out_pictures_are_called_good_as_promised_and_another_share_needs_no_training(judged, many, tmp_path):
    for name in held_out(judged[0]):
        (tmp_path / "new").mkdir(exist_ok=True)
        shutil.copy(picture(many, name), tmp_path / "new")
    given = ("--ckpt_path", judged[0] / "fastflow_fabric.ckpt", "--img_dir", tmp_path / "new")
    for share, alarms in ((None, 0), (0.25, 4)):  # 5 of 21, one of them a new picture
        more = () if share is None else ("--false_alarms", share)
        said = succeed("predict.py", *given, "--output_dir", tmp_path / "out", *more, "--test_batch_size", 3)
        found = json.loads((tmp_path / "out/scores.json").read_text())
        verdicts = [entry["verdict"] for entry in found["pictures"].values()]
        assert (verdicts.count("defective"), verdicts.count("good")) == (alarms, 20 - alarms)
        assert said.count(" defective (anomaly ") == alarms
        assert (found["reading"]["false_alarms"], "allow no less" in said) == (share or 0.01, share is None)


def test_a_checkpoint_without_good_pictures_gives_no_verdicts_but_for_a_folder_of_them(judged, many, tmp_path):
    detector, _ = checkpoint.load_detector(judged[0] / "fastflow_fabric.ckpt")
    checkpoint.save_detector(tmp_path / "converted.ckpt", detector, category="fabric")
    given = ("--ckpt_path", tmp_path / "converted.ckpt", "--dataset_path", many, "--result_path", tmp_path / "e.json")
    given += ("--save_imgs", "--output_dir", tmp_path / "panels")
    said = succeed("eval.py", *given)
    result = json.loads((tmp_path / "e.json").read_text())
    assert "no verdicts: the model knows no good pictures; give a folder of some: --good_dir" in said
    assert "at the threshold" not in said
    assert (result["reading"], result["errors"]) == (None, None)
    said_of = result["pictures"]["good/000"]
    assert {name for name, value in said_of.items() if value is not None} == {"file", "score", "milliseconds"}
    assert len(files(tmp_path / "panels")) == 14 + 1  # the table of scores
    said = succeed("eval.py", *given, "--good_dir", many / "fabric/train/good", "--false_alarms", 0.02)
    assert "(from 62 given good pictures): " in said
    result = json.loads((tmp_path / "e.json").read_text())
    assert (result["reading"]["source"], result["reading"]["pictures"]) == ("given", 62)
    assert result["pictures"]["good/000"]["verdict"] in ("good", "defective")
    message = error_of("eval.py", *given, "--false_alarms", 0.1)
    assert message == (
        f"error: --false_alarms: {tmp_path}/converted.ckpt knows no good pictures to choose thresholds on; "
        "give some: --good_dir\n"
    )


@pytest.mark.parametrize("value", ["0", "0.6", "nan"])
def test_a_share_of_false_alarms_that_means_nothing_is_refused(judged, many, value):
    given = ("--ckpt_path", judged[0] / "fastflow_fabric.ckpt", "--dataset_path", many, "--false_alarms", value)
    assert "--false_alarms " in (message := error_of("eval.py", *given))
    assert "must be 0.5 or less" in message or "must be 1e-06 or more" in message


@pytest.mark.thorough
def test_two_processes_hold_out_what_one_does(many, weights, tmp_path):
    given = {"num_epochs": 2, "eval_interval": 1, "score": "deviation"}
    succeed("train.py", *train_arguments(many, weights, tmp_path / "one", **given, shards=2))
    two = train_arguments(many, weights, tmp_path / "two", **given)
    done = program("scripts/train_distributed.py", "--worker_num", 2, "--", *two, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    one, both = result_of(tmp_path / "one"), result_of(tmp_path / "two")
    assert both["held_out"] == one["held_out"]
    np.testing.assert_allclose(both["losses"], one["losses"], rtol=1e-4, atol=1e-2)
    assert both["thresholds"] == pytest.approx(one["thresholds"], abs=1e-3)
