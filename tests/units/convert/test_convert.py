"""PyTorch's and the 2022 original's files -> checkpoints: same maps as the reference, every misfit named."""

import pickle
import subprocess
import sys
from pathlib import Path

import mindspore as ms
import numpy as np
import pytest
import torch
from mindspore import Tensor
from torch import nn

from benchmarks import torch_encoders
from src import ROOT, checkpoint
from src.convert.convert import convert
from src.convert.detector import hidden_ratio
from src.detector import Architecture
from src.encoder import ENCODERS, Encoder
from src.utils import UserError
from tests.support import torch_reference

SIZE = 32
LITE = "efficientnet_lite0"


def error_of(source, arch=None, im_resize=None):
    """The one line with which a file is refused; nothing is written then."""
    target = source.with_name("refused.ckpt")
    with pytest.raises(UserError) as caught:
        convert(source, target, arch, None, im_resize)
    assert "\n" not in str(caught.value)
    assert not target.exists()
    return str(caught.value)


def save(state, folder, name="weights.pth"):
    torch.save(state, folder / name)
    return folder / name


# encoders


def resnet18_state():
    """A classifier's state dict, with what torchvision's file has beyond stage 3."""
    torch.manual_seed(1)
    model = torch_encoders.encoder("resnet18")
    model.layer4 = nn.Sequential(torch_encoders.BasicBlock(256, 512, 2), torch_encoders.BasicBlock(512, 512, 1))
    model.fc = nn.Linear(512, 1000)
    return dict(model.state_dict())


def test_what_a_classifier_has_beyond_stage_3_is_left_out(tmp_path):
    state = resnet18_state()
    line = convert(save(state, tmp_path), tmp_path / "e.ckpt", None, None, None)
    assert line == f"{tmp_path}/e.ckpt: encoder resnet18"
    arrays, meta = checkpoint.read(tmp_path / "e.ckpt", ("encoder",))
    assert meta == {"format": 1, "kind": "encoder", "backbone": "resnet18"}
    assert set(arrays) == set(checkpoint.named_parameters(Encoder("resnet18").backbone))
    assert not any(name.startswith(("layer4", "fc")) for name in arrays)
    factor = state["bn1.weight"] / torch.sqrt(state["bn1.running_var"] + 1e-5)
    np.testing.assert_allclose(
        arrays["conv1.weight"], (state["conv1.weight"] * factor[:, None, None, None]).numpy(), rtol=1e-5, atol=1e-7
    )


@pytest.mark.parametrize("key", ["state_dict", "model_state_dict", "model"])
def test_a_state_dict_inside_a_training_checkpoint(tmp_path, key):
    source = save({key: resnet18_state(), "epoch": 90, "optimizer": {"lr": 0.1}}, tmp_path)
    assert convert(source, tmp_path / "e.ckpt", "resnet18", None, None).endswith("encoder resnet18")


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
    assert problem in error_of(save(state, tmp_path))


def test_a_layer_that_is_missing_whole_is_named(tmp_path):
    state = {name: value for name, value in resnet18_state().items() if not name.startswith("layer3.1.")}
    message = error_of(save(state, tmp_path))
    assert "does not fit the network: layer3.1.conv1.weight is missing; layer3.1.conv1.bias is missing" in message


def test_a_parameter_that_is_unexpected_is_named(tmp_path):
    state = resnet18_state() | {"layer1.0.se.fc1.bias": torch.ones(4)}
    assert error_of(save(state, tmp_path)) == (
        f"{tmp_path}/weights.pth: layer1.0.se.fc1.bias is unexpected in resnet18; check --arch"
    )


def test_an_encoder_under_the_wrong_name(tmp_path):
    source = save(resnet18_state(), tmp_path)
    assert "does not fit the network: " in error_of(source, "wide_resnet50_2")
    assert "layer1.0.conv3.weight is missing" in error_of(source, "wide_resnet50_2")
    assert "conv_stem.weight is missing" in error_of(source, LITE)


def test_a_resnet_50_that_is_not_wide(tmp_path):
    state = {"layer1.0.conv2.weight": torch.ones(64, 64, 3, 3), "layer1.0.conv3.weight": torch.ones(256, 64, 1, 1)}
    assert error_of(save(state, tmp_path)) == (
        f"{tmp_path}/weights.pth: not the weights of wide_resnet50_2, resnet18, efficientnet_lite0; "
        "it begins with layer1.0.conv2.weight"
    )


# files


class Trap:
    """Unpickling it would create a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("name", ["evil.pth", "evil.ckpt"])
def test_code_in_a_pickle_is_not_run(tmp_path, name):
    ran = tmp_path / "ran"
    source = save({"state_dict": resnet18_state(), "callbacks": Trap(ran)}, tmp_path, name)
    message = error_of(source)
    assert not ran.exists()
    assert message.startswith(f"{source} holds more than weights, and is not unpickled for safety; ")
    torch.load(source, weights_only=False)
    assert ran.exists()  # the trap is one


@pytest.mark.parametrize("name", ["evil.pth", "evil.ckpt"])
def test_code_in_a_bare_pickle_is_not_run(tmp_path, name):
    ran = tmp_path / "ran"
    (tmp_path / name).write_bytes(pickle.dumps(Trap(ran), protocol=2))
    error_of(tmp_path / name)
    assert not ran.exists()


@pytest.mark.parametrize("content", [b"", b"no weights\n" * 50, b"PK\x03\x04 half a zip", b"\x80\x02}q"])
@pytest.mark.parametrize("name", ["w.pth", "w.ckpt"])
def test_files_without_weights(tmp_path, content, name):
    (tmp_path / name).write_bytes(content)
    message = error_of(tmp_path / name)
    assert message.startswith(f"{tmp_path / name} ")
    assert "is not a" in message


def test_a_truncated_file(tmp_path):
    source = save(resnet18_state(), tmp_path)
    source.write_bytes(source.read_bytes()[:-5000])
    assert error_of(source) == f"{source} is not a PyTorch file, or is damaged; get it again"


def test_a_missing_file_and_a_folder(tmp_path):
    assert error_of(tmp_path / "none.pth") == f"no file {tmp_path}/none.pth; check --pth_path"
    assert error_of(tmp_path) == f"no file {tmp_path}; check --pth_path"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([1, 2], "holds a list, not a state dict; save model.state_dict()"),
        (torch.ones(2), "holds a Tensor, not a state dict; save model.state_dict()"),
        ({}, "it begins with nothing"),
        ({"epoch": 3}, "it begins with nothing"),
        ({"features.0.weight": torch.ones(2)}, "it begins with features.0.weight"),
    ],
)
def test_pytorch_files_that_are_no_encoder(tmp_path, value, text):
    assert text in error_of(save(value, tmp_path))


# whole models


def reference(backbone="resnet18", **options):
    """A small PyTorch FastFlow with random weights."""
    torch.manual_seed(7)
    return torch_reference.FastFlow(backbone, ENCODERS[backbone].channels, SIZE, flow_steps=2, **options).shake()


def assert_same_map(model, path):
    """Ours from the checkpoint against PyTorch's; returns ours."""
    detector, meta = checkpoint.load_detector(path)
    image = np.random.default_rng(0).uniform(-1, 1, (2, 3, SIZE, SIZE)).astype(np.float32)
    with torch.no_grad():
        latents, _ = model.flow(model.features(torch.from_numpy(image)))
        wanted = model.anomaly_map(latents).numpy()
    assert wanted.std() > 1e-3
    anomaly_map, score = detector(Tensor(image))
    np.testing.assert_allclose(anomaly_map.asnumpy(), wanted, atol=1e-4)
    np.testing.assert_allclose(score.asnumpy(), wanted.max((1, 2, 3)), atol=1e-4)
    assert meta["category"] == "nut"
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
    assert error_of(source, im_resize=64) == message


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
    assert error_of(save(state, tmp_path)) == (
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
    assert problem in error_of(save(state, tmp_path))


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
    assert problem in error_of(save(reference().state_dict() | {name: torch.ones(2)}, tmp_path))


# the program


def program(*arguments):
    command = [sys.executable, str(ROOT / "src" / "pthtockpt.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_program_writes_beside_the_input(tmp_path):
    source = save(resnet18_state(), tmp_path)
    done = program("--pth_path", source)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{tmp_path}/weights.ckpt: encoder resnet18\n", "")
    checkpoint.read(tmp_path / "weights.ckpt", ("encoder",))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: --pth_path; see pthtockpt.py --help"),
        (["--pth_path", "{}"], "no file {0}; check --pth_path"),
        (
            ["--pth_path", "{}/model.ckpt", "--ckpt_path", "{}/../{1}/model.ckpt"],
            "{0}/model.ckpt would be overwritten; give --ckpt_path another name",
        ),
        (
            ["--pth_path", "{}/model.ckpt", "--ckpt_path", "{}/out.pth"],
            "--ckpt_path {0}/out.pth: the name must end in .ckpt",
        ),
        (["--pth_path", "x.pth", "--im_resize", "100"], "--im_resize 100: must be a multiple of 16, 32 or more"),
    ],
)
def test_the_programs_mistakes_are_one_line(tmp_path, arguments, message):
    (tmp_path / "model.ckpt").write_bytes(b"PK")
    fill = (tmp_path, tmp_path.name)
    arguments = [text.replace("{}", str(tmp_path)).format(*fill) for text in arguments]
    done = program(*arguments)
    assert (done.returncode, done.stderr) == (2, f"error: {message.format(*fill)}\n")
    assert (tmp_path / "model.ckpt").read_bytes() == b"PK"
