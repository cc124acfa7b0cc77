"""Checkpoints: strict loading by name and shape, atomic saving, and the JSON that travels inside.

A file holds arrays by name and one JSON text: its kind ("encoder", "detector" or "state"), and what its reader needs
(architecture, category, ...). MindSpore's format is protobuf, not pickle, so reading a stranger's file is safe.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn

from src.detector import Architecture, Detector
from src.encoder import ENCODERS, Encoder
from src.utils import UserError, atomic_path

OPTIMIZER = "optimizer."  # what the names of the optimizer's arrays begin with in a training state
FORMAT = 1  # of the names of the arrays and of the JSON
_META = "fastflow_meta"
_KINDS = {  # what it is, and where to get one
    "encoder": ("an encoder's ImageNet weights", "convert those: python src/pthtockpt.py --pth_path FILE.pth"),
    "detector": ("a trained FastFlow", "give train.py's, or convert one: python src/pthtockpt.py --pth_path FILE"),
    "state": ("the state of an unfinished training", "give train.py's .state.ckpt"),
}


def save(path: str | os.PathLike, arrays: Mapping[str, Tensor], kind: str, meta: dict) -> None:
    """Write tensors by name and `meta` (a JSON object), atomically."""
    with atomic_path(path) as temporary:
        ms.save_checkpoint(
            [{"name": name, "data": value} for name, value in arrays.items()],
            str(temporary),
            append_dict={_META: json.dumps({"format": FORMAT, "kind": kind, **meta})},
        )


def read(path: str | os.PathLike, kinds: tuple[str, ...] = ()) -> tuple[dict[str, np.ndarray], dict]:
    """A checkpoint's arrays by name and its JSON object; {} for a file that other software wrote.

    Raises:
        UserError: the file is missing, not a checkpoint, or of a kind that is not in `kinds` (empty: any).
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"no checkpoint {path}; check the path")
    if path.suffix in (".pth", ".pt", ".tar"):
        raise UserError(f"{path} is a PyTorch file; convert it: python src/pthtockpt.py --pth_path {path}")
    if path.suffix != ".ckpt":
        raise UserError(f"{path} is not a .ckpt file; give a MindSpore checkpoint")
    try:
        loaded = ms.load_checkpoint(str(path))
    except (ValueError, TypeError, RuntimeError, OSError) as error:
        raise UserError(f"{path} is not a MindSpore checkpoint, or is damaged; write it again") from error
    text = loaded.pop(_META, None)
    try:
        meta = json.loads(str(text)) if text is not None else {}
    except ValueError as error:
        raise UserError(f"{path} is damaged: what it says of itself is not JSON; write it again") from error
    if meta and meta.get("format") != FORMAT:
        raise UserError(f"{path} has format {meta.get('format')}, not {FORMAT}; use the version that wrote it")
    if kinds and meta.get("kind") not in kinds:
        found, _ = _KINDS.get(meta.get("kind"), ("what other software wrote", ""))
        wanted, advice = _KINDS[kinds[0]]
        raise UserError(f"{path} holds {found}, not {wanted}; {advice}")
    return {name: value.asnumpy() for name, value in loaded.items()}, meta


def named_parameters(cell: nn.Cell) -> dict[str, Parameter]:
    """A cell's parameters by their place in it; `Parameter.name` depends on what the cell was put into."""
    return dict(cell.parameters_and_names())


def assign(parameters: Mapping[str, Parameter], arrays: Mapping[str, np.ndarray], source: str | os.PathLike) -> None:
    """Set parameters from arrays of the same names and shapes.

    Raises:
        UserError: any name is missing or unexpected, or a shape differs; nothing is changed then.
    """
    problems = [f"{name} is missing" for name in parameters if name not in arrays]
    problems += [f"{name} is unexpected" for name in arrays if name not in parameters]
    problems += [
        f"{name} is {tuple(arrays[name].shape)} where the network has {tuple(parameter.shape)}"
        for name, parameter in parameters.items()
        if name in arrays and tuple(arrays[name].shape) != tuple(parameter.shape)
    ]
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise UserError(f"{source} does not fit the network: {'; '.join(problems[:3])}{more}; use the file made for it")
    for name, parameter in parameters.items():
        array = np.asarray(arrays[name], order="C")  # not ascontiguousarray: that makes a scalar one-dimensional
        parameter.set_data(Tensor(array, parameter.dtype))


def load_encoder(encoder: Encoder, backbone: str, path: str | os.PathLike) -> None:
    """Load ImageNet weights that `src/pthtockpt.py` converted into an encoder.

    Raises:
        UserError: the file is missing (the message says where the weights come from), or of another encoder.
    """
    if not Path(path).exists():
        raise UserError(
            f"no encoder weights {path}; get {ENCODERS[backbone].source} and convert: "
            f"python src/pthtockpt.py --pth_path FILE.pth --arch {backbone}"
        )
    arrays, meta = read(path, ("encoder",))
    found = meta.get("backbone")
    if found != backbone:
        raise UserError(f"{path} holds weights of {found}, not {backbone}; give --backbone {found}")
    assign(named_parameters(encoder.backbone), arrays, path)


def save_detector(path: str | os.PathLike, detector: Detector, meta: dict) -> None:
    """Write everything that eval and export need; `meta` adds category, epoch, thresholds and the like."""
    save(path, named_parameters(detector), "detector", {"architecture": asdict(detector.architecture), **meta})


def load_detector(path: str | os.PathLike) -> tuple[Detector, dict]:
    """The network of a checkpoint, with its weights, and the checkpoint's JSON object.

    The state of an unfinished training serves as well: what it holds beside the detector is left out.
    """
    arrays, meta = read(path, ("detector", "state"))
    if meta["kind"] == "state":
        arrays = {name: array for name, array in arrays.items() if not name.startswith(OPTIMIZER)}
    try:
        detector = Detector(Architecture(**meta["architecture"]))
    except (KeyError, TypeError) as error:
        raise UserError(f"{path} describes no network that is known here ({error}); write it again") from error
    assign(named_parameters(detector), arrays, path)
    return detector, meta
