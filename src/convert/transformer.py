"""A vision transformer's published weights -> this project's: renamed, and with its constants folded into the layers.

A LayerNorm's affine part is folded into the layer behind it, a LayerScale into the layer before it, and the factor of
the queries into their weights. All of it in float64, as batch norms are folded in `src.convert.encoder`.
"""

import re
from pathlib import Path

import numpy as np

from src.encoder_spec import TransformerNaming
from src.utils import UserError

State = dict[str, np.ndarray]  # a state dict: arrays by their names
_NORMS = {"norm1": "attn.qkv", "norm2": "mlp.fc1"}  # of a block, and the layer behind
_LAYER_SCALES = {"gamma_1": "attn.proj", "gamma_2": "mlp.fc2"}  # and the layer before


def transformer_arrays(state: State, naming: TransformerNaming, source: Path) -> State:
    """The arrays of a `VisionTransformer`, from its published weights.

    Raises:
        UserError: an array that is folded is missing, or has a shape that does not fit its layer. Whether all others
            are there and have the right shapes is checked when the arrays are assigned to the network.
    """
    arrays = {name: value for name, value in state.items() if not naming.left_out.match(name)}
    parts = _Parts(arrays, source)
    arrays["positions"] = _positions(parts, naming.tokens)
    blocks = dict.fromkeys(match[0] for name in arrays if (match := re.match(r"blocks\.\d+", name)))
    for block in blocks:
        for norm, layer in _NORMS.items():
            _fold_norm(parts, f"{block}.{norm}", f"{block}.{layer}")
        _scale_queries(arrays, f"{block}.attn.qkv", naming.heads)
        for scale, layer in _LAYER_SCALES.items() if naming.layer_scale else ():
            _fold_scale(parts, f"{block}.{scale}", f"{block}.{layer}")
    return {re.sub(r"^patch_embed\.proj\.", "patch_embed.", name): value for name, value in arrays.items()}


class _Parts:
    """Arrays from which some are taken, of shapes that are known."""

    def __init__(self, arrays: State, source: Path):
        self.arrays, self.source = arrays, source

    def take(self, name: str, *shape: int | None) -> np.ndarray:
        """Take an array out of the others, as float64.

        Args:
            shape: what it must have; None: any length.

        Raises:
            UserError: it is missing, or has another shape.
        """
        if name not in self.arrays:
            raise UserError(f"{self.source}: {name} is missing; get the file again")
        value = self.arrays.pop(name)
        if value.ndim != len(shape) or any(want not in (None, has) for want, has in zip(shape, value.shape)):
            raise UserError(f"{self.source}: {name} has the shape {value.shape}; get the file again")
        return value.astype(np.float64)

    def take_layer(self, layer: str, outputs: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Take a layer's weight (outputs, inputs) and bias (outputs,)."""
        weight = self.take(f"{layer}.weight", outputs, None)
        return weight, self.take(f"{layer}.bias", len(weight))

    def put_layer(self, layer: str, weight: np.ndarray, bias: np.ndarray) -> None:
        """Put a layer back, as float32."""
        with np.errstate(over="ignore"):  # what is not finite is refused where the file is converted
            self.arrays |= {f"{layer}.weight": weight.astype(np.float32), f"{layer}.bias": bias.astype(np.float32)}


def _positions(parts: _Parts, tokens: tuple[str, ...]) -> np.ndarray:
    """The published positions (1, T + n, C), with the T special tokens added to theirs; float32."""
    positions = parts.take("pos_embed", 1, None, None)
    for place, token in enumerate(tokens):
        if place < positions.shape[1]:
            positions[:, place] += parts.take(token, 1, 1, positions.shape[2])[:, 0]
    return positions.astype(np.float32)


def _fold_norm(parts: _Parts, norm: str, layer: str) -> None:
    """W (gamma * x + beta) + b = (W gamma) x + (b + W beta)."""
    weight, bias = parts.take_layer(layer)
    gamma, beta = (parts.take(f"{norm}.{leaf}", weight.shape[1]) for leaf in ("weight", "bias"))
    with np.errstate(over="ignore", invalid="ignore"):
        parts.put_layer(layer, weight * gamma, bias + weight @ beta)


def _fold_scale(parts: _Parts, scale: str, layer: str) -> None:
    """gamma * (W x + b) = (gamma W) x + gamma b, gamma a factor per output."""
    weight, bias = parts.take_layer(layer)
    gamma = parts.take(scale, len(weight))
    with np.errstate(over="ignore", invalid="ignore"):
        parts.put_layer(layer, weight * gamma[:, None], bias * gamma)


def _scale_queries(arrays: State, layer: str, heads: int) -> None:
    """Divide the queries, the first third of the outputs, by the root of the channels of a head."""
    for name in (f"{layer}.weight", f"{layer}.bias"):
        queries = len(arrays[name]) // 3
        scaled = arrays[name][:queries].astype(np.float64) / max(queries // heads, 1) ** 0.5
        arrays[name] = np.concatenate((scaled.astype(np.float32), arrays[name][queries:]))
