"""The runner beside predict.py: what is computed from the commands' times, and mistakes."""

import sys

import pytest

from benchmarks import runner
from src.utils import UserError


def test_the_start_is_what_one_picture_takes():
    whole = {"runner": [3.0, 5.0, 3.0], "predict.py": [11.0, 10.0, 10.0]}
    first = {"runner": [1.0, 1.0, 1.0], "predict.py": [7.0, 6.0, 6.0]}
    rows = runner.rows_of(whole, first, pictures=5)
    assert rows["runner"] == {"all s": 3.0, "start s": 1.0, "a picture s": 0.5, "ratio": 1.0}
    # In the three rounds 1 s a picture to 0.5, 1 and 0.5 of the runner's.
    assert rows["predict.py"] == {"all s": 10.0, "start s": 6.0, "a picture s": 1.0, "ratio": 2.0}


@pytest.fixture
def given(tmp_path):
    (tmp_path / "in").mkdir()
    return ["--model", str(tmp_path / "x.onnx"), "--pictures", str(tmp_path / "in"), "--runner", sys.executable]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--rounds", "0"], "--rounds 0: must be 1 or more"),
        (["--runner", "/no/runner"], "--runner /no/runner: no such program; bash ascend310_infer/build.sh"),
        (["--pictures", "/no/folder"], "--pictures /no/folder: no such folder"),
    ],
)
def test_wrong_options(given, change, message):
    with pytest.raises(UserError, match=message):
        runner.parse([*given, *change])


def test_too_few_pictures(given, tmp_path):
    (tmp_path / "in/one.png").touch()
    with pytest.raises(UserError, match="fewer than two pictures; give more"):
        runner.measure(runner.parse(given))


def test_a_contestant_that_fails_is_named(given, tmp_path):
    options = runner.parse([*given, "--runner", "/bin/false"])
    with pytest.raises(UserError, match=r"^runner ended with status 1: no message; mend it"):
        runner.run(runner.RUNNER, options, tmp_path)
