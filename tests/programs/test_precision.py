"""Training in half precision: evaluated with the same figures, and killed and resumed with the same weights."""

import json

import pytest

from tests.support.programs import result_of, start, succeed, train_arguments


@pytest.mark.parametrize("level", [pytest.param("O2", marks=pytest.mark.thorough), "O3"])
def test_a_run_evaluates_the_same_and_resumes_exactly(data, weights, tmp_path, level):
    options = {"num_epochs": 40, "eval_interval": 0, "log_interval": 1, "save_interval": 3, "amp_level": level}
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    succeed("train.py", *train_arguments(data, weights, whole, **options))
    result = result_of(whole)
    assert result["skipped_steps"] == 0
    given = ("--ckpt_path", whole / "fastflow_fabric.ckpt", "--dataset_path", data)
    succeed("eval.py", *given, "--cpu_kernels", "off")  # as in the training, since half precision has no kernels
    evaluated = json.loads((whole / "fastflow_fabric_eval.json").read_text())
    assert evaluated["metrics"]["pixel_auc"] == pytest.approx(result["metrics"]["pixel_auc"], abs=1e-6)

    given = train_arguments(data, weights, parts, **options)
    process = start("train.py", *given)
    assert any("step 20: loss" in line for line in process.stdout)
    process.kill()
    process.communicate()
    assert "resuming after step" in succeed("train.py", *given, "--resume")
    assert (parts / "fastflow_fabric.ckpt").read_bytes() == (whole / "fastflow_fabric.ckpt").read_bytes()
