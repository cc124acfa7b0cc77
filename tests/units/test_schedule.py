"""The learning rate and the averaging rate of each step."""

import math
from itertools import pairwise

import pytest

from src.schedule import averaging_rate, learning_rate


def test_a_constant_rate_is_what_was_given():
    assert {learning_rate(step, 100, 0.003, "constant") for step in range(100)} == {0.003}


def test_a_cosine_rises_over_a_twentieth_and_falls_to_a_hundredth():
    rates = [learning_rate(step, 100, 0.1, "cosine") for step in range(100)]
    assert rates[:5] == pytest.approx([0.02, 0.04, 0.06, 0.08, 0.1])
    assert rates[5] == pytest.approx(0.1)
    assert rates[-1] == pytest.approx(0.001)
    assert rates[52] == pytest.approx(0.1 * (0.01 + 0.99 * (1 + math.cos(math.pi / 2)) / 2))  # half of the way down
    assert all(before > after for before, after in pairwise(rates[5:]))


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_the_shortest_trainings_have_rates_too(steps):
    assert all(0 < learning_rate(step, steps, 0.1, "cosine") <= 0.1 for step in range(steps))


def test_the_average_follows_fast_at_first_and_then_by_its_decay():
    assert averaging_rate(0, 0.98) == pytest.approx(0.9)
    assert averaging_rate(8, 0.98) == pytest.approx(0.5)
    assert averaging_rate(10_000, 0.98) == pytest.approx(0.02)
