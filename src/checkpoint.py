"""Checkpoint files: strict loading by name and shape, atomic saving.

A file holds arrays by name and, as one JSON text, what `src.metadata` describes. MindSpore's format is protobuf, not
pickle: no code in a file is run.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn

from src.detector import Detector
from src.encoder import ENCODERS, Encoder
from src.metadata import KINDS, Metadata
from src.utils import UserError, atomic_path

OPTIMIZER = "optimizer."  # what the names of the optimizer's arrays begin with in a training state
_METADATA = "fastflow_meta"  # the entry of a file that holds the metadata


def save(path: str | os.PathLike, arrays: Mapping[str, Tensor], metadata: Metadata) -> None:
    """Write tensors by name and the metadata, atomically."""
    with atomic_path(path) as temporary:
        ms.save_checkpoint(
            [{"name": name, "data": value} for name, value in arrays.items()],
            str(temporary),
            append_dict={_METADATA: metadata.to_json()},
        )


def read(path: str | os.PathLike, *kinds: str) -> tuple[dict[str, np.ndarray], Metadata]:
    """A checkpoint's arrays by name and its metadata.

    Raises:
        UserError: the file is missing, not a checkpoint of this software, or of a kind that is not in `kinds`.
    """
    arrays, metadata = read_any(path)
    if metadata is None or metadata.kind not in kinds:
        found = KINDS[metadata.kind][0] if metadata else "what other software wrote"
        wanted, advice = KINDS[kinds[0]]
        raise UserError(f"{path} holds {found}, not {wanted}; {advice}")
    return arrays, metadata


def read_any(path: str | os.PathLike) -> tuple[dict[str, np.ndarray], Metadata | None]:
    """The arrays by name of a MindSpore checkpoint and its metadata; None for one that other software wrote.

    Raises:
        UserError: the file is missing, or not a checkpoint.
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
    text = loaded.pop(_METADATA, None)
    metadata = None if text is None else Metadata.from_json(str(text), path)
    return {name: value.asnumpy() for name, value in loaded.items()}, metadata


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
    arrays, metadata = read(path, "encoder")
    if metadata.backbone != backbone:
        found = metadata.backbone
        raise UserError(f"{path} holds weights of {found}, not {backbone}; give --backbone {found}")
    assign(named_parameters(encoder.backbone), arrays, path)


def save_detector(path: str | os.PathLike, detector: Detector, **said: Any) -> None:
    """Write everything that eval and export need.

    Args:
        said: what the metadata says beside the architecture: category, epoch, thresholds and the like.
    """
    save(path, named_parameters(detector), Metadata("detector", architecture=detector.architecture, **said))


def load_detector(path: str | os.PathLike) -> tuple[Detector, Metadata]:
    """The network of a checkpoint, with its weights, and the checkpoint's metadata.

    The state of an unfinished training serves as well: what it holds beside the detector is left out.

    Raises:
        UserError: no such file, or one whose parameters are not those of the network that it describes.
    """
    arrays, metadata = read(path, "detector", "state")
    if metadata.kind == "state":
        arrays = {name: array for name, array in arrays.items() if not name.startswith(OPTIMIZER)}
    if metadata.architecture is None:
        raise UserError(f"{path} describes no network; write it again")
    detector = Detector(metadata.architecture)
    assign(named_parameters(detector), arrays, path)
    return detector, metadata
