"""A whole FastFlow model's parameters, named and laid out by other software -> those of a `Detector`."""

import math
import re
from pathlib import Path

import numpy as np

from src.convert.encoder import State, encoder_arrays, guess_backbone
from src.detector import Architecture
from src.encoder import STRIDES
from src.utils import UserError


def detector_arrays(state: State, source: Path, arch: str | None, im_resize: int | None) -> tuple[Architecture, State]:
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
