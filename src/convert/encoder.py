"""An encoder's parameters, named by torchvision or the EfficientNet package -> this project's, batch norms folded."""

import re
from pathlib import Path

import numpy as np

from src.encoder import ENCODERS
from src.utils import UserError

State = dict[str, np.ndarray]  # a state dict's arrays by name

# What a classifier has beyond stride 16; everything else must be used.
_BEYOND = re.compile(r"(layer4|fc|classifier|_conv_head|_bn1|_fc|_blocks\.1[1-5])\.")


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
