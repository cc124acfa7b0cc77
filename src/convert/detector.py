"""A whole FastFlow model that other software trained -> the architecture and the arrays of a `Detector`."""

import math
import re
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from src.convert.encoder import encoder_arrays, recognise_backbone
from src.convert.transformer import State
from src.detector import Architecture
from src.encoder import ENCODERS
from src.option import size_text
from src.utils import UserError

_FLOW_STEP = re.compile(r"(?:fast_flow_blocks|nf_flows)\.(\d+)\.module_list\.(\d+)\.(.+)")
# What anomalib saves beside the network: preprocessing, metrics and thresholds.
_BESIDE_THE_NETWORK = re.compile(r"(pre_processor|post_processor|normalization|image_|pixel_|_?metrics)")


@dataclass(frozen=True)
class Parts:
    """A model's arrays, divided.

    Attributes:
        encoder: by the published names of the encoder's weights.
        norms: the LayerNorms' elementwise weights and biases, by this project's names.
        flow_steps: by (scale, step), each a FrEIA AllInOneBlock by FrEIA's names.
    """

    encoder: State = field(default_factory=dict)
    norms: State = field(default_factory=dict)
    flow_steps: dict[tuple[int, int], State] = field(default_factory=dict)


def is_detector(state: State) -> bool:
    """Whether these are a whole model's arrays. Only FrEIA's sequences of flow steps have a `module_list`."""
    return any(".module_list." in name for name in state)


def detector_arrays(
    state: State, source: Path, arch: str | None, im_resize: int | str | None, soft_clamp: str
) -> tuple[Architecture, State]:
    """A model's architecture, found from the shapes of its arrays, and the arrays by this project's names.

    Args:
        state: by the names of anomalib, of gathierry/FastFlow or of the 2022 original.
        source: the file that the model comes from, for messages.
        arch: the encoder; None: it is recognised.
        im_resize: the size of the pictures in pixels. Needed only if the LayerNorms have no weights, whose shapes
            tell it, and the encoder has no positions; None then means the encoder's usual size.
        soft_clamp: that of the coupling that the model was trained with. Nothing in the file tells it.

    Raises:
        UserError: a part is missing or unexpected, or `im_resize` is not the model's.
    """
    parts = divide(state, source)
    arrays = dict(parts.norms)
    for (scale, step), part in parts.flow_steps.items():
        for name, value in flow_step_arrays(part, f"{source}: scale {scale}, step {step}").items():
            arrays[f"fastflow.flows.{scale}.steps.{step}.{name}"] = value
    if not parts.encoder:
        raise UserError(f"{source}: the encoder's parameters (feature_extractor.*) are missing; save the whole model")
    backbone = arch or recognise_backbone(parts.encoder, source)
    for name, value in encoder_arrays(parts.encoder, backbone, source).items():
        arrays[f"encoder.backbone.{name}"] = value
    steps = 1 + max((step for _, step in parts.flow_steps), default=0)
    if steps > len(parts.flow_steps):
        raise UserError(f"{source}: a flow step is missing; get the file again")
    return replace(architecture_of(arrays, backbone, steps, source, im_resize), soft_clamp=soft_clamp), arrays


def divide(state: State, source: Path) -> Parts:
    """Divide a model's arrays into its parts, and leave out what does not belong to the network.

    Raises:
        UserError: a name belongs to no part of a FastFlow model.
    """
    parts = Parts()
    for full_name, value in state.items():
        name = re.sub(r"^(network|model)\.", "", full_name)
        if name.startswith("feature_extractor."):
            parts.encoder[name.removeprefix("feature_extractor.")] = value
        elif name.startswith("norms."):
            parts.norms[f"fastflow.{name}"] = value
        elif match := _FLOW_STEP.match(name):
            parts.flow_steps.setdefault((int(match[1]), int(match[2])), {})[match[3]] = value
        elif not _BESIDE_THE_NETWORK.match(name):
            raise UserError(f"{source}: {name} is unexpected in a FastFlow model; convert a FastFlow checkpoint")
    return parts


def architecture_of(
    arrays: State, backbone: str, steps: int, source: Path, im_resize: int | str | None = None
) -> Architecture:
    """The architecture that has arrays of these shapes.

    Raises:
        UserError: a flow step of the first scale is missing, or `im_resize` is not the model's.
    """
    for name, value in arrays.items():
        wanted = 4 if re.search(r"\.conv\d\.weight$", name) else 3 if name == "fastflow.norms.0.weight" else value.ndim
        if value.ndim != wanted or 0 in value.shape:
            raise UserError(f"{source}: {name} has the shape {value.shape}; get the file again")
    subnets = [arrays.get(f"fastflow.flows.0.steps.{step}.conv1.weight") for step in range(steps)]
    if any(weight is None for weight in subnets):
        raise UserError(f"{source}: a flow step of scale 0 is missing; get the file again")
    norm = arrays.get("fastflow.norms.0.weight")
    spec = ENCODERS[backbone]
    if norm is not None:
        size = size_text(tuple(spec.strides[0] * n for n in norm.shape[1:]))
    else:
        size = spec.im_resize if spec.grid is not None else im_resize or spec.im_resize
    if im_resize not in (None, size):
        raise UserError(f"--im_resize {im_resize}: {source} was trained with {size} pixels; leave the option out")
    first_steps = [weight for name, weight in arrays.items() if name.endswith("steps.0.conv1.weight")]
    return Architecture(
        backbone=backbone,
        im_resize=size,
        flow_step=steps,
        hidden_ratio=hidden_ratio([weight.shape[:2] for weight in first_steps]),
        conv3x3_only=all(weight.shape[-1] == 3 for weight in subnets),
        norm_affine=norm is not None,
    )


def hidden_ratio(channels: list[tuple[int, int]]) -> float:
    """The shortest decimal number that gives the hidden channels of all scales.

    Args:
        channels: (hidden, channels_in) of a subnet per scale; `int(channels_in * ratio) == hidden` shall hold.
    """
    low = max(hidden / channels_in for hidden, channels_in in channels)
    for unit in (10**digits for digits in range(1, 9)):
        ratio = math.ceil(low * unit) / unit
        if all(int(channels_in * ratio) == hidden for hidden, channels_in in channels):
            return ratio
    return low  # no number fits all scales; loading will name the shapes that differ


def flow_step_arrays(part: State, where: str) -> State:
    """A FrEIA AllInOneBlock's arrays -> a `FlowStep`'s.

    The subnet's convolutions are told by their order: their numbers differ between versions of anomalib, some of
    which have layers for the padding.

    Args:
        where: the file, scale and step, for messages.

    Raises:
        UserError: an array is missing or unexpected, or the permutation is soft.
    """
    layers = sorted({int(match[1]) for name in part if (match := re.match(r"subnet\.(\d+)\.", name))})[:2]
    our_names = {"global_scale": "global_scale", "global_offset": "global_offset", "w_perm": "permutation"}
    for conv, layer in zip(("conv1", "conv2"), layers):
        our_names |= {f"subnet.{layer}.{leaf}": f"{conv}.{leaf}" for leaf in ("weight", "bias")}
    missing = [name for name in our_names if name not in part]
    if missing or len(layers) != 2:
        raise UserError(f"{where}: {missing[0] if missing else 'a convolution of the subnet'} is missing; get it again")
    unexpected = [name for name in part if name not in our_names and name != "w_perm_inv"]
    if unexpected:
        raise UserError(f"{where}: {unexpected[0]} is unexpected; only hard permutations and plain blocks convert")
    part = part | {"w_perm": permutation_indices(part["w_perm"], where)}
    return {ours: part[theirs] for theirs, ours in our_names.items()}


def permutation_indices(matrix: np.ndarray, where: str) -> np.ndarray:
    """A permutation of channels, given as the weight of a 1x1 convolution, as indices.

    Args:
        matrix: (C, C, 1, 1), applied as `out[i] = sum_j matrix[i, j] * y[j]`.
        where: the file, scale and step, for messages.

    Returns:
        int32 (C,), applied as `out[i] = y[index[i]]`.

    Raises:
        UserError: the matrix is no permutation.
    """
    if matrix.ndim != 4 or matrix.shape != (len(matrix), len(matrix), 1, 1) or not matrix.size:
        raise UserError(f"{where}: w_perm has the shape {matrix.shape}; get the file again")
    dense = matrix[:, :, 0, 0]
    index = dense.argmax(1).astype(np.int32)
    if not np.array_equal(dense, np.eye(len(dense))[index]) or len(set(index.tolist())) != len(index):
        raise UserError(f"{where}: w_perm is not a permutation; models with soft permutations do not convert")
    return index
