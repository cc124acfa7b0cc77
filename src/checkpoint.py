"""Checkpoint files: strict loading by name, type and shape, atomic saving.

A file holds arrays by name and, as one JSON text, what `src.metadata` describes, with a digest of all of it: a model
that loads is the model that was saved.
"""

import json
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
from src.trust import digest
from src.trust.schema import parse_object
from src.trust.tensor_file import read_entries
from src.utils import UserError, atomic_path, log

OPTIMIZER = "optimizer."  # what the names of the optimizer's arrays begin with in a training state
_METADATA = "fastflow_meta"  # the entry of a file that holds the metadata


def save(path: str | os.PathLike, arrays: Mapping[str, Tensor], metadata: Metadata) -> None:
    """Write tensors by name and the metadata, with their digest, atomically."""
    said = json.loads(metadata.to_json())
    said[digest.KEY] = digest.of_object(said, {name: value.asnumpy() for name, value in arrays.items()})
    with atomic_path(path) as temporary:
        ms.save_checkpoint(
            [{"name": name, "data": value} for name, value in arrays.items()],
            str(temporary),
            append_dict={_METADATA: json.dumps(said)},
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
    damaged = f"{path} is not a MindSpore checkpoint, or is damaged; write it again"
    try:
        arrays = read_entries(path)
    except (ValueError, OSError) as error:
        raise UserError(damaged) from error
    text = arrays.pop(_METADATA, None)
    if text is None:  # MindSpore writes what other software says beside its arrays as texts; nothing here needs them
        arrays, metadata = {name: value for name, value in arrays.items() if isinstance(value, np.ndarray)}, None
    elif isinstance(text, str) and all(isinstance(value, np.ndarray) for value in arrays.values()):
        metadata = _checked_metadata(text, arrays, path)
        check_values(arrays, path)
    else:
        raise UserError(damaged)
    return arrays, metadata


def _checked_metadata(text: str, arrays: Mapping[str, np.ndarray], path: Path) -> Metadata:
    """What a file says of itself, once its digest is that of what was saved."""
    try:
        said = parse_object(text)
    except ValueError as error:
        raise UserError(f"{path} is damaged: what it says of itself is not JSON; write it again") from error
    saved = said.pop(digest.KEY, None)
    if saved is None:
        log.warning("%s is of an older version: it has no digest to check it by", path)
    elif saved != digest.of_object(said, arrays):
        raise UserError(f"{path} is not as it was saved: its digest is another; write it again, or take a copy")
    return Metadata.from_json(json.dumps(said), path)


def check_values(arrays: Mapping[str, np.ndarray], source: str | os.PathLike) -> None:
    """Check that numbers are finite and permutations are permutations.

    Raises:
        UserError: one is not; the message names it.
    """
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise UserError(f"{source}: {name} holds values that are not finite; write the file again")
        if name.endswith(".permutation") and not np.array_equal(np.sort(array, axis=None), np.arange(array.size)):
            raise UserError(f"{source}: {name} is not a permutation; write the file again")


def named_parameters(cell: nn.Cell) -> dict[str, Parameter]:
    """A cell's parameters by their place in it; `Parameter.name` depends on what the cell was put into."""
    return dict(cell.parameters_and_names())


def assign(parameters: Mapping[str, Parameter], arrays: Mapping[str, np.ndarray], source: str | os.PathLike) -> None:
    """Set parameters from arrays of the same names and shapes; of integers from integers, of floats from floats.

    Raises:
        UserError: any name is missing or unexpected, or a shape or type differs; nothing is changed then.
    """
    problems = [f"{name} is missing" for name in parameters if name not in arrays]
    problems += [f"{name} is unexpected" for name in arrays if name not in parameters]
    problems += [
        f"{name} is {tuple(arrays[name].shape)} where the network has {tuple(parameter.shape)}"
        for name, parameter in parameters.items()
        if name in arrays and tuple(arrays[name].shape) != tuple(parameter.shape)
    ]
    problems += [
        f"{name} is of type {arrays[name].dtype} where the network has {ms.dtype_to_nptype(parameter.dtype).__name__}"
        for name, parameter in parameters.items()
        if name in arrays and arrays[name].dtype.kind != np.dtype(ms.dtype_to_nptype(parameter.dtype)).kind
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
            f"no encoder weights {path}; fetch and convert {ENCODERS[backbone].source}: "
            f"python src/pthtockpt.py --arch {backbone} --download"
        )
    arrays, metadata = read(path, "encoder")
    if metadata.backbone != backbone:
        found = metadata.backbone
        raise UserError(f"{path} holds weights of {found}, not {backbone}; give --backbone {found}")
    if ENCODERS[backbone].grid is not None:
        arrays = encoder.backbone.fitted(arrays)
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
    described, held = metadata.architecture.parameter_count, sum(array.size for array in arrays.values())
    if described > 4 * held:  # before memory is taken for it; what fits less badly is named by `assign`
        raise UserError(f"{path} describes flows of {described} parameters and holds {held}; write it again")
    detector = Detector(metadata.architecture, seed=None)
    assign(named_parameters(detector), arrays, path)
    return detector, metadata
