"""An exported ONNX file in onnxruntime, on the CPU. Nothing here imports MindSpore, or onnx, which takes its time."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from src.deploy.description import ANOMALY_MAP, METADATA, SCORE, Description
from src.deploy.description_file import is_description, read_description
from src.files import description_of
from src.predictor.exported import network_of
from src.predictor.network import Network
from src.trust import own_digest
from src.trust.schema import parse_object
from src.utils import UserError


def load_onnx(
    path: Path, device_target: str | None, threads: int | None, batch_size: int, roi: str | None = None
) -> Network:
    """The network of an ONNX file that export.py wrote.

    What it says of itself is read from the JSON beside it or, where there is none, from its metadata. Before it is
    parsed, its digest is compared with that in the one or the other.

    Args:
        threads: that compute; None: one per processor core.
        batch_size: images per call where the file leaves that open.

    Raises:
        UserError: the file is missing, damaged, not export.py's, or not the one that the JSON beside it describes.
    """
    if device_target not in (None, "CPU"):
        raise UserError(f"--device_target {device_target}: ONNX files run on the CPU here; give the .ckpt or .mindir")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; check the path") from error
    beside = read_description(path) if description_of(path).is_file() else None
    if beside is None and not own_digest.is_whole(content):
        raise UserError(f"{path} is not as export.py wrote it, or is of an older version; export it again")
    session = _session(path, content, threads)
    description = beside or _described(path, session.get_modelmeta().custom_metadata_map.get(METADATA))
    names = [ANOMALY_MAP, SCORE]
    shown = {value.name: value.shape for value in (*session.get_inputs(), *session.get_outputs())}
    batch, size = description.input.shape[0], description.input.size
    wanted = {description.input.name: description.input.shape[1:], ANOMALY_MAP: [1, *size], SCORE: []}
    for name, rest in wanted.items():
        if name not in shown or shown[name][1:] != rest or (not description.dynamic_batch and shown[name][0] != batch):
            raise UserError(f"{path}: {name} is not as its description says; export the model again")

    def run(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return tuple(session.run(names, {description.input.name: image}))

    return network_of(description, run, batch_size, hashlib.sha256(content).hexdigest(), roi)


def _session(path: Path, content: bytes, threads: int | None) -> Any:
    """onnxruntime's session of a file's content."""
    try:
        import onnxruntime
    except ImportError as error:
        raise UserError(f"{path} needs onnxruntime; pip install onnxruntime") from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors; its warnings are for those who write graphs
    if threads is not None:
        options.intra_op_num_threads = threads
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # it has classes of its own for what may be wrong, with no base but Exception
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{path} is not an ONNX file that onnxruntime takes ({reason}); export it again") from error


def _described(path: Path, text: str | None) -> Description:
    """The description within a file."""
    try:
        value = parse_object(text or "")
    except ValueError:
        value = None
    if not is_description(value):
        raise UserError(f"{path} does not say what it takes and gives; export it with this version's export.py")
    return Description.from_json(value)
