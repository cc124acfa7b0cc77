"""An encoder's published weights -> this project's: renamed, and with the batch norms folded into the convolutions."""

from pathlib import Path

import numpy as np

from src.convert.transformer import State, transformer_arrays
from src.encoder import ENCODERS
from src.encoder_spec import TransformerNaming
from src.utils import UserError


def recognise_backbone(state: State, source: Path) -> str:
    """The name of the encoder whose published weights these are.

    Raises:
        UserError: they are no known encoder's.
    """
    for backbone, spec in ENCODERS.items():
        if spec.recognises(state):
            return backbone
    raise UserError(
        f"{source}: not the weights of {', '.join(ENCODERS)}; it begins with {next(iter(state), 'nothing')}"
    )


def encoder_arrays(state: State, backbone: str, source: Path) -> State:
    """The arrays of this project's network `backbone`, from its published weights.

    Raises:
        UserError: a part of a batch norm is missing, or `state` holds what the encoder does not have. Whether all
            convolutions are there and have the right shapes is checked when the arrays are assigned to the network.
    """
    spec = ENCODERS[backbone]
    if isinstance(spec.naming, TransformerNaming):
        return transformer_arrays(state, spec.naming, source)
    rest = {
        name: value
        for name, value in state.items()
        if not spec.naming.beyond_stride_16.match(name) and not name.endswith("num_batches_tracked")
    }
    arrays = {}
    for conv in [name.removesuffix(".weight") for name, value in rest.items() if value.ndim == 4]:
        norm = spec.naming.batch_norm_of(conv)
        if norm is None:
            continue  # not this encoder's: it stays in `rest` and is named below
        weight = rest.pop(f"{conv}.weight")
        weight, bias = fold(weight, pop_batch_norm(rest, norm, len(weight), source), spec.batch_norm_eps)
        arrays[f"{spec.naming.our_name(conv)}.weight"] = weight
        arrays[f"{spec.naming.our_name(conv)}.bias"] = bias
    if rest:
        raise UserError(f"{source}: {next(iter(rest))} is unexpected in {backbone}; check --arch")
    return arrays


def pop_batch_norm(state: State, norm: str, channels: int, source: Path) -> State:
    """Take a batch norm's four arrays out of a state dict: weight, bias, running_mean and running_var.

    Args:
        channels: of the convolution before it.

    Raises:
        UserError: one of them is missing, they are not one per channel, or a variance is negative.
    """
    names = ("weight", "bias", "running_mean", "running_var")
    missing = [name for name in names if f"{norm}.{name}" not in state]
    if missing:
        raise UserError(f"{source}: {norm}.{missing[0]} is missing; get the file again")
    parts = {name: state.pop(f"{norm}.{name}") for name in names}
    if any(part.shape != (channels,) for part in parts.values()):
        raise UserError(f"{source}: {norm} has not the {channels} channels of its convolution; get the file again")
    if parts["running_var"].min(initial=0) < 0:
        raise UserError(f"{source}: {norm}.running_var holds a negative variance; get the file again")
    return parts


def fold(weight: np.ndarray, norm: State, eps: float) -> tuple[np.ndarray, np.ndarray]:
    """Weight and bias of the convolution that equals one without bias and the batch norm behind it.

    Per output channel and in float64: `factor = gamma / sqrt(variance + eps)`, `weight' = weight * factor`,
    `bias' = beta - mean * factor`.

    Args:
        weight: the convolution's, (channels_out, channels_in / groups, kernel, kernel).
        norm: the batch norm's gamma as "weight", beta as "bias", and "running_mean" and "running_var".

    Returns:
        float32 arrays, of the weight's shape and (channels_out,).
    """
    gamma, beta = norm["weight"].astype(np.float64), norm["bias"].astype(np.float64)
    mean, variance = norm["running_mean"].astype(np.float64), norm["running_var"].astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is refused where the file is converted
        factor = gamma / np.sqrt(variance + eps)
        folded = weight * factor[:, None, None, None]
        return folded.astype(np.float32), (beta - mean * factor).astype(np.float32)
