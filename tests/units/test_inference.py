"""Evaluation in this process: what it refuses before the network runs."""

import pytest

from src import config, inference
from src.runtime.device import Device
from src.utils import UserError
from tests.support.programs import arguments, files


def test_evaluation_refuses_what_is_no_detector(data, weights, tmp_path):
    (tmp_path / "text.ckpt").write_text("not a checkpoint")
    for path, text in (
        (weights, "ImageNet weights"),
        (tmp_path / "text.ckpt", "not a MindSpore checkpoint"),
        (tmp_path / "missing.ckpt", "no checkpoint"),
    ):
        options = config.parse("eval", "", arguments(ckpt_path=path, dataset_path=data))
        with pytest.raises(UserError) as caught:
            inference.evaluate_checkpoint(options, Device("CPU"))
        assert text in str(caught.value)
        assert "\n" not in str(caught.value)
    assert files(tmp_path) == ["text.ckpt"]
