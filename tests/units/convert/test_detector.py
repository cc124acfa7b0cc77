"""Whole models of PyTorch and of the 2022 original: the same maps as the reference, every misfit named."""

import mindspore as ms
import numpy as np
import pytest
import torch
from mindspore import Tensor
from torch import nn

from src import checkpoint
from src.convert.convert import convert
from src.convert.detector import hidden_ratio
from src.detector import Architecture
from src.encoder import ENCODERS
from tests.support import torch_reference
from tests.support.foreign_weights import refusal, save

SIZE = 32
LITE = "efficientnet_lite0"


def reference(backbone="resnet18", **options):
    """A small PyTorch FastFlow with random weights."""
    torch.manual_seed(7)
    return torch_reference.FastFlow(backbone, ENCODERS[backbone].channels, SIZE, flow_steps=2, **options).shake()


def assert_same_map(model, path):
    """Ours from the checkpoint against PyTorch's; returns ours."""
    detector, metadata = checkpoint.load_detector(path)
    image = np.random.default_rng(0).uniform(-1, 1, (2, 3, SIZE, SIZE)).astype(np.float32)
    with torch.no_grad():
        latents, _ = model.flow(model.features(torch.from_numpy(image)))
        wanted = model.anomaly_map(latents).numpy()
    assert wanted.std() > 1e-3
    anomaly_map, score = detector(Tensor(image))
    np.testing.assert_allclose(anomaly_map.asnumpy(), wanted, atol=1e-4)
    np.testing.assert_allclose(score.asnumpy(), wanted.max((1, 2, 3)), atol=1e-4)
    assert metadata.category == "nut"
    return detector


def anomalib(state):
    """What anomalib saves: `model.` before each name, and the state of other parts beside the model."""
    return {
        "state_dict": {
            **{f"model.{name}": value for name, value in state.items()},
            "image_threshold.value": torch.tensor(0.5),
            "pixel_threshold.value": torch.tensor(0.5),
            "normalization_metrics.min": torch.tensor(0.0),
            "image_metrics.AUROC.preds": torch.zeros(3),
            "pre_processor.transform.mean": torch.zeros(3),
            "post_processor._image_threshold": torch.tensor(0.5),
        },
        "epoch": 3,
        "pytorch-lightning_version": "2.2.0",
    }


def gathierry(state):
    """gathierry/FastFlow: `nf_flows`, no prefix."""
    return {"model_state_dict": {n.replace("fast_flow_blocks", "nf_flows"): v for n, v in state.items()}, "epoch": 3}


@pytest.mark.parametrize(
    ("form", "zero_pad_cells", "name"),
    [
        (dict, True, "plain.pth"),
        (anomalib, True, "new.ckpt"),
        (anomalib, False, "old.ckpt"),
        (gathierry, False, "original.pt"),
    ],
)
def test_whole_pytorch_models_give_the_same_map(tmp_path, form, zero_pad_cells, name):
    model = reference(zero_pad_cells=zero_pad_cells)
    subnet = {key.split("subnet.")[1] for key in model.state_dict() if "subnet" in key}
    assert subnet == {f"{i}.{leaf}" for i in ((1, 4) if zero_pad_cells else (0, 2)) for leaf in ("weight", "bias")}
    source = save(form(model.state_dict()), tmp_path, name)
    line = convert(source, tmp_path / "out.ckpt", None, "nut", None)
    assert line == f"{tmp_path}/out.ckpt: FastFlow on resnet18, {SIZE} pixels"
    assert assert_same_map(model, tmp_path / "out.ckpt").architecture == Architecture("resnet18", SIZE, 2)


@pytest.mark.parametrize(("given", "slope"), [(None, 2.0), ("plain", 2.0), ("scaled", 1.0)])
def test_both_soft_clamps_and_the_one_that_is_assumed_is_said(tmp_path, caplog, given, slope):
    model = reference(LITE, slope=slope).shake(0.5)  # log-scales over which the two forms differ
    source = save(model.state_dict(), tmp_path)
    convert(source, tmp_path / "out.ckpt", None, "nut", None, given)
    assert assert_same_map(model, tmp_path / "out.ckpt").architecture.soft_clamp == (given or "plain")
    said = [record.getMessage() for record in caplog.records if "soft_clamp" in record.getMessage()]
    assert len(said) == (given is None)
    assert all(line.startswith("assumed: --soft_clamp plain, ") for line in said)
    if given == "scaled":
        convert(source, tmp_path / "other.ckpt", None, "nut", None, "plain")
        with pytest.raises(AssertionError):
            assert_same_map(model, tmp_path / "other.ckpt")


def original_2022(model, prefix):
    """A model by the names of the 2022 MindSpore original: its batch norms' and its flows' names."""
    norms = {name for name, module in model.named_modules() if isinstance(module, nn.BatchNorm2d)}
    leaves = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
    state = {}
    for name, value in model.state_dict().items():
        stem, _, leaf = name.rpartition(".")
        if leaf != "num_batches_tracked":
            leaf = leaves[leaf] if stem in norms else leaf
            state[f"{prefix}{stem}.{leaf}".replace("fast_flow_blocks", "nf_flows")] = value.numpy()
    return state


@pytest.mark.parametrize("prefix", ["", "network."])
@pytest.mark.parametrize("gamma_beta", [False, True])
def test_checkpoints_of_the_2022_original_give_the_same_map(tmp_path, prefix, gamma_beta):
    """Its LayerNorms are `norms.*.weight` and `.bias` or, as MindSpore's own layer has them, `.gamma` and `.beta`."""
    model = reference(zero_pad_cells=False)
    state = original_2022(model, prefix)
    if gamma_beta:
        for old, new in (("weight", "gamma"), ("bias", "beta")):
            state = {n.replace(old, new) if f"{prefix}norms." in n else n: v for n, v in state.items()}
    assert f"{prefix}feature_extractor.layer1.0.bn1.moving_variance" in state
    assert f"{prefix}nf_flows.2.module_list.1.w_perm_inv" in state
    ms.save_checkpoint([{"name": n, "data": Tensor(v)} for n, v in state.items()], str(tmp_path / "2022.ckpt"))
    convert(tmp_path / "2022.ckpt", tmp_path / "out.ckpt", None, "nut", None)
    assert_same_map(model, tmp_path / "out.ckpt")


def test_another_hidden_ratio_and_3x3_only(tmp_path):
    model = reference(LITE, hidden_ratio=0.16, conv3x3_only=True)  # 1, 3 and 8 hidden channels
    convert(save(model.state_dict(), tmp_path), tmp_path / "out.ckpt", None, "nut", None)
    detector = assert_same_map(model, tmp_path / "out.ckpt")
    assert detector.architecture == Architecture(LITE, SIZE, 2, 0.15, True)  # 0.15 gives the same channels


def test_without_affine_the_size_has_to_be_said(tmp_path):
    model = reference(affine=False)
    source = save(model.state_dict(), tmp_path)
    convert(source, tmp_path / "out.ckpt", None, "nut", SIZE)
    architecture = assert_same_map(model, tmp_path / "out.ckpt").architecture
    assert architecture == Architecture("resnet18", SIZE, 2, norm_affine=False)
    convert(source, tmp_path / "default.ckpt", None, "nut", None)
    assert checkpoint.load_detector(tmp_path / "default.ckpt")[0].architecture.im_resize == 256


def test_another_size_than_the_models(tmp_path):
    source = save(reference().state_dict(), tmp_path)
    message = f"--im_resize 64: {source} was trained with 32 pixels; leave the option out"
    assert refusal(source, im_resize=64) == message


@pytest.mark.parametrize("ratio", [1.0, 0.5, 0.16, 0.1, 1 / 3, 2.0, 0.7, 1.37])
@pytest.mark.parametrize("backbone", ENCODERS)
def test_the_hidden_ratio_is_found_from_the_channels(backbone, ratio):
    inputs = [channels - channels // 2 for channels in ENCODERS[backbone].channels]
    found = hidden_ratio([(int(channels * ratio), channels) for channels in inputs])
    assert [int(channels * found) for channels in inputs] == [int(channels * ratio) for channels in inputs]
    assert len(str(found)) <= 5


W_PERM = "fast_flow_blocks.0.module_list.1.w_perm"


def soft(state):
    state[W_PERM] = torch.linalg.qr(torch.randn(64, 64))[0].reshape(64, 64, 1, 1)


def twice_the_same(state):
    state[W_PERM][1] = state[W_PERM][0]


@pytest.mark.parametrize("change", [soft, twice_the_same])
def test_a_matrix_that_is_no_permutation_is_refused(tmp_path, change):
    state = reference().state_dict()
    change(state)
    assert refusal(save(state, tmp_path)) == (
        f"{tmp_path}/weights.pth: scale 0, step 1: w_perm is not a permutation; "
        "models with soft permutations do not convert"
    )


@pytest.mark.parametrize(
    ("lost", "problem"),
    [
        (W_PERM, "scale 0, step 1: w_perm is missing"),
        ("fast_flow_blocks.1.module_list.0.global_scale", "scale 1, step 0: global_scale is missing"),
        ("fast_flow_blocks.1.module_list.0.subnet.4.bias", "scale 1, step 0: subnet.4.bias is missing"),
        ("fast_flow_blocks.1.module_list.0.subnet.4.", "scale 1, step 0: a convolution of the subnet is missing"),
        ("fast_flow_blocks.0.module_list.0.", "a flow step of scale 0 is missing"),
        ("fast_flow_blocks.2.", "fastflow.flows.2.steps.0.global_scale is missing"),
        ("norms.1.bias", "fastflow.norms.1.bias is missing"),
        ("feature_extractor.bn1.bias", "bn1.bias is missing"),
        ("feature_extractor.", "the encoder's parameters (feature_extractor.*) are missing"),
    ],
)
def test_a_part_of_a_whole_model_that_is_missing_is_named(tmp_path, lost, problem):
    state = {name: value for name, value in reference().state_dict().items() if not name.startswith(lost)}
    assert problem in refusal(save(state, tmp_path))


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("teacher.weight", "teacher.weight is unexpected in a FastFlow model"),
        ("norms.3.weight", "fastflow.norms.3.weight is unexpected"),
        ("fast_flow_blocks.0.module_list.0.vk_householder", "scale 0, step 0: vk_householder is unexpected"),
        ("fast_flow_blocks.0.module_list.0.subnet.6.weight", "scale 0, step 0: subnet.6.weight is unexpected"),
        ("fast_flow_blocks.0.module_list.0.subnet.4.scale", "scale 0, step 0: subnet.4.scale is unexpected"),
        ("feature_extractor.head.weight", "head.weight is unexpected"),
    ],
)
def test_a_part_of_a_whole_model_that_is_unexpected_is_named(tmp_path, name, problem):
    assert problem in refusal(save(reference().state_dict() | {name: torch.ones(2)}, tmp_path))
