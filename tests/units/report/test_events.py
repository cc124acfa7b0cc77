"""The log of a training for TensorBoard, read as TensorBoard reads it."""

import importlib.util

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from src.report.events import check_available, recorded
from src.utils import UserError


def read(folder):
    """Per name the numbers that TensorBoard shows, by step."""
    log = EventAccumulator(str(folder))
    log.Reload()
    return {name: {event.step: event.value for event in log.Scalars(name)} for name in log.Tags()["scalars"]}


def write(folder, first, last, loss):
    with recorded("tensorboard", folder, first) as record:
        for step in range(first + 1, last + 1):
            record(step, "train", {"loss": loss, "lr": 0.5})
        record(last, "test", {"pixel_auc": 0.25})


def test_numbers_are_written_under_what_they_are_of(tmp_path):
    write(tmp_path / "nut", 0, 3, 7.0)
    assert read(tmp_path / "nut") == {
        "train/loss": {1: 7.0, 2: 7.0, 3: 7.0},
        "train/lr": {1: 0.5, 2: 0.5, 3: 0.5},
        "test/pixel_auc": {3: 0.25},
    }


@pytest.mark.parametrize(
    ("step", "losses"), [(2, {1: 7.0, 2: 7.0, 3: 8.0, 4: 8.0}), (0, {1: 8.0, 2: 8.0, 3: 8.0, 4: 8.0})]
)
def test_what_a_training_does_again_replaces_what_it_did_before(tmp_path, step, losses):
    """It goes on from its saved state, or begins anew."""
    write(tmp_path, 0, 6, 7.0)
    write(tmp_path, step, 4, 8.0)
    assert read(tmp_path)["train/loss"] == losses


def test_an_error_closes_the_log_with_all_that_it_was_told(tmp_path):
    def train():
        with recorded("tensorboard", tmp_path, 0) as record:
            record(1, "train", {"loss": 7.0})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train()
    assert read(tmp_path) == {"train/loss": {1: 7.0}}


def test_without_the_option_nothing_is_written(tmp_path):
    with recorded(None, tmp_path / "log", 0) as record:
        record(1, "train", {"loss": 7.0})
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_is_one_line(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    check_available(None)
    with pytest.raises(UserError) as caught:
        check_available("tensorboard")
    message = "--log_to tensorboard: the package tensorboard is not installed; pip install tensorboard"
    assert str(caught.value) == message
