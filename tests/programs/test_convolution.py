"""Trainings and evaluations with `--convolution`."""

import json

import numpy as np
import pytest

from src.kernels import library
from tests.programs.test_interrupted import outcome, wait_for_step
from tests.support.programs import error_of, result_of, start, succeed, train_arguments
from tests.support.runner_toolchain import unavailable

OPTIONS = {"im_resize": 64, "flow_step": 2, "cpu_kernels": "on", "num_epochs": 4, "eval_interval": 0, "log_interval": 1}


@pytest.fixture(scope="module")
def trained_by(data, weights, tmp_path_factory):
    """The same training with each algorithm: their folders."""
    if not library.path().exists():
        unavailable(f"the CPU kernels are not built; {library.BUILD}")
    folders = {name: tmp_path_factory.mktemp(name) for name in ("direct", "winograd2", "winograd4")}
    for name, folder in folders.items():
        succeed("train.py", *train_arguments(data, weights, folder, **OPTIONS, convolution=name))
    return folders


@pytest.mark.parametrize("algorithm", ["winograd2", "winograd4"])
def test_the_losses_follow_those_of_direct_convolutions(trained_by, algorithm):
    direct, found = (result_of(trained_by[name])["losses"] for name in ("direct", algorithm))
    np.testing.assert_allclose(found, direct, rtol=1e-4)
    assert found != direct  # it is rounded otherwise


def test_eval_computes_as_it_is_told_whatever_trained_the_checkpoint(trained_by, data, tmp_path):
    found = {}
    for algorithm in ("direct", "winograd4"):
        result = tmp_path / f"{algorithm}.json"
        given = ("--dataset_path", data, "--ckpt_path", trained_by["winograd2"] / "fastflow_fabric.ckpt")
        succeed("eval.py", *given, "--convolution", algorithm, "--result_path", result)
        found[algorithm] = json.loads(result.read_text())
    direct, winograd4 = found["direct"], found["winograd4"]
    assert winograd4["scores"] == pytest.approx(direct["scores"], abs=1e-5)
    assert winograd4["metrics"]["pixel_auc"] != direct["metrics"]["pixel_auc"]  # the maps are rounded otherwise


def test_killed_and_resumed_it_ends_with_the_same_bytes(trained_by, data, weights, tmp_path):
    given = train_arguments(data, weights, tmp_path, **OPTIONS, save_interval=1)  # winograd4
    process = start("train.py", *given)
    wait_for_step(process, 4)
    process.kill()
    process.communicate()
    message = error_of("train.py", *given, "--convolution", "direct", "--resume")
    assert "--convolution direct: " in message
    assert "was trained with winograd4" in message
    assert "resuming after step" in succeed("train.py", *given, "--resume")
    assert outcome(tmp_path) == outcome(trained_by["winograd4"])
