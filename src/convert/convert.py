"""The door of this folder: converts a file of other software to a checkpoint. `src/pthtockpt.py` uses it."""

from pathlib import Path

import numpy as np
from mindspore import Tensor

from src import checkpoint
from src.convert.detector import detector_arrays, is_detector
from src.convert.encoder import encoder_arrays, recognise_backbone
from src.convert.transformer import State
from src.detector import Detector
from src.encoder import Encoder
from src.metadata import Metadata
from src.trust.plain_pickle import NotPlainError
from src.trust.torch_file import RefusedError, TorchFile, is_torch
from src.trust.torch_names import is_tensor
from src.utils import UserError, log

# How MindSpore names the parameters of a batch norm or LayerNorm -> how PyTorch does.
_TORCH_NAMES = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


_PARALLEL = "module."  # what DataParallel puts before every name
# FrEIA's coupling changed its soft clamp (see `src.fastflow.FlowStep`), and the weights do not tell by which of the two
# a model was trained. anomalib's copy of it, the FrEIA that gathierry/FastFlow asks for, and the 2022 original have:
USUAL_CLAMP = "plain"


def convert(
    source: Path,
    target: Path,
    arch: str | None,
    category: str | None,
    im_resize: int | str | None,
    soft_clamp: str | None = None,
) -> str:
    """Convert the weights of an encoder, or a whole FastFlow model.

    Args:
        source: a PyTorch file, or a MindSpore checkpoint of the 2022 original.
        target: the checkpoint to write.
        arch: the encoder; None: it is recognised by the names of its weights.
        category: what a whole model was trained on, to be kept in the checkpoint.
        im_resize: see `detector_arrays`.
        soft_clamp: of the coupling that a whole model was trained with; None: the usual one is assumed, which is said.

    Returns:
        A line that says what was found.

    Raises:
        UserError: the file cannot be read, holds neither an encoder nor a FastFlow model, or a parameter is missing
            or unexpected. Nothing is written then.
    """
    state = read_state(source)
    if is_detector(state):
        architecture, arrays = detector_arrays(state, source, arch, im_resize, soft_clamp or USUAL_CLAMP)
        arrays = _single_precision(arrays, source)
        detector = Detector(architecture)
        checkpoint.assign(checkpoint.named_parameters(detector), arrays, source)
        checkpoint.save_detector(target, detector, category=category, converted_from=source.name)
        if soft_clamp is None:
            log.warning(
                "assumed: --soft_clamp %s, the coupling of anomalib, of gathierry/FastFlow and of 2022; the file does "
                "not tell it, and a model of FrEIA's own block since August 2023 needs --soft_clamp scaled",
                USUAL_CLAMP,
            )
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
    if is_torch(source):
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
    damaged = f"{source} is not a PyTorch file, or is damaged; get it again"
    try:
        file = TorchFile(source)
    except NotPlainError as error:
        raise UserError(
            f"{source} holds more than weights, and is not unpickled for safety; where it was trained, save only "
            "torch.load(FILE)['state_dict'] and convert that"
        ) from error
    except RefusedError as error:
        raise UserError(f"{source} {error}") from error
    except (ValueError, OSError) as error:
        raise UserError(damaged) from error
    loaded = file.value
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(loaded, dict) and isinstance(loaded.get(key), dict):
            loaded = loaded[key]
    if not isinstance(loaded, dict):
        raise UserError(f"{source} holds a {type(loaded).__name__}, not a state dict; save model.state_dict()")
    state = {}
    for name, value in loaded.items():
        if not is_tensor(value):
            continue
        if not isinstance(name, str) or not name.isprintable():
            raise UserError(f"{source} has a tensor whose name is no text; save model.state_dict()")
        try:
            state[name] = file.array(value)
        except RefusedError as error:
            raise UserError(f"{source}: {name} {error}") from error
        except ValueError as error:
            raise UserError(damaged) from error
    if all(name.startswith(_PARALLEL) for name in state):
        state = {name.removeprefix(_PARALLEL): value for name, value in state.items()}
    return state


def _torch_name(name: str) -> str:
    """A name in a MindSpore checkpoint of the 2022 original, as PyTorch would have it."""
    stem, dot, leaf = name.removeprefix("network.").rpartition(".")
    return stem + dot + _TORCH_NAMES.get(leaf, leaf)
