"""How the project scales: the computed rows, and the limit of the cores."""

import os
import subprocess
import sys

import pytest

from benchmarks import machine
from benchmarks.scaling import by_cores


def test_more_cores_are_computed_from_what_does_not_divide():
    rows, remarks = by_cores(
        {
            1: {"step s": 10.0, "a picture s": 1.0, "training GB": 2.0},
            2: {"step s": 6.0, "a picture s": 0.5, "training GB": 2.0},
        }
    )
    assert list(rows) == ["1 core", "2 cores", "4 cores (computed)", "8 cores (computed)", "16 cores (computed)"]
    # 2 s of a step and nothing of a picture do not divide.
    assert rows["16 cores (computed)"] == {
        "step s": pytest.approx(2 + 8 / 16),
        "a picture s": pytest.approx(1 / 16),
        "training GB": None,
        "ratio, step s": pytest.approx(0.25),
        "ratio, a picture s": pytest.approx(1 / 16),
    }
    assert rows["2 cores"]["ratio, step s"] == 0.6
    assert "80 % of step, 100 % of a picture divides" in remarks[0]


def test_one_core_foretells_nothing():
    rows, remarks = by_cores({1: {"step s": 10.0, "a picture s": 1.0, "training GB": 2.0}})
    assert list(rows) == ["1 core"]
    assert remarks == ["One core says nothing of how time falls with more."]


def test_what_is_started_meanwhile_has_so_many_cores_and_then_all_again():
    before = os.sched_getaffinity(0)
    with machine.limited_to(1):
        count = [sys.executable, "-c", "import os; print(len(os.sched_getaffinity(0)))"]
        assert subprocess.run(count, capture_output=True, check=True).stdout.strip() == b"1"
    assert os.sched_getaffinity(0) == before
