"""The CPU kernels against MindSpore's own operations, with oneDNN limited and not, and the programs with both."""

import json
import os
import subprocess
import sys

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, nn, ops

from src.detector import Architecture, Detector
from src.encoder import Encoder
from src.fastflow import CLAMP, SUBNET_GAIN, Flow, FlowStep
from src.kernels import cells, library
from src.kernels.cells import KernelFlowStep
from src.kernels.encoder import KernelConvActivation, KernelPool, Unblocked
from src.layers import ConvActivation, Standardize
from src.resnet import StemPool
from src.visible import SeenEncoder
from tests.support.programs import ROOT, program, train_arguments
from tests.support.runner_toolchain import unavailable


@pytest.fixture(scope="module")
def built():
    """The path of the built kernels."""
    if not library.path().exists():
        unavailable(f"the CPU kernels are not built; {library.BUILD}")
    return library.path()


def shaken_step(channels, kernel, hidden_ratio=1.0, soft_clamp="plain"):
    """A flow step whose parameters are not the initial ones."""
    rng = np.random.default_rng(0)
    step = FlowStep(channels, kernel, hidden_ratio, rng, soft_clamp)
    for parameter in step.trainable_params():
        drawn = rng.standard_normal(parameter.shape).astype(np.float32)
        parameter.set_data(Tensor(parameter.asnumpy() + drawn * (2.0 if "global" in parameter.name else 0.1)))
    return step


def twin(network, other):
    """The other network with this one's values. (A network that was called keeps its graph, whatever is exchanged.)"""
    for target, source in zip(other.get_parameters(), network.get_parameters(), strict=True):
        target.set_data(source.value())
    return other.set_train(False)


def on_kernels(step, library_path):
    """The cell that `install` puts in the place of a flow step."""
    steps = nn.CellList([step], auto_prefix=False)
    cells.install(steps, library_path)
    return steps[0]


class Weighted(nn.Cell):
    """One number, in which every output of a step has a weight of its own, so that no gradient cancels another."""

    def __init__(self, step):
        super().__init__(auto_prefix=False)
        self.step = step

    def construct(self, x, factors, picture_factors):
        out, log_det = self.step(x)
        return (out * factors).sum() + (log_det * picture_factors).sum()


def outputs_and_gradients(step, x):
    """Everything that a step computes by name: output, log-determinant, the gradients of x and of every parameter."""
    rng = np.random.default_rng(1)
    factors = Tensor(rng.standard_normal(x.shape).astype(np.float32))
    picture_factors = Tensor(rng.standard_normal(x.shape[0]).astype(np.float32))
    gradient = ops.value_and_grad(Weighted(step), 0, step.trainable_params())
    _, (of_x, of_parameters) = gradient(x, factors, picture_factors)
    named = {f"gradient of {p.name}": g for p, g in zip(step.trainable_params(), of_parameters)}
    out, log_det = step(x)
    return {"output": out, "log-determinant": log_det, "gradient of x": of_x} | named


def assert_close(found, expected):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        value, other = value.asnumpy(), found[name].asnumpy()
        assert other.shape == value.shape
        np.testing.assert_allclose(other, value, rtol=0, atol=1e-5 * np.abs(value).max(), err_msg=name)


SHAPES = [
    # channels, kernel, hidden ratio, pictures, height, width
    (64, 3, 1.0, 2, 16, 16),
    (64, 1, 1.0, 2, 16, 16),
    (24, 3, 1.0, 3, 8, 8),  # EfficientNet-Lite0's, not a multiple of oneDNN's blocks
    (25, 3, 0.7, 1, 5, 3),  # an odd number of channels, a plane that does not fill a vector
    (6, 1, 0.4, 2, 2, 2),
    (2, 3, 1.0, 1, 1, 17),
]


@pytest.mark.parametrize(("channels", "kernel", "hidden_ratio", "pictures", "height", "width"), SHAPES)
def test_a_flow_step_and_its_gradients(built, channels, kernel, hidden_ratio, pictures, height, width):
    step = shaken_step(channels, kernel, hidden_ratio)
    x = Tensor(np.random.default_rng(2).standard_normal((pictures, channels, height, width)).astype(np.float32))
    expected = outputs_and_gradients(step, x)
    assert_close(outputs_and_gradients(on_kernels(step, built), x), expected)


def test_the_scaled_soft_clamp_and_its_gradients(built):
    x = Tensor(np.random.default_rng(2).standard_normal((2, 8, 5, 4)).astype(np.float32) * 20)
    step = shaken_step(8, 3, soft_clamp="scaled")
    expected = outputs_and_gradients(step, x)
    assert_close(outputs_and_gradients(on_kernels(step, built), x), expected)
    plain = outputs_and_gradients(shaken_step(8, 3), x)
    assert np.abs(plain["log-determinant"].asnumpy() - expected["log-determinant"].asnumpy()).min() > 0.1
    z, _ = step(x)
    np.testing.assert_allclose(on_kernels(step, built).inverse(z).asnumpy(), x.asnumpy(), atol=1e-3)


def test_a_flow_step_keeps_its_parameters_names_and_inverse(built):
    flow = Flow(8, 3, False, 1.0, np.random.default_rng(0))
    before = list(flow.parameters_and_names())
    names = [(parameter.name, parameter.requires_grad) for parameter in flow.get_parameters()]
    cells.install(flow, built)
    assert [type(step) for step in flow.steps] == [KernelFlowStep] * 3
    after = list(flow.parameters_and_names())
    assert [path for path, _ in after] == [path for path, _ in before]
    assert all(found is parameter for (_, found), (_, parameter) in zip(after, before))
    assert [(parameter.name, parameter.requires_grad) for parameter in flow.get_parameters()] == names
    x = np.random.default_rng(6).standard_normal((2, 8, 4, 4)).astype(np.float32)
    z, _ = flow(Tensor(x))
    np.testing.assert_allclose(flow.inverse(z).asnumpy(), x, atol=1e-5)


def test_another_kind_of_flow_step_stays(built):
    class Other(FlowStep):
        pass

    other = Other(8, 3, 1.0, np.random.default_rng(0))
    assert on_kernels(other, built) is other


def test_wrong_constants_are_refused(built, capfd):
    step = on_kernels(shaken_step(4, 1), built)
    step.operation.constants = Tensor([2.0, 0.1], ms.float32)
    with pytest.raises(RuntimeError):
        step(Tensor(np.zeros((1, 4, 2, 2), np.float32)))[0].asnumpy()
    message = "error: CPU kernel FlowStepForward, 3 constants are needed, use --cpu_kernels off\n"
    assert message in capfd.readouterr().err


def in_float64(step, x):
    """Output and log-determinant of a flow step with 1x1 convolutions, by NumPy. (MindSpore's tanh is off by 1e-4.)"""
    values = {name: parameter.asnumpy().astype(np.float64) for name, parameter in step.parameters_and_names()}

    def convolve(name, planes):
        weight, bias = values[f"{name}.weight"][:, :, 0, 0], values[f"{name}.bias"]
        return np.einsum("oi,bihw->bohw", weight, planes) + bias.reshape(1, -1, 1, 1)

    x1, x2 = np.split(x.astype(np.float64), [step.kept], 1)
    a_s, a_t = np.split(SUBNET_GAIN * convolve("conv2", np.maximum(convolve("conv1", x1), 0)), 2, 1)
    s = CLAMP * np.tanh(a_s)
    scale = step.channel_scale().asnumpy().astype(np.float64)
    y = np.concatenate((x1, x2 * np.exp(s) + a_t), 1) * scale + values["global_offset"]
    log_det = s.sum((1, 2, 3)) + x[0, 0].size * np.log(scale).sum()
    return y[:, step.permutation.asnumpy()], log_det


@pytest.mark.parametrize("scale", [1e-4, 0.1, 1.0, 30.0, 1e4])
def test_the_coupling_is_exact_over_the_range_of_its_tanh(built, scale):
    """The scales reach from where tanh is linear, over both of the kernel's formulas, to where it is flat."""
    step = shaken_step(4, 1)
    step.conv2.weight.set_data(step.conv2.weight * scale)
    x = np.random.default_rng(3).standard_normal((2, 4, 16, 16)).astype(np.float32)
    out, log_det = in_float64(step, x)
    found_out, found_log_det = (output.asnumpy() for output in on_kernels(step, built)(Tensor(x)))
    np.testing.assert_allclose(found_out, out, rtol=0, atol=2e-6 * np.abs(out).max())
    np.testing.assert_allclose(found_log_det, log_det, rtol=2e-6, atol=5e-4)


@pytest.mark.parametrize("channel", [0, 5])  # one that the coupling leaves as it is, one that it changes
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_so_in_the_same_places(built, channel, value):
    step = shaken_step(8, 3)
    x = np.random.default_rng(3).standard_normal((1, 8, 4, 4)).astype(np.float32)
    x[0, channel, 1, 1] = value
    expected = np.isfinite(step(Tensor(x))[0].asnumpy())
    np.testing.assert_array_equal(np.isfinite(on_kernels(step, built)(Tensor(x))[0].asnumpy()), expected)


def shaken_pair(make):
    """Two networks of the same random parameters, biases among them."""
    network, other = make(), make()
    rng = np.random.default_rng(5)
    for parameter in network.get_parameters():
        if parameter.name.endswith("bias"):
            parameter.set_data(Tensor((0.2 * rng.standard_normal(parameter.shape)).astype(np.float32)))
    return network, twin(network, other)


@pytest.mark.parametrize("backbone", ["resnet18", "efficientnet_lite0", "efficientnet_lite2", "wide_resnet50_2"])
@pytest.mark.parametrize("size", [(48, 48), (64, 80)])
@pytest.mark.parametrize("convolution", ["direct", "winograd4"])
def test_the_encoders(built, backbone, size, convolution):
    encoder, plain = shaken_pair(lambda: Encoder(backbone))
    image = Tensor(np.random.default_rng(4).standard_normal((2, 3, *size)).astype(np.float32))
    before = [(p.name, p.shape, p.requires_grad) for p in encoder.get_parameters()]
    paths = list(dict(encoder.parameters_and_names()))
    cells.install(encoder, built, convolution)
    assert [(p.name, p.shape, p.requires_grad) for p in encoder.get_parameters()] == before
    assert list(dict(encoder.parameters_and_names())) == paths
    kinds = {type(cell) for _, cell in encoder.cells_and_names()}
    assert KernelConvActivation in kinds
    assert not {nn.Conv2d, ConvActivation, StemPool} & kinds
    assert (Standardize in kinds) == (convolution == "direct")  # as in earlier versions
    for found, right in zip(encoder(image), plain(image), strict=True):
        np.testing.assert_allclose(found.asnumpy(), right.asnumpy(), rtol=0, atol=2e-4)


@pytest.mark.parametrize("channels", [16, 24, 25])
def test_pooling_of_channels_that_fill_no_block(built, channels):
    conv, pool = ConvActivation(3, channels, 3, activation="relu"), StemPool()
    image = Tensor(np.random.default_rng(4).standard_normal((2, 3, 12, 16)).astype(np.float32))
    right = pool(conv(image)).asnumpy()
    blocked = KernelPool(built)(KernelConvActivation(conv, built, "direct")(image))
    found = Unblocked(nn.Identity(), channels, built)(blocked).asnumpy()
    np.testing.assert_allclose(found, right, rtol=0, atol=1e-6)


@pytest.mark.parametrize("backbone", ["resnet18", "efficientnet_lite0"])
def test_encoders_of_images_of_which_a_part_is_hidden(built, backbone):
    sizes = [(12, 16), (6, 8), (3, 4)]
    encoder, plain = shaken_pair(lambda: SeenEncoder(backbone, sizes, image_size=(48, 64)))
    image = np.random.default_rng(4).standard_normal((2, 3, 48, 64)).astype(np.float32)
    image[0, :, :20] = -1e4  # as hidden pixels are given
    image[1, :, :, 50:] = -1e4
    cells.install(encoder, built)
    for found, right in zip(encoder(Tensor(image)), plain(Tensor(image)), strict=True):
        np.testing.assert_allclose(found.asnumpy(), right.asnumpy(), rtol=0, atol=2e-4)


def test_a_picture_that_is_not_finite_leaves_the_others_alone(built):
    encoder, plain = shaken_pair(lambda: Encoder("resnet18"))
    image = np.random.default_rng(4).standard_normal((2, 3, 48, 48)).astype(np.float32)
    image[1, 0, 5, 5] = np.nan
    cells.install(encoder, built)
    for found, right in zip(encoder(Tensor(image)), plain(Tensor(image)), strict=True):
        np.testing.assert_allclose(found.asnumpy()[0], right.asnumpy()[0], rtol=0, atol=2e-4)


def test_without_kernels_nothing_is_installed():
    step = shaken_step(8, 3)
    assert on_kernels(step, None) is step


UNLIMITED = """
import sys
from types import SimpleNamespace
from src.kernels import library
from src.runtime import device
used = device.prepare("CPU", cpu_kernels="on")

import numpy as np
from mindspore import Tensor
from src.kernels import cells
from src.cell import TrainStep, adam
from src.detector import Architecture, Detector
from src.encoder import ENCODERS

backbone = sys.argv[1]
detector = Detector(Architecture(backbone, 64, flow_step=2, conv3x3_only=ENCODERS[backbone].conv3x3_only))
cells.install(detector, used.kernels, "direct")
image = Tensor(np.random.default_rng(0).standard_normal((2, 3, 64, 64)).astype(np.float32))
detector(image)[1].asnumpy()
step = TrainStep(detector.fastflow, adam(detector.fastflow, 1e-3, 0))
step(*detector.encoder(image)).asnumpy()
"""


@pytest.mark.parametrize("backbone", ["resnet18", "efficientnet_lite0"])
def test_no_convolution_falls_to_onednns_reference_code(built, backbone):
    """With the kernels oneDNN is not limited to AVX2, so MindSpore's own convolutions would fall to that code."""
    variables = {name: value for name, value in os.environ.items() if name != "ONEDNN_MAX_CPU_ISA"}
    command = [sys.executable, "-c", UNLIMITED, backbone]
    environment = variables | {"ONEDNN_VERBOSE": "2"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    lines = [line.split(",") for line in done.stdout.splitlines() if ",exec," in line]
    made = [(line[line.index("exec") + 2 :]) for line in lines]  # primitive, implementation, use, ...
    assert {use for primitive, _, use, *_ in made if primitive == "convolution"} >= {
        "forward_training",
        "backward_data",
        "backward_weights",
    }
    kinds = "convolution", "pooling"
    assert not {
        implementation for primitive, implementation, *_ in made if primitive in kinds and "ref" in implementation
    }


@pytest.fixture(scope="module")
def both(data, weights, built, tmp_path_factory):
    """The same training without and with the kernels: the two folders, by the option's value."""
    folders = {}
    for option in ("off", "on"):
        folders[option] = tmp_path_factory.mktemp(f"kernels {option}")
        done = program(
            "train.py", *train_arguments(data, weights, folders[option], im_resize=64, flow_step=2, cpu_kernels=option)
        )
        assert done.returncode == 0, done.stderr
    return folders


def result(folder, name="fastflow_fabric.json"):
    return json.loads((folder / name).read_text())


def test_training_follows_the_same_losses(both):
    off, on = result(both["off"]), result(both["on"])
    assert (off["cpu_kernels"], on["cpu_kernels"]) == (False, True)
    np.testing.assert_allclose(on["losses"], off["losses"], rtol=1e-4)
    assert on["metrics"]["pixel_auc"] == pytest.approx(off["metrics"]["pixel_auc"], abs=1e-3)


def test_a_checkpoint_means_the_same_to_both(both, data, tmp_path):
    """It does to export.py, too, which has no kernels and compares its file with MindSpore's network."""
    scores = {}
    for option in ("off", "on"):
        target = tmp_path / f"{option}.json"
        checkpoint = both["on"] / "fastflow_fabric.ckpt"
        arguments = ("--dataset_path", data, "--ckpt_path", checkpoint, "--result_path", target)
        done = program("eval.py", *arguments, "--cpu_kernels", option, "--device_target", "CPU")
        assert done.returncode == 0, done.stderr
        evaluation = result(tmp_path, target.name)
        assert evaluation["cpu_kernels"] is (option == "on")
        scores[option] = evaluation["scores"]
    assert scores["on"] == pytest.approx(scores["off"], abs=1e-5)
    exported = program("export.py", "--ckpt_file", both["on"] / "fastflow_fabric.ckpt", "--output_dir", tmp_path / "e")
    assert exported.returncode == 0, exported.stderr


def test_the_detector_evaluates_as_before(built):
    ms.set_seed(2)
    architecture = Architecture("resnet18", 64, flow_step=2, conv3x3_only=True)
    detector = Detector(architecture)
    image = Tensor(np.random.default_rng(5).standard_normal((2, 3, 64, 64)).astype(np.float32))
    expected = [output.asnumpy() for output in twin(detector, Detector(architecture))(image)]
    cells.install(detector, built)
    for found, right in zip(detector(image), expected):
        np.testing.assert_allclose(found.asnumpy(), right, atol=1e-5)
