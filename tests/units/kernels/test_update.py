"""Adam by one operation of the kernels is MindSpore's Adam, to the byte, with an average of the weights and without."""

import ctypes

import numpy as np
import pytest
from mindspore import Tensor

from src.cell import TrainStep, Update, adam
from src.fastflow import FastFlow
from src.kernels import library
from src.kernels.update import KernelUpdate, install
from tests.support import kernel_calls
from tests.support.runner_toolchain import unavailable

SIZES = (9, 5)  # of the maps; the affine's weights fill no whole vectors


@pytest.fixture(scope="module")
def built():
    """The path of the built kernels."""
    if not library.path().exists():
        unavailable(f"the CPU kernels are not built; {library.BUILD}")
    return library.path()


def trained(kernels, averaging, decay, rates=(1e-2, 3e-3, 1e-3)):
    """All numbers of a training step, and its losses, after so many steps."""
    fastflow = FastFlow((5, 8), SIZES, flow_step=2)
    step = TrainStep(fastflow, adam(fastflow, 1e-3, decay), averaging=averaging)
    if kernels:
        install(step, kernels, "winograd2")
    rng, losses = np.random.default_rng(4), []
    for rate in rates:
        step.prepare(rate, 0.1)
        features = [Tensor(rng.standard_normal((2, c, s, s)).astype(np.float32)) for c, s in zip((5, 8), SIZES)]
        losses.append(step(*features).asnumpy())
    return {parameter.name: parameter.asnumpy() for parameter in step.get_parameters()}, losses


@pytest.mark.parametrize(("averaging", "decay"), [(False, 1e-5), (True, 1e-2), (True, 0.0)])
def test_adam_is_mindspores_to_the_byte(built, averaging, decay):
    wanted, losses = trained(None, averaging, decay)
    found, same = trained(built, averaging, decay)
    assert found.keys() == wanted.keys()
    assert sum(name.startswith("average.") for name in wanted) == (
        averaging * len(FastFlow((5, 8), SIZES, 2).trainable_params())
    )
    for name, value in wanted.items():
        np.testing.assert_array_equal(found[name], value, name)
    assert same == losses
    assert wanted["global_step"] == 3


def test_it_is_installed_in_a_training_step(built):
    fastflow = FastFlow((4,), (4,), flow_step=1)
    step = TrainStep(fastflow, adam(fastflow, 1e-3, 0.0))
    before = [(id(parameter), parameter.name) for parameter in step.get_parameters()]
    install(step, None, "winograd2")
    install(step, built, "direct")
    assert type(step.update) is Update
    install(step, built, "winograd2")
    assert isinstance(step.update, KernelUpdate)
    assert [(id(parameter), parameter.name) for parameter in step.get_parameters()] == before


@pytest.mark.parametrize(("change", "text"), [("number", "numbers"), ("size", "sizes")])
def test_tensors_that_do_not_fit_are_refused(built, capfd, change, text):
    one = np.zeros((), np.float32)
    numbers = [one, one, one, one, np.zeros(3, np.float32), np.zeros(1, np.float32)]
    tensors = [np.zeros(3, np.float32) for _ in range(4)]
    if change == "number":
        tensors.append(np.zeros(3, np.float32))
        tensors.append(np.zeros(3, np.float32))
    else:
        tensors[3] = np.zeros(4, np.float32)
    with pytest.raises(RuntimeError, match="the kernel failed"):
        kernel_calls.call(ctypes.CDLL(str(built)).AdamStep, numbers + tensors, [[1]])
    assert f"error: CPU kernel AdamStep, the {text} of weights, moments and gradients differ" in capfd.readouterr().err
