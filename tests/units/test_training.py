"""A training in this process: mistakes in data and options, losses that run away, and what --resume goes on with."""

import logging
import shutil

import numpy as np
import pytest
from mindspore import Tensor
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from src import checkpoint, config, evaluation
from src.plan import Plan
from src.results import read_training
from src.runtime.device import Device
from src.training import Training, train
from src.utils import UserError
from tests.support.programs import files, train_arguments


def parsed(*given):
    """train.py's options. MindSpore's cache of compiled graphs is for the first graph of a process only: off here."""
    return config.parse("train", "", [*map(str, given), "--graph_cache", "off"])


def plan(*given):
    return Plan.of(parsed(*given), Device("CPU"))


def error_of(*given):
    """The one line of the error that a training ends in before its first step."""
    with pytest.raises(UserError) as caught:
        Training(plan(*given, "--shards", 1)).resume()
    assert "\n" not in str(caught.value)
    return str(caught.value)


# Mistakes


def first(folder, pattern="*.png"):
    return sorted(folder.rglob(pattern))[0]


def swap(path, make):
    """Replace a picture with what `make` gives for its size."""
    with Image.open(path) as image:
        new = make(image.size)
    new.save(path)


def empty(folder):
    shutil.rmtree(folder)
    folder.mkdir()


DAMAGES = {
    "no training pictures": lambda c: empty(c / "train/good"),
    "a picture without mask": lambda c: first(c / "ground_truth").unlink(),
    "a mask without picture": lambda c: first(
        c / "test" / sorted(p.name for p in (c / "ground_truth").iterdir())[0]
    ).unlink(),
    "a mask of another size": lambda c: swap(
        first(c / "ground_truth"), lambda s: Image.new("L", (s[0] + 1, s[1]), 255)
    ),
    "a truncated picture": lambda c: first(c / "train").write_bytes(first(c / "train").read_bytes()[:200]),
    "a picture that is none": lambda c: first(c / "train").write_text("no picture"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_bad_data_is_named_in_one_line_and_nothing_is_written(data, weights, tmp_path, damage):
    root = shutil.copytree(data, tmp_path / "data")
    DAMAGES[damage](root / "fabric")
    assert str(root) in error_of(*train_arguments(root, weights, tmp_path / "ckpt"))
    assert files(tmp_path / "ckpt") == []


MISTAKES = {
    "a missing folder": ({"dataset_path": "/nowhere/at/all"}, "/nowhere/at/all"),
    "a missing category": ({"category": "bottle"}, "there are fabric"),
    "missing weights": ({"pre_ckpt_path": "/nowhere/lite0.ckpt"}, "efficientnet-lite0-57934424.pth"),
    "weights of another encoder": ({"backbone": "resnet18"}, "holds weights of efficientnet_lite0"),
    "a folder that cannot be written": ({"ckpt_dir": "/proc/nowhere"}, "cannot write in /proc/nowhere"),
    "another layout": ({"dataset": "btad"}, "no training pictures in"),
    "another layout with a list": ({"dataset": "visa"}, "split_csv/1cls.csv"),
    "a list of pictures that the layout does not take": (
        {"train_list": "list.txt"},
        "a list of training pictures is for layout mtd, not for mvtec",
    ),
    "a precision that the device does not have": (
        {"amp_level": "O2", "amp_dtype": "bfloat16"},
        "has no bfloat16 convolution on this CPU; give --amp_dtype float16 or --amp_level O0",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_an_option_that_does_not_fit_is_named_in_one_line_and_nothing_is_written(data, weights, tmp_path, mistake):
    change, text = MISTAKES[mistake]
    assert text in error_of(*train_arguments(data, weights, tmp_path / "ckpt", **change))
    assert files(tmp_path / "ckpt") == []


# Losses that run away


class _RunsAway:
    """A training step that goes wrong once: its seventh loss is not finite, or its ninth update ruins a weight."""

    def __init__(self, step, ruin_weight):
        self.step, self.ruin_weight, self.calls = step, ruin_weight, 0

    def __getattr__(self, name):
        return getattr(self.step, name)

    def __call__(self, *features):
        self.calls += 1
        loss = self.step(*features)
        if self.calls == 7 and not self.ruin_weight:
            return Tensor(float("nan"))
        if self.calls == 9:
            weight = self.step.optimizer.parameters[0]
            weight.set_data(Tensor(np.full(weight.shape, np.inf, np.float32)))
        return loss


@pytest.mark.parametrize("ruin_weight", [False, True])
def test_the_last_good_state_stays(data, weights, tmp_path, ruin_weight):
    """Three steps are an epoch. The state after the second epoch must stay, and be good, whether the loss shows the
    fault or, at the end of the third epoch, only the weights do.
    """
    given = train_arguments(data, weights, tmp_path, num_epochs=9, save_interval=1, eval_interval=0, shards=1)
    training = Training(plan(*given))
    training.step = _RunsAway(training.step, ruin_weight)
    with pytest.raises(UserError, match=r"not finite|loss is nan") as caught:
        training.run()
    assert f"the last good state is {tmp_path}/fastflow_fabric.state.ckpt" in str(caught.value)
    assert files(tmp_path) == ["fastflow_fabric.state.ckpt"]
    arrays, metadata = checkpoint.read(tmp_path / "fastflow_fabric.state.ckpt", "state")
    assert metadata.progress["step"] == 6
    assert all(np.isfinite(array).all() for array in arrays.values())


def test_a_saved_state_has_the_figures_of_its_epoch(data, weights, tmp_path):
    given = train_arguments(data, weights, tmp_path, num_epochs=9, save_interval=1, eval_interval=1, shards=1)
    training = Training(plan(*given))
    training.step = _RunsAway(training.step, ruin_weight=False)
    with pytest.raises(UserError, match="loss is nan"):
        training.run()
    _, metadata = checkpoint.read(tmp_path / "fastflow_fabric.state.ckpt", "state")
    assert [record["epoch"] for record in metadata.progress["history"]] == [1, 2]


@pytest.mark.parametrize(
    ("begun", "best"), [(["--save_best"], -1), ([], 0)], ids=["kept, the last is best", "not kept, the first is best"]
)
def test_a_resumed_training_keeps_its_best_as_it_began(data, weights, tmp_path, monkeypatch, caplog, begun, best):
    monkeypatch.setattr("src.state.Progress.best", lambda progress: progress.history[best])
    given = train_arguments(data, weights, tmp_path, num_epochs=3, save_interval=1, eval_interval=1, shards=1)
    training = Training(plan(*given, *begun))
    training.step = _RunsAway(training.step, ruin_weight=False)
    with pytest.raises(UserError, match="loss is nan"):
        training.run()
    resumed = [] if begun else ["--save_best"]  # the other way round
    with caplog.at_level(logging.WARNING, "fastflow"):
        result = train(parsed(*given, *resumed, "--resume"), Device("CPU"))
    kept = tmp_path / "fastflow_fabric_best.ckpt"
    assert result["best_on_test"]["epoch"] == (1 if best == 0 else 3)
    if begun:
        assert checkpoint.read(kept, "detector")[1].epoch == 3
        assert caplog.messages == []
    else:
        assert not kept.exists()
        assert caplog.messages == [
            "--save_best: epoch 1 was best, before it was asked for; that checkpoint was not kept"
        ]


def test_the_best_of_a_training_that_was_given_up_is_not_kept(data, weights, tmp_path):
    shutil.copy(weights, tmp_path / "fastflow_fabric_best.state.ckpt")  # as of an earlier training
    given = train_arguments(data, weights, tmp_path, num_epochs=1, eval_interval=0)
    train(parsed(*given), Device("CPU"))
    assert files(tmp_path) == ["fastflow_fabric.ckpt", "fastflow_fabric.json", "fastflow_fabric.png"]


# Test sets that do not define every figure


def test_a_category_without_test_pictures_is_trained(data, weights, tmp_path):
    root = shutil.copytree(data, tmp_path / "data")
    for name in ("test", "ground_truth"):
        shutil.rmtree(root / "fabric" / name)
    given = train_arguments(root, weights, tmp_path / "ckpt", num_epochs=2, eval_interval=1, held_out=0)
    result = train(parsed(*given, "--save_best"), Device("CPU"))
    assert files(tmp_path / "ckpt") == ["fastflow_fabric.ckpt", "fastflow_fabric.json", "fastflow_fabric.png"]
    assert (result["test_pictures"], result["errors"], result["best_on_test"]) == (0, None, None)
    assert result["absent"] == ["no test pictures: no figures"]
    assert result["per_defect"] == {}
    assert set(result["thresholds"]) == {"image_threshold", "pixel_threshold"}  # of good pictures
    assert evaluation.headline(result)[2:] == result["absent"]
    assert read_training(tmp_path / "ckpt/fastflow_fabric.json").items() >= result.items()


def test_a_training_is_logged_with_its_losses_and_figures(data, weights, tmp_path):
    given = train_arguments(data, weights, tmp_path, num_epochs=2, eval_interval=1, log_to="tensorboard")
    result = train(parsed(*given), Device("CPU"))
    log = EventAccumulator(str(tmp_path / "tensorboard/fabric"))
    log.Reload()
    losses = [event.value for event in log.Scalars("train/loss")]
    assert [event.step for event in log.Scalars("train/loss")] == list(range(1, result["steps"] + 1))
    assert np.mean(losses[: len(losses) // 2]) == pytest.approx(result["losses"][0], rel=1e-5)
    assert [event.value for event in log.Scalars("train/lr")] == pytest.approx([1e-3] * len(losses))
    figures = [record["image_auc"] for record in result["history"]]
    assert [event.value for event in log.Scalars("test/image_auc")] == pytest.approx(figures)
    assert [event.step for event in log.Scalars("test/image_auc")] == [len(losses) // 2, len(losses)]


# What --resume goes on with


def test_a_state_beyond_the_wanted_epochs_is_refused(data, weights, tmp_path):
    training = Training(plan(*train_arguments(data, weights, tmp_path, num_epochs=9, shards=1)))
    training.progress.step = 6  # two epochs
    training.save_state()
    assert "is beyond that" in error_of(*train_arguments(data, weights, tmp_path, num_epochs=1), "--resume")
    assert files(tmp_path) == ["fastflow_fabric.state.ckpt"]


def test_half_precision_goes_on_in_the_same_precision_only(data, weights, tmp_path):
    half, full = (train_arguments(data, weights, tmp_path, amp_level=level) for level in ("O3", "O0"))
    Training(plan(*half, "--shards", 1)).save_state()
    assert "was trained with O3" in error_of(*full, "--resume")


def forget_shards(path):
    """Make a checkpoint one from before there were shards."""
    arrays, metadata = checkpoint.read_any(path)
    assert metadata.options.pop("shards") == 1
    checkpoint.save(path, {name: Tensor(array) for name, array in arrays.items()}, metadata)


def test_an_unfinished_run_goes_on_with_its_shards_only(data, weights, tmp_path):
    given = train_arguments(data, weights, tmp_path)
    Training(plan(*given, "--shards", 1)).save_state()
    with pytest.raises(
        UserError, match=r"--shards 2: .*\.state\.ckpt was trained with 1; give --shards 1, or remove it"
    ):
        Training(plan(*given, "--shards", 2, "--resume")).resume()
    forget_shards(tmp_path / "fastflow_fabric.state.ckpt")
    Training(plan(*given, "--shards", 1, "--resume")).resume()


def test_a_finished_run_is_known_by_its_shards(trained, data, weights, tmp_path):
    folder = shutil.copytree(trained[0], tmp_path / "run")
    given = train_arguments(data, weights, folder, im_resize=64, flow_step=2)
    for change in (lambda path: None, forget_shards):
        change(folder / "fastflow_fabric.ckpt")
        assert plan(*given, "--shards", 1).finished_result()["train_pictures"] == 12
        with pytest.raises(
            UserError, match=r"\.ckpt was trained with --shards 1; give the same, or leave out --resume"
        ):
            plan(*given, "--shards", 2).finished_result()


# Half precision


def test_skipped_steps_are_reported(data, weights, tmp_path, monkeypatch):
    from src.runtime import precision

    monkeypatch.setattr(precision, "FIRST_SCALE", 2.0**40)
    given = train_arguments(data, weights, tmp_path, num_epochs=20, eval_interval=0, amp_level="O2")
    result = train(parsed(*given), Device("CPU"))
    assert 0 < result["skipped_steps"] < result["steps"] == 60
    assert result["losses"][-1] < result["losses"][0]
