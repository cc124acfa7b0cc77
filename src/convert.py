"""State dicts of other software -> this project's names; used by `src/pthtockpt.py`."""

import math
import pickle
import re
from pathlib import Path

import numpy as np
from mindspore import Tensor

from src import checkpoint
from src.detector import Architecture, Detector
from src.encoder import ENCODERS, STRIDES, Encoder
from src.utils import UserError

State = dict[str, np.ndarray]

# MindSpore's batch norm and LayerNorm names, in PyTorch's.
_MINDSPORE_NAMES = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
# What a classifier has beyond stride 16; everything else must be used.
_BEYOND = re.compile(r"(layer4|fc|classifier|_conv_head|_bn1|_fc|_blocks\.1[1-5])\.")


def convert(source: Path, target: Path, arch: str | None, category: str | None, im_resize: int | None) -> str:
    """Convert a file; returns a line that says what was found.

    Raises:
        UserError: the file is unreadable, holds neither an encoder nor a FastFlow model, or a parameter of it is
            missing or unexpected.
    """
    state = read_state(source)
    if any(".module_list." in name for name in state):
        architecture, arrays = whole_model(state, source, arch, im_resize)
        detector = Detector(architecture)
        checkpoint.assign(checkpoint.named_parameters(detector), arrays, source)
        checkpoint.save_detector(target, detector, {"category": category, "converted_from": source.name})
        return f"{target}: FastFlow on {architecture.backbone}, {architecture.im_resize} pixels"
    backbone = arch or guess_backbone(state, source)
    arrays = encoder_arrays(state, backbone, source)
    checkpoint.assign(checkpoint.named_parameters(Encoder(backbone).backbone), arrays, source)
    checkpoint.save(target, {k: Tensor(v) for k, v in arrays.items()}, "encoder", {"backbone": backbone})
    return f"{target}: encoder {backbone}"


def read_state(source: Path) -> State:
    """A file's arrays by name; PyTorch files with `weights_only=True`, so that no code in them runs."""
    if not source.is_file():
        raise UserError(f"no file {source}; check --pth_path")
    if source.suffix == ".ckpt" and not _is_torch(source):
        state, _ = checkpoint.read(source)
        return {_torch_name(name): value for name, value in state.items()}
    if not _is_torch(source):
        raise UserError(f"{source} is not a PyTorch file; give a .pth, .pt or .ckpt with weights")
    import torch

    try:
        loaded = torch.load(source, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UserError(
            f"{source} holds more than weights, and is not unpickled for safety; where it was trained, save only "
            "torch.load(FILE)['state_dict'] and convert that"
        ) from error
    except Exception as error:  # a damaged file makes the unpickler fail in any way
        raise UserError(f"{source} is not a PyTorch file, or is damaged; get it again") from error
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(loaded, dict) and isinstance(loaded.get(key), dict):
            loaded = loaded[key]
    if not isinstance(loaded, dict):
        raise UserError(f"{source} holds a {type(loaded).__name__}, not a state dict; save model.state_dict()")
    return {name: value.numpy() for name, value in loaded.items() if isinstance(value, torch.Tensor)}


def _is_torch(source: Path) -> bool:
    """Whether a file is a zip or a pickle, as PyTorch's are; MindSpore's is protobuf."""
    with source.open("rb") as file:
        return file.read(2) in (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


def _torch_name(name: str) -> str:
    stem, dot, leaf = name.removeprefix("network.").rpartition(".")
    return stem + dot + _MINDSPORE_NAMES.get(leaf, leaf)


def guess_backbone(state: State, source: Path) -> str:
    """The encoder whose names these are."""
    if "_conv_stem.weight" in state:
        return "efficientnet_lite0"
    if "layer1.0.conv3.weight" in state:
        if state["layer1.0.conv2.weight"].shape[0] == 128:
            return "wide_resnet50_2"
    elif "layer1.0.conv2.weight" in state:
        return "resnet18"
    raise UserError(
        f"{source}: not the weights of {', '.join(ENCODERS)}; it begins with {next(iter(state), 'nothing')}"
    )


def batch_norm_of(conv: str) -> str:
    """The name of the batch norm behind a convolution, in torchvision's or the EfficientNet package's names."""
    if conv.endswith("downsample.0"):
        return conv[:-1] + "1"
    lite = {"_conv_stem": "_bn0", "_expand_conv": "_bn0", "_depthwise_conv": "_bn1", "_project_conv": "_bn2"}
    stem, _, leaf = conv.rpartition(".")
    return f"{stem}.{lite[leaf] if leaf in lite else leaf.replace('conv', 'bn')}".lstrip(".")


def encoder_arrays(state: State, backbone: str, source: Path) -> State:
    """An encoder's state dict, its batch norms folded (in float64), by this project's names.

    `w' = w * gamma / sqrt(var + eps)`, `b' = beta - mean * gamma / sqrt(var + eps)`, per output channel.
    """
    state = {k: v for k, v in state.items() if not (_BEYOND.match(k) or k.endswith("num_batches_tracked"))}
    arrays = {}
    for conv in [name.removesuffix(".weight") for name, value in state.items() if value.ndim == 4]:
        norm = batch_norm_of(conv)
        parts = [f"{norm}.{part}" for part in ("weight", "bias", "running_mean", "running_var")]
        missing = [part for part in parts if part not in state]
        if missing:
            raise UserError(f"{source}: {missing[0]} is missing; get the file again")
        gamma, beta, mean, var = (state.pop(part).astype(np.float64) for part in parts)
        factor = gamma / np.sqrt(var + ENCODERS[backbone].batch_norm_eps)
        weight = state.pop(f"{conv}.weight") * factor[:, None, None, None]
        name = re.sub(r"(^|\.)_", r"\1", conv)
        arrays[f"{name}.weight"] = weight.astype(np.float32)
        arrays[f"{name}.bias"] = (beta - mean * factor).astype(np.float32)
    if state:
        raise UserError(f"{source}: {next(iter(state))} is unexpected in {backbone}; check --arch")
    return arrays


def whole_model(state: State, source: Path, arch: str | None, im_resize: int | None) -> tuple[Architecture, State]:
    """A FastFlow model's architecture, read off its shapes, and its arrays by this project's names."""
    state = {re.sub(r"^(network|model)\.", "", name): value for name, value in state.items()}
    flows: dict[tuple[int, int], State] = {}
    encoder, arrays = {}, {}
    for name, value in state.items():
        if name.startswith("feature_extractor."):
            encoder[name.removeprefix("feature_extractor.")] = value
        elif name.startswith("norms."):
            arrays[f"fastflow.{name}"] = value
        elif match := re.match(r"(?:fast_flow_blocks|nf_flows)\.(\d+)\.module_list\.(\d+)\.(.+)", name):
            flows.setdefault((int(match[1]), int(match[2])), {})[match[3]] = value
        elif not re.match(r"(pre_processor|post_processor|normalization|image_|pixel_|_?metrics)", name):
            raise UserError(f"{source}: {name} is unexpected in a FastFlow model; convert a FastFlow checkpoint")
    for (scale, step), part in flows.items():
        prefix = f"fastflow.flows.{scale}.steps.{step}."
        arrays.update(
            {prefix + name: value for name, value in flow_step(part, f"{source}: scale {scale}, step {step}")}
        )

    if not encoder:
        raise UserError(f"{source}: the encoder's parameters (feature_extractor.*) are missing; save the whole model")
    backbone = arch or guess_backbone(encoder, source)
    for name, value in encoder_arrays(encoder, backbone, source).items():
        arrays[f"encoder.backbone.{name}"] = value
    weights = [
        arrays.get(f"fastflow.flows.0.steps.{step}.conv1.weight") for step in range(1 + max(k for _, k in flows))
    ]
    if any(weight is None for weight in weights):
        raise UserError(f"{source}: a flow step of scale 0 is missing; get the file again")
    norm = arrays.get("fastflow.norms.0.weight")
    size = STRIDES[0] * norm.shape[1] if norm is not None else im_resize or 256
    if im_resize not in (None, size):
        raise UserError(f"--im_resize {im_resize}: {source} was trained with {size} pixels; leave the option out")
    architecture = Architecture(
        backbone=backbone,
        im_resize=size,
        flow_step=len(weights),
        hidden_ratio=hidden_ratio([w.shape[:2] for n, w in arrays.items() if n.endswith("steps.0.conv1.weight")]),
        conv3x3_only=all(weight.shape[-1] == 3 for weight in weights),
        norm_affine=norm is not None,
    )
    return architecture, arrays


def hidden_ratio(channels: list[tuple[int, int]]) -> float:
    """The shortest decimal ratio for which `int(channels_in * ratio)` is each (hidden, channels_in)'s hidden."""
    low = max(hidden / channels_in for hidden, channels_in in channels)
    for unit in (10**digits for digits in range(1, 9)):
        ratio = math.ceil(low * unit) / unit
        if all(int(channels_in * ratio) == hidden for hidden, channels_in in channels):
            return ratio
    return low  # there is none; the shapes that do not fit are named when they are assigned


def flow_step(part: State, where: str) -> list[tuple[str, np.ndarray]]:
    """FrEIA's AllInOneBlock -> a `FlowStep`'s arrays; the subnet's convolutions by their order, not their index."""
    layers = sorted({int(match[1]) for name in part if (match := re.match(r"subnet\.(\d+)\.", name))})[:2]
    names = {"global_scale": "global_scale", "global_offset": "global_offset", "w_perm": "permutation"}
    for ours, index in zip(("conv1", "conv2"), layers):
        names |= {f"subnet.{index}.{leaf}": f"{ours}.{leaf}" for leaf in ("weight", "bias")}
    missing = [name for name in names if name not in part]
    if missing or len(layers) != 2:
        raise UserError(f"{where}: {missing[0] if missing else 'a convolution of the subnet'} is missing; get it again")
    unexpected = [name for name in part if name not in names and name != "w_perm_inv"]
    if unexpected:
        raise UserError(f"{where}: {unexpected[0]} is unexpected; only hard permutations and plain blocks convert")
    part = part | {"w_perm": permutation_indices(part["w_perm"], where)}
    return [(ours, part[theirs]) for theirs, ours in names.items()]


def permutation_indices(matrix: np.ndarray, where: str) -> np.ndarray:
    """A dense permutation (C, C, 1, 1), `out[i] = sum_j matrix[i, j] * y[j]`, as indices: `out[i] = y[index[i]]`."""
    dense = matrix[:, :, 0, 0]
    index = dense.argmax(1).astype(np.int32)
    if not np.array_equal(dense, np.eye(len(dense))[index]) or len(set(index.tolist())) != len(index):
        raise UserError(f"{where}: w_perm is not a permutation; models with soft permutations do not convert")
    return index
