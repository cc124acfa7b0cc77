"""The training step: its learning rate changes between steps, and its weights' average is what the formula says."""

import numpy as np
import pytest
from mindspore import Tensor, context

from src.cell import TrainStep, adam
from src.fastflow import FastFlow
from src.runtime.precision import LossScale

FEATURES = Tensor(np.random.default_rng(0).normal(size=(2, 4, 4, 4)).astype(np.float32))


def make(averaging=True, **more):
    fastflow = FastFlow((4,), (4,), flow_step=1)
    return TrainStep(fastflow, adam(fastflow, 1e-3, 0.0), averaging=averaging, **more)


def values(parameters):
    return [parameter.asnumpy().copy() for parameter in parameters]


@pytest.mark.parametrize("more", [{}, {"loss_scale": LossScale}])
def test_the_average_is_the_formulas(more):
    assert context.get_context("mode") == context.GRAPH_MODE
    step = make(**{name: make_one() for name, make_one in more.items()})
    wanted = values(step.average.weights)
    for rate in (0.9, 0.5, 0.25):
        step.prepare(1e-2, rate)
        step(FEATURES)
        wanted = [old + rate * (new - old) for old, new in zip(wanted, values(step.average.weights))]
        for found, expected in zip(values(step.average.averages), wanted):
            np.testing.assert_allclose(found, expected, atol=1e-6)


def test_inside_averaged_the_weights_are_the_average_and_training_goes_on_as_if_nothing_was():
    watched, other = make(), make()
    losses = []
    for step in (watched, other):
        losses.append([])
        for _ in range(3):
            step.prepare(1e-2, 0.5)
            losses[-1].append(float(step(FEATURES).asnumpy()))
            if step is watched:
                weights, averages = values(step.average.weights), values(step.average.averages)
                with step.averaged():
                    np.testing.assert_equal(values(step.average.weights), averages)
                np.testing.assert_equal(values(step.average.weights), weights)
                np.testing.assert_equal(values(step.average.averages), averages)
    assert losses[0] == losses[1]
    assert losses[0][2] < losses[0][0]


def test_without_an_average_the_weights_are_themselves():
    step = make(averaging=False)
    before = values(step.optimizer.parameters)
    with step.averaged():
        np.testing.assert_equal(values(step.optimizer.parameters), before)


def test_adams_first_steps_are_as_long_as_the_learning_rate_of_each():
    step = make(averaging=False)
    before = values(step.optimizer.parameters)
    moved = []
    for rate in (0.01, 0.04):  # by Adam's equations, the first step is the rate, and the second nearly
        step.prepare(rate, 1.0)
        step(FEATURES)
        after = values(step.optimizer.parameters)
        moved.append(max(np.abs(a - b).max() for a, b in zip(after, before)))
        before = after
    assert moved[0] == pytest.approx(0.01, rel=0.01)
    assert 0.03 < moved[1] < 0.045
