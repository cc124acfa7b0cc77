"""Published weights of encoders: batch norms folded, later stages left out, every misfit named."""

import numpy as np
import pytest
import torch

from src import checkpoint
from src.convert.convert import convert
from src.convert.encoder import fold
from src.encoder import ENCODERS, Encoder
from src.metadata import Metadata
from tests.support.foreign_weights import refusal, resnet18_state, save

LITE = "efficientnet_lite0"


def test_a_folded_convolution_is_a_convolution_and_its_batch_norm():
    torch.manual_seed(2)
    conv = torch.nn.Conv2d(6, 4, 3, groups=2, bias=False)
    norm = torch.nn.BatchNorm2d(4, eps=0.1).eval()
    for value in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
        torch.nn.init.uniform_(value, 0.5, 1.5)
    arrays = {name: value.numpy() for name, value in norm.state_dict().items()}
    weight, bias = fold(conv.weight.detach().numpy(), arrays, 0.1)
    assert (weight.dtype, bias.dtype) == (np.float32, np.float32)
    image = torch.randn(2, 6, 5, 5)
    with torch.no_grad():
        wanted = norm(conv(image))
        found = torch.nn.functional.conv2d(image, torch.from_numpy(weight), torch.from_numpy(bias), groups=2)
    np.testing.assert_allclose(found.numpy(), wanted.numpy(), atol=1e-6)


def test_resnet_34_is_not_taken_for_resnet_18(tmp_path):
    state = resnet18_state()
    state |= {name.replace("layer1.1.", "layer1.2."): value for name, value in state.items() if "layer1.1." in name}
    assert f"not the weights of {', '.join(ENCODERS)}; it begins with conv1.weight" in refusal(save(state, tmp_path))


def test_what_a_classifier_has_beyond_stage_3_is_left_out(tmp_path):
    state = resnet18_state()
    line = convert(save(state, tmp_path), tmp_path / "e.ckpt", None, None, None)
    assert line == f"{tmp_path}/e.ckpt: encoder resnet18"
    arrays, metadata = checkpoint.read(tmp_path / "e.ckpt", "encoder")
    assert metadata == Metadata("encoder", backbone="resnet18")
    assert set(arrays) == set(checkpoint.named_parameters(Encoder("resnet18").backbone))
    assert not any(name.startswith(("layer4", "fc")) for name in arrays)
    factor = state["bn1.weight"] / torch.sqrt(state["bn1.running_var"] + 1e-5)
    np.testing.assert_allclose(
        arrays["conv1.weight"], (state["conv1.weight"] * factor[:, None, None, None]).numpy(), rtol=1e-5, atol=1e-7
    )


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("bn1.running_mean", "bn1.running_mean is missing"),
        ("layer2.0.downsample.1.weight", "layer2.0.downsample.1.weight is missing"),
        ("layer3.1.conv2.weight", "layer3.1.bn2.weight is unexpected in resnet18"),
    ],
)
def test_a_parameter_that_is_missing_is_named(tmp_path, name, problem):
    state = resnet18_state()
    del state[name]
    assert problem in refusal(save(state, tmp_path))


def test_a_layer_that_is_missing_whole_is_named(tmp_path):
    state = {name: value for name, value in resnet18_state().items() if not name.startswith("layer3.1.")}
    message = refusal(save(state, tmp_path))
    assert "does not fit the network: layer3.1.conv1.weight is missing; layer3.1.conv1.bias is missing" in message


def test_a_parameter_that_is_unexpected_is_named(tmp_path):
    state = resnet18_state() | {"layer1.0.se.fc1.bias": torch.ones(4)}
    assert refusal(save(state, tmp_path)) == (
        f"{tmp_path}/weights.pth: layer1.0.se.fc1.bias is unexpected in resnet18; check --arch"
    )


def test_an_encoder_under_the_wrong_name(tmp_path):
    source = save(resnet18_state(), tmp_path)
    assert "does not fit the network: " in refusal(source, "wide_resnet50_2")
    assert "layer1.0.conv3.weight is missing" in refusal(source, "wide_resnet50_2")
    assert refusal(source, LITE) == f"{source}: conv1.weight is unexpected in {LITE}; check --arch"


@pytest.mark.parametrize(
    ("more", "inner"),
    [
        (["layer3.6.conv1.weight"], 64),  # ResNet-101 and ResNet-152
        (["layer3.6.conv1.weight"], 128),  # the wide ResNet-101-2
        ([], 96),
    ],
)
def test_other_networks_of_three_convolutions_per_block(tmp_path, more, inner):
    state = {"layer1.0.conv2.weight": torch.ones(inner, inner, 3, 3)}
    state |= dict.fromkeys(["layer1.0.conv3.weight", *more], torch.ones(256, 64, 1, 1))
    assert refusal(save(state, tmp_path)) == (
        f"{tmp_path}/weights.pth: not the weights of {', '.join(ENCODERS)}; it begins with layer1.0.conv2.weight"
    )


@pytest.mark.parametrize("channels", [(40, 96), (32, 112), (48, 96)])  # of none, of Lite4 and of Lite3
def test_other_lite_networks(tmp_path, channels):
    state = {"_conv_stem.weight": torch.ones(32, 3, 3, 3)}
    state |= {f"_blocks.{block}._project_conv.weight": torch.ones(c, 6, 1, 1) for block, c in zip((4, 10), channels)}
    assert "; it begins with _conv_stem.weight" in refusal(save(state, tmp_path))
