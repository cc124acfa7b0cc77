"""Checkpoints of other software -> this project's; used by `src/pthtockpt.py`."""

import pickle
from pathlib import Path

from mindspore import Tensor

from src import checkpoint
from src.convert.detector import detector_arrays
from src.convert.encoder import State, encoder_arrays, guess_backbone
from src.detector import Detector
from src.encoder import Encoder
from src.metadata import Metadata
from src.utils import UserError

# MindSpore's batch norm and LayerNorm names, in PyTorch's.
_MINDSPORE_NAMES = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


def convert(source: Path, target: Path, arch: str | None, category: str | None, im_resize: int | None) -> str:
    """Convert a file; returns a line that says what was found.

    Raises:
        UserError: the file is unreadable, holds neither an encoder nor a FastFlow model, or a parameter of it is
            missing or unexpected.
    """
    state = read_state(source)
    if any(".module_list." in name for name in state):
        architecture, arrays = detector_arrays(state, source, arch, im_resize)
        detector = Detector(architecture)
        checkpoint.assign(checkpoint.named_parameters(detector), arrays, source)
        checkpoint.save_detector(target, detector, category=category, converted_from=source.name)
        return f"{target}: FastFlow on {architecture.backbone}, {architecture.im_resize} pixels"
    backbone = arch or guess_backbone(state, source)
    arrays = encoder_arrays(state, backbone, source)
    checkpoint.assign(checkpoint.named_parameters(Encoder(backbone).backbone), arrays, source)
    checkpoint.save(target, {k: Tensor(v) for k, v in arrays.items()}, Metadata("encoder", backbone=backbone))
    return f"{target}: encoder {backbone}"


def read_state(source: Path) -> State:
    """A file's arrays by name; PyTorch files with `weights_only=True`, so that no code in them runs."""
    if not source.is_file():
        raise UserError(f"no file {source}; check --pth_path")
    if source.suffix == ".ckpt" and not _is_torch(source):
        state, _ = checkpoint.read_any(source)
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
