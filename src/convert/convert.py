"""The door of this folder: converts a file of other software to a checkpoint. `src/pthtockpt.py` uses it."""

import pickle
import warnings
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from mindspore import Tensor

from src import checkpoint
from src.convert.detector import detector_arrays, is_detector
from src.convert.encoder import State, encoder_arrays, recognise_backbone
from src.detector import Detector
from src.encoder import Encoder
from src.metadata import Metadata
from src.utils import UserError

if TYPE_CHECKING:
    import torch

# How MindSpore names the parameters of a batch norm or LayerNorm -> how PyTorch does.
_TORCH_NAMES = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


def convert(source: Path, target: Path, arch: str | None, category: str | None, im_resize: int | None) -> str:
    """Convert the weights of an encoder, or a whole FastFlow model.

    Args:
        source: a PyTorch file, or a MindSpore checkpoint of the 2022 original.
        target: the checkpoint to write.
        arch: the encoder; None: it is recognised by the names of its weights.
        category: what a whole model was trained on, to be kept in the checkpoint.
        im_resize: see `detector_arrays`.

    Returns:
        A line that says what was found.

    Raises:
        UserError: the file cannot be read, holds neither an encoder nor a FastFlow model, or a parameter is missing
            or unexpected. Nothing is written then.
    """
    state = read_state(source)
    if is_detector(state):
        architecture, arrays = detector_arrays(state, source, arch, im_resize)
        arrays = _single_precision(arrays, source)
        detector = Detector(architecture)
        checkpoint.assign(checkpoint.named_parameters(detector), arrays, source)
        checkpoint.save_detector(target, detector, category=category, converted_from=source.name)
        return f"{target}: FastFlow on {architecture.backbone}, {architecture.im_resize} pixels"
    backbone = arch or recognise_backbone(state, source)
    arrays = _single_precision(encoder_arrays(state, backbone, source), source)
    checkpoint.assign(checkpoint.named_parameters(Encoder(backbone).backbone), arrays, source)
    checkpoint.save(target, {k: Tensor(v) for k, v in arrays.items()}, Metadata("encoder", backbone=backbone))
    return f"{target}: encoder {backbone}"


def _single_precision(arrays: State, source: Path) -> State:
    """The arrays with all floats as float32.

    Raises:
        UserError: a value is not finite, or not in float32.
    """
    with np.errstate(over="ignore"):  # becomes infinite, which is an error below
        arrays = {name: a.astype(np.float32) if a.dtype.kind == "f" else a for name, a in arrays.items()}
    checkpoint.check_values(arrays, source)
    return arrays


def read_state(source: Path) -> State:
    """A file's arrays by PyTorch's names.

    Raises:
        UserError: the file is missing, damaged, or holds something else than weights.
    """
    if not source.is_file():
        raise UserError(f"no file {source}; check --pth_path")
    if _is_torch(source):
        return read_torch(source)
    if source.suffix == ".ckpt":
        state, _ = checkpoint.read_any(source)
        return {_torch_name(name): value for name, value in state.items()}
    raise UserError(f"{source} is not a PyTorch file; give a .pth, .pt or .ckpt with weights")


def read_torch(source: Path) -> State:
    """The arrays of a PyTorch file, which may be a state dict or a training's checkpoint with one inside.

    Raises:
        UserError: the file is damaged, or holds something else than weights.
    """
    import torch

    _check_archive(source)
    try:  # weights_only: a PyTorch file is a pickle, and no code in it shall run
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of types that are refused below, or not needed
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
    tensors = {name: value for name, value in loaded.items() if isinstance(value, torch.Tensor)}
    return {name: _array(name, value, source) for name, value in tensors.items()}


def _array(name: str, value: "torch.Tensor", source: Path) -> np.ndarray:
    """A tensor of a PyTorch file as an array; floats that NumPy has not, such as bfloat16, as float32."""
    import torch

    if not isinstance(name, str) or not name.isprintable():
        raise UserError(f"{source} has a tensor whose name is no text; save model.state_dict()")
    dense = value.layout == torch.strided and value.device.type == "cpu" and not value.is_nested
    integers = (torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
    if not dense or not (value.is_floating_point() or value.dtype in integers):
        raise UserError(f"{source}: {name} is not a dense tensor of real numbers; save the weights as such")
    if value.numel() * value.element_size() > source.stat().st_size:  # a view that repeats a few values
        raise UserError(f"{source}: {name} is larger than the file; save model.state_dict()")
    value = value.detach()
    if value.is_floating_point() and value.dtype not in (torch.float16, torch.float32, torch.float64):
        value = value.float()
    return value.numpy()


def _check_archive(source: Path) -> None:
    """Compare the members of a zip archive with their checksums, which PyTorch (2.13) does not; other files pass.

    Raises:
        UserError: a member is damaged, or they unpack to more than the file holds.
    """
    with source.open("rb") as file:
        if file.read(2) != b"PK":
            return
    try:
        with zipfile.ZipFile(source) as archive:
            members = archive.infolist()
            if sum(member.file_size for member in members) > source.stat().st_size:
                raise UserError(f"{source} is a compressed archive, which PyTorch does not write; get the file again")
            for member in members:
                if member.CRC:  # PyTorch can be told to write none
                    with archive.open(member) as content:
                        while content.read(1 << 20):
                            pass
    except UserError:
        raise
    except Exception as error:  # a damaged archive fails in any way
        raise UserError(f"{source} is not a PyTorch file, or is damaged; get it again") from error


def _is_torch(source: Path) -> bool:
    """Whether a file begins as a zip archive or a pickle, as PyTorch's do; MindSpore's are protobuf messages."""
    with source.open("rb") as file:
        return file.read(2) in (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


def _torch_name(name: str) -> str:
    """A name in a MindSpore checkpoint of the 2022 original, as PyTorch would have it."""
    stem, dot, leaf = name.removeprefix("network.").rpartition(".")
    return stem + dot + _TORCH_NAMES.get(leaf, leaf)
