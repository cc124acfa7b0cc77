"""A checkpoint -> MINDIR, ONNX or AIR of the whole detector, loaded again and compared, with a JSON beside it."""

import hashlib
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn

from src import checkpoint
from src.config import Options
from src.deploy.mindir.version1 import rewrite_to_version_1
from src.detector import Detector
from src.encoder import ENCODERS, STRIDES
from src.files import description_of, exported_file
from src.kernels.operations import plain
from src.runtime.device import Device
from src.utils import UserError, atomic_path, check_writable, log, versions, write_json

LIMIT = 1e-4  # of the difference between the network and the exported file


class Latents(nn.Cell):
    """The detector up to its latents, for a map made elsewhere; of WideResNet-50-2 they are 28 times the data."""

    def __init__(self, detector: Detector):
        super().__init__(auto_prefix=False)
        self.detector = detector

    def construct(self, image: Tensor) -> tuple[Tensor, ...]:
        return self.detector.fastflow.latents(*self.detector.encoder(image))


def export_checkpoint(options: Options, device: Device) -> dict:
    """What `export.py` does; returns what the JSON beside the file holds.

    Raises:
        UserError: a wrong checkpoint, an operation that the format lacks, or a file whose output differs.
    """
    if options.mindir_version == 1 and options.file_format != "MINDIR":
        raise UserError(f"--mindir_version 1 is for MINDIR, not {options.file_format}; leave one of the two out")
    detector, trained = checkpoint.load_detector(options.ckpt_file)
    detector.set_train(False)
    target = exported_file(Path(options.output_dir), trained.category, options.file_format)
    check_writable(target)
    network = detector if options.outputs == "map" else Latents(detector)
    size = detector.architecture.im_resize
    shape = (options.batch_size, 3, size, size)
    image = np.random.default_rng(0).standard_normal(shape, np.float32)
    wanted = [output.asnumpy() for output in network(Tensor(image))]

    names = ("anomaly_map", "score") if options.outputs == "map" else [f"latent_{i}" for i in range(len(STRIDES))]
    with tempfile.TemporaryDirectory() as folder:  # MindSpore refuses paths with spaces
        file = Path(folder) / f"model{target.suffix}"
        write(network, Tensor(image), file, options.file_format, device)
        if options.file_format == "MINDIR" and options.mindir_version == 1:
            rewrite_to_version_1(file, file, names)
        difference = None
        if options.file_format == "AIR":
            log.info("AIR cannot be loaded again here: %s is not compared with the network", target.name)
        else:
            difference = compare(load(file, options.file_format)(image), wanted, target.name)
        with atomic_path(target) as path:
            shutil.copyfile(file, path)
    spec = ENCODERS[detector.architecture.backbone]
    description = {
        "file": target.name,
        "format": options.file_format,
        "mindir_version": options.mindir_version if options.file_format == "MINDIR" else None,
        "category": trained.category,
        "split": trained.split,
        "input": {
            "name": "image",
            "shape": list(shape),
            "type": "float32",
            "colours": "RGB",
            "scale": "value / 255, then (value - mean) / std",
            "mean": spec.mean,
            "std": spec.std,
        },
        "outputs": [{"name": n, "shape": list(w.shape), "type": "float32"} for n, w in zip(names, wanted)],
        "thresholds": trained.thresholds or {},
        "architecture": asdict(detector.architecture),
        "checkpoint": Path(options.ckpt_file).name,
        "checkpoint_sha256": hashlib.sha256(Path(options.ckpt_file).read_bytes()).hexdigest(),
        "largest_difference": difference,
        "versions": versions(),
    }
    write_json(description_of(target), description)
    log.info("%s%s", target, "" if difference is None else f": largest difference to the network {difference:.2e}")
    return description


def write(network: nn.Cell, image: Tensor, file: Path, file_format: str, device: Device) -> None:
    """MindSpore's own export, with its failures in one line."""
    if file_format == "AIR" and device.target != "Ascend":
        raise UserError("--file_format AIR needs an Ascend device; export MINDIR, which runs there too")
    try:
        with plain(network):
            ms.export(network, image, file_name=str(file), file_format=file_format)
    except (RuntimeError, ValueError, TypeError) as error:
        raise UserError(f"MindSpore cannot export this as {file_format}: {str(error).splitlines()[0]}") from error


def load(file: Path, file_format: str) -> Callable[[np.ndarray], list[np.ndarray]]:
    """The exported file as a function, image (N, 3, S, S) -> its outputs, in the runtime at hand for its format."""
    if file_format == "ONNX":
        try:
            import onnxruntime
        except ImportError as error:
            raise UserError("--file_format ONNX is compared in onnxruntime; pip install onnxruntime") from error
        session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
        return lambda image: session.run(None, {name: image})
    graph = nn.GraphCell(ms.load(str(file)))
    return lambda image: [output.asnumpy() for output in graph(Tensor(image))]


def compare(found: list[np.ndarray], wanted: list[np.ndarray], name: str) -> float:
    """The largest difference of outputs.

    Raises:
        UserError: other shapes, or a difference above `LIMIT`.
    """
    shapes = [[output.shape for output in outputs] for outputs in (found, wanted)]
    if shapes[0] != shapes[1]:
        raise UserError(f"{name} has outputs {shapes[0]} where the network has {shapes[1]}; report this")
    difference = max(float(np.abs(a - b).max()) for a, b in zip(found, wanted))
    if not difference <= LIMIT:
        raise UserError(f"{name} differs from the network by {difference:.1e}, more than {LIMIT:.0e}; report this")
    return difference
