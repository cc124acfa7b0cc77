"""Whole trainings by the default recipe: decaying learning rate, averaged weights, whitened features in the map."""

import json
import signal

import numpy as np
import pytest

from tests.programs.test_distribute import distributed
from tests.programs.test_interrupted import outcome, wait_for_step
from tests.support.exported_files import export
from tests.support.programs import error_of, files, made_once, result_of, start, succeed, train_arguments

RECIPE = {"config": None, "held_out": None, "num_steps": 41, "eval_interval": 5, "log_interval": 1}  # the defaults


@pytest.fixture(scope="session")
def whole(data, weights, tmp_path_factory):
    """A training that nothing interrupts, and what it printed."""
    return made_once(
        tmp_path_factory,
        "recipe",
        lambda folder: succeed("train.py", *train_arguments(data, weights, folder, **RECIPE)),
    )


def test_its_length_is_the_number_of_steps(whole):
    folder, said = whole
    result = result_of(folder)
    assert (result["steps"], len(result["losses"])) == (41, 13)  # of 12 pictures in batches of 4, 3 steps an epoch
    assert [record["epoch"] for record in result["history"]] == [5, 10, 13]
    assert "epoch 14/14, step 41: loss" in said
    assert result["losses"][-1] < result["losses"][0]


def test_stopped_and_resumed_it_ends_with_the_same_bytes(whole, data, weights, tmp_path):
    given = train_arguments(data, weights, tmp_path, **RECIPE | {"num_steps": 4000})
    process = start("train.py", *given)
    wait_for_step(process, 5)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)
    assert files(tmp_path) == ["fastflow_fabric.state.ckpt"]
    message = error_of("train.py", *train_arguments(data, weights, tmp_path, **RECIPE), "--resume")
    assert "--num_steps 41: " in message  # the learning rate of each step depends on how many there are
    assert "was trained with 4000" in message

    (tmp_path / "fastflow_fabric.state.ckpt").unlink()
    process = start("train.py", *train_arguments(data, weights, tmp_path, **RECIPE | {"save_interval": 1}))
    wait_for_step(process, 20)
    process.kill()
    process.communicate()
    said = succeed("train.py", *train_arguments(data, weights, tmp_path, **RECIPE), "--resume")
    assert "resuming after step" in said
    assert outcome(tmp_path) == outcome(whole[0])


def test_the_last_evaluation_is_of_what_is_saved(whole, data, tmp_path):
    result = tmp_path / "eval.json"
    succeed(
        "eval.py", "--ckpt_path", whole[0] / "fastflow_fabric.ckpt", "--dataset_path", data, "--result_path", result
    )
    trained = result_of(whole[0])["metrics"]
    for name, value in json.loads(result.read_text())["metrics"].items():
        assert value == pytest.approx(trained[name], abs=1e-6), name


@pytest.mark.parametrize("options", [("--file_format", "ONNX"), ("--mindir_version", 1)])
def test_every_runtime_gets_the_same_map_and_score(whole, tmp_path, options):
    done = export(whole, tmp_path, *options)
    assert done.returncode == 0, done.stderr
    assert "largest difference to the network" in done.stdout  # above 1e-4, export.py ends with an error


@pytest.mark.thorough
@pytest.mark.parametrize("amp", [{"amp_level": "O2"}, {"amp_level": "O3", "amp_dtype": "bfloat16"}])
def test_it_trains_in_mixed_precision(data, weights, tmp_path, amp):
    done = start("train.py", *train_arguments(data, weights, tmp_path, **RECIPE | amp))
    _, errors = done.communicate(timeout=300)
    if "has no bfloat16 convolution" in errors:
        pytest.skip("this device has no bfloat16")
    assert done.returncode == 0, errors
    losses = result_of(tmp_path)["losses"]
    assert losses[-1] < losses[0]


@pytest.mark.thorough
def test_two_processes_train_as_one_does(data, weights, tmp_path):
    alone, both = tmp_path / "alone", tmp_path / "both"
    succeed("train.py", *train_arguments(data, weights, alone, **RECIPE, shards=2))
    done = distributed(train_arguments(data, weights, both, **RECIPE), tmp_path)
    assert done.returncode == 0, done.stderr
    one, two = result_of(alone), result_of(both)
    np.testing.assert_allclose(two["losses"], one["losses"], rtol=1e-4, atol=1e-2)
    assert two["metrics"]["pixel_auc"] == pytest.approx(one["metrics"]["pixel_auc"], abs=1e-3)
