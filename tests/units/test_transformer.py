"""Vision transformers: positions of other picture sizes, trainings and whole models on one scale, odd weights."""

import json

import numpy as np
import pytest
import torch
from mindspore import Tensor

from benchmarks import torch_encoders
from src import checkpoint, hidden
from src.convert.convert import convert
from src.detector import Architecture, Detector
from src.encoder import ENCODERS, Encoder
from src.layers import GELU
from src.plan import Plan
from src.runtime.device import Device
from src.training import train
from src.transformer import resampled
from tests.support import torch_reference
from tests.support.foreign_weights import refusal, save
from tests.support.programs import arguments
from tests.support.shallow import DEPTH, TRANSFORMERS
from tests.units.test_training import parsed

DEIT, CAIT = TRANSFORMERS


@pytest.fixture
def states(tmp_path):
    """By name the converted weights of a transformer, and the PyTorch network that has them."""

    def make(name):
        torch.manual_seed(5)
        reference = torch_encoders.encoder(name)
        source = save(reference.state_dict(), tmp_path)
        convert(source, tmp_path / f"{name}.ckpt", None, None, None)
        return tmp_path / f"{name}.ckpt", reference

    return make


def test_the_activation_is_the_exact_gelu():
    x = np.concatenate((np.linspace(-12, 12, 4001), [-60, 60, 0])).astype(np.float32)
    wanted = torch.nn.functional.gelu(torch.from_numpy(x).double()).numpy()
    np.testing.assert_allclose(GELU()(Tensor(x)).asnumpy(), wanted, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("grid", [(3, 3), (7, 4), (11, 24)])
def test_positions_of_other_sizes_are_interpolated_as_timm_does(grid):
    old = np.random.default_rng(0).standard_normal((1, 2 + 49, 5)).astype(np.float32)
    planes = torch.from_numpy(old[:, 2:]).transpose(1, 2).reshape(1, 5, 7, 7)
    wanted = torch.nn.functional.interpolate(planes, grid, mode="bicubic", antialias=True).flatten(2).transpose(1, 2)
    found = resampled(old, 2, grid)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found[:, :2], old[:, :2])
    np.testing.assert_allclose(found[:, 2:], wanted.numpy(), atol=1e-5)


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_features_at_the_published_size_are_pytorchs(states, name, caplog):
    weights, reference = states(name)
    caplog.set_level("INFO")
    encoder = Encoder(name)
    checkpoint.load_encoder(encoder, name, weights)
    assert not caplog.records  # nothing is interpolated
    size = ENCODERS[name].im_resize
    image = np.random.default_rng(0).standard_normal((1, 3, size, size), np.float32)
    with torch.no_grad():
        (wanted,) = reference(torch.from_numpy(image))
    (found,) = encoder(Tensor(image))  # of a transformer no further LayerNorm
    np.testing.assert_allclose(found.asnumpy(), wanted.numpy(), atol=1e-4 * wanted.abs().max().item())


@pytest.mark.parametrize(("size", "grid"), [(4, (4, 4)), ((2, 5), (2, 5)), ((18, 32), (18, 32))])
def test_interpolated_positions_are_said(states, caplog, size, grid):
    """Also where there are as many of them: 18 x 32 = 24 x 24."""
    weights, _ = states(DEIT)
    caplog.set_level("INFO")
    encoder = Encoder(DEIT, (size,))
    checkpoint.load_encoder(encoder, DEIT, weights)
    said = [record.getMessage() for record in caplog.records]
    assert said == [f"the encoder's positions are interpolated from 24 x 24 to {grid[0]} x {grid[1]} patches"]
    published = checkpoint.read(weights, "encoder")[0]["positions"]
    np.testing.assert_array_equal(encoder.backbone.positions.asnumpy(), resampled(published, 2, grid))


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_hidden_pixels_have_no_part_in_map_and_score(states, name):
    weights, _ = states(name)
    architecture = Architecture(
        name, "32,80", flow_step=2, hidden_ratio=0.16, norm_affine=False, feature_pooling=3, whitening=True, roi="one"
    )
    detector = Detector(architecture)
    checkpoint.load_encoder(detector.encoder, name, weights)
    image = np.random.default_rng(0).standard_normal((1, 3, 32, 80), np.float32)
    image[..., 30:] = hidden.INPUT
    features, mask = detector.encoder(Tensor(image))
    assert (features.shape, mask.asnumpy().tolist()) == ((1, 768, 2, 5), [[[[1, 1, 0, 0, 0]] * 2]])
    anomaly_map, score = (output.asnumpy() for output in detector(Tensor(image)))
    assert (anomaly_map[..., 30:] == hidden.MAP).all()
    assert score == anomaly_map[..., :30].max()


ORIGINAL = {"whitening": "false", "feature_pooling": 1, "map_sigma": 0, "score": "maximum", "lr_schedule": "constant"}


@pytest.mark.parametrize(("name", "options"), [(DEIT, ORIGINAL), (CAIT, {})])
def test_a_training_on_one_scale(states, data, tmp_path, name, options):
    """With the recipe of 2022, and with the recommended one, which is the default; the flow has fewer steps."""
    weights, _ = states(name)
    given = {"dataset_path": data, "category": "fabric", "pre_ckpt_path": weights, "backbone": name, "im_resize": 64}
    given |= {"flow_step": 2, "num_epochs": 2, "train_batch_size": 4, "ckpt_dir": tmp_path / "run", "log_interval": 1}
    result = train(parsed(*arguments(**given | options)), Device("CPU"))
    assert result["losses"][-1] < result["losses"][0]
    detector, _ = checkpoint.load_detector(tmp_path / "run/fastflow_fabric.ckpt")
    found = detector.architecture
    assert (found.hidden_ratio, found.conv3x3_only, found.norm_affine) == (0.16, False, False)
    assert found.whitening == (not options)
    assert len(detector.fastflow.flows) == 1
    written = json.loads((tmp_path / "run/fastflow_fabric.json").read_text())["options"]
    assert (written["flow_step"], written["hidden_ratio"], written["im_resize"]) == (2, 0.16, 64)


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_what_is_left_open_is_the_encoders(name):
    given = {"dataset_path": "d", "category": "c", "pre_ckpt_path": "w", "backbone": name}
    plan = Plan.of(parsed(*arguments(**given)), Device("CPU"))
    assert plan.options.im_resize == plan.architecture.im_resize == {DEIT: 384, CAIT: 448}[name]
    assert plan.architecture.sizes == ((plan.architecture.im_resize // 16,) * 2,)
    (flow,) = plan.architecture.build_fastflow().flows
    assert [step.conv1.kernel_size[0] for step in flow.steps] == [3, 1] * 10
    assert {step.conv1.out_channels for step in flow.steps} == {61}  # of 384 input channels
    assert list(plan.architecture.build_fastflow().norms.get_parameters()) == []
    plan = Plan.of(parsed(*arguments(**given | {"flow_step": 3, "norm_affine": "true"})), Device("CPU"))
    assert (plan.architecture.flow_step, plan.architecture.norm_affine) == (3, True)


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_whole_models_of_gathierry_give_the_same_map(tmp_path, name):
    torch.manual_seed(7)
    size = ENCODERS[name].im_resize
    options = {"flow_steps": 4, "hidden_ratio": 0.16, "strides": (16,), "norms": False, "zero_pad_cells": False}
    model = torch_reference.FastFlow(name, (768,), size, **options).shake(0.01)  # more would leave a map of zeros
    state = {key.replace("fast_flow_blocks", "nf_flows"): value for key, value in model.state_dict().items()}
    source = save({"epoch": 3, "model_state_dict": state}, tmp_path, "original.pt")
    line = convert(source, tmp_path / "out.ckpt", None, "nut", None)
    assert line == f"{tmp_path}/out.ckpt: FastFlow on {name}, {size} pixels"
    assert refusal(source, im_resize=256) == (
        f"--im_resize 256: {source} was trained with {size} pixels; leave the option out"
    )
    detector, _ = checkpoint.load_detector(tmp_path / "out.ckpt")
    assert (detector.architecture.flow_step, detector.architecture.hidden_ratio) == (4, 0.16)
    image = np.random.default_rng(0).uniform(-1, 1, (1, 3, size, size)).astype(np.float32)
    with torch.no_grad():
        wanted = model.anomaly_map(model.flow(model.features(torch.from_numpy(image)))[0]).numpy()
    assert wanted.std() > 3e-4
    assert wanted.max() < -0.01
    np.testing.assert_allclose(detector(Tensor(image))[0].asnumpy(), wanted, atol=1e-4)


def test_weights_behind_the_prefix_of_data_parallel(tmp_path):
    """The published file of CaiT has it."""
    state = {f"module.{name}": value for name, value in torch_encoders.encoder(CAIT).state_dict().items()}
    line = convert(save({"model": state}, tmp_path), tmp_path / "e.ckpt", None, None, None)
    assert line == f"{tmp_path}/e.ckpt: encoder {CAIT}"


@pytest.mark.parametrize(
    ("name", "change", "problem"),
    [
        (DEIT, {"cls_token": None}, ": cls_token is missing; get the file again"),
        (DEIT, {"cls_token": (1, 1, 5)}, ": cls_token has the shape (1, 1, 5); get the file again"),
        (DEIT, {"blocks.1.norm1.bias": None}, ": blocks.1.norm1.bias is missing; get the file again"),
        (DEIT, {"blocks.1.norm2.weight": (5,)}, ": blocks.1.norm2.weight has the shape (5,); get the file again"),
        (DEIT, {"blocks.0.attn.qkv.weight": (3, 4)}, ": blocks.0.attn.qkv.bias has the shape (2304,)"),
        (DEIT, {"blocks.0.attn.qkv.weight": ()}, ": blocks.0.attn.qkv.weight has the shape ()"),
        (DEIT, {"patch_embed.proj.bias": None}, "does not fit the network: patch_embed.bias is missing"),
        (DEIT, {"blocks.1.mlp.gate.weight": (4, 4)}, "blocks.1.mlp.gate.weight is unexpected"),
        (CAIT, {"blocks.0.gamma_1": (5,)}, ": blocks.0.gamma_1 has the shape (5,); get the file again"),
        (CAIT, {"blocks.1.gamma_2": None}, ": blocks.1.gamma_2 is missing; get the file again"),
        (CAIT, {"blocks.1.attn.proj_w.weight": (4, 4)}, "blocks.1.attn.proj_w.weight is (4, 4) where"),
        (DEIT, {"pos_embed": (1, 198, 768)}, ": not the weights of "),  # of DeiT-B at 224 pixels
    ],
)
def test_weights_that_do_not_fit_are_named(tmp_path, name, change, problem):
    state = torch_encoders.encoder(name).state_dict()
    for key, shape in change.items():
        if shape is None:
            del state[key]
        else:
            state[key] = torch.ones(shape)
    assert problem in refusal(save(state, tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("name", TRANSFORMERS)
def test_all_blocks_give_pytorchs_features(tmp_path, name, monkeypatch):
    """The real depth, and files of the real names and shapes."""
    spec, reference = (make() for make in TRANSFORMERS[name])
    assert spec.build.keywords["depth"] > DEPTH
    monkeypatch.setitem(ENCODERS, name, spec)
    convert(save(reference.state_dict(), tmp_path), tmp_path / "e.ckpt", None, None, None)
    encoder = Encoder(name)
    checkpoint.load_encoder(encoder, name, tmp_path / "e.ckpt")
    image = np.random.default_rng(0).standard_normal((1, 3, spec.im_resize, spec.im_resize), np.float32)
    with torch.no_grad():
        (wanted,) = reference(torch.from_numpy(image))
    (found,) = encoder(Tensor(image))
    np.testing.assert_allclose(found.asnumpy(), wanted.numpy(), atol=1e-4 * wanted.abs().max().item())
