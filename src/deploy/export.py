"""A checkpoint -> the whole detector as MINDIR, ONNX or AIR, loaded again and compared, with a JSON beside it."""

import shutil
import tempfile
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn

from src import checkpoint, hidden
from src.config import Options
from src.data.roi import roi_for
from src.deploy.comparison import amplification, check, check_batches
from src.deploy.description import ANOMALY_MAP, SCORE, Description, ModelInput, ModelOutput
from src.deploy.description_file import is_shape, write_description
from src.deploy.dynamic_batch import free_batch
from src.deploy.mindir.version1 import rewrite_to_version_1
from src.deploy.onnx_file import add_metadata, improve_onnx
from src.deploy.pixels import OfPixels, aipp_config, images_of
from src.deploy.trial import random_images, random_pixels
from src.detector import Detector
from src.encoder import ENCODERS
from src.files import aipp_of, description_of, exported_file, results_folder
from src.kernels.operations import plain
from src.metadata import Metadata
from src.runtime.device import Device
from src.scoring import judge_of
from src.trust import digest
from src.trust.outputs import check_outputs
from src.trust.temporary import remove_leftovers, temporary_folder
from src.utils import UserError, atomic_path, log, versions
from src.verdict import Judge, constants

# Bytes of weights that MindSpore, and the protocol of ONNX, write into one file; beyond them, what to do.
LARGEST = {"MINDIR": (1 << 30, "export ONNX"), "ONNX": ((1 << 31) - (1 << 20), "predict from the checkpoint")}


class Latents(nn.Cell):
    """The detector up to its latents, for users who compute the map themselves.

    For WideResNet-50-2, latents are 28 times as much data as the map.
    """

    def __init__(self, detector: Detector):
        super().__init__(auto_prefix=False)
        self.detector = detector

    def construct(self, image: Tensor) -> tuple[Tensor, ...]:
        return self.detector.fastflow.latents(*self.detector.encoder(image))


def export_checkpoint(options: Options, device: Device) -> Description:
    """What `export.py` does; returns what the JSON beside the file holds.

    Raises:
        UserError: a wrong checkpoint, an operation that the format lacks, or a file whose output differs.
    """
    if options.file_format == "MINDIR":
        options = options.resolved(mindir_version=options.mindir_version or 1)
    elif options.mindir_version is not None:
        version, other = options.mindir_version, options.file_format
        raise UserError(f"--mindir_version {version} is for MINDIR, not {other}; leave one of the two out")
    if options.input == "aipp" and options.file_format != "MINDIR":
        raise UserError(f"--input aipp is for MINDIR, not {options.file_format}; give --input uint8")
    if options.dynamic_batch and (options.file_format != "ONNX" or options.batch_size > 1):
        raise UserError("--dynamic_batch is for --file_format ONNX, and stands in the place of --batch_size")
    detector, trained = checkpoint.load_detector(options.ckpt_file)
    if not is_shape([options.batch_size, 3, *detector.architecture.size]):
        raise UserError(f"--batch_size {options.batch_size}: the pictures of a call are more than 2 GB; give less")
    if options.input == "aipp" and detector.architecture.hides:
        raise UserError("--input aipp: such a device cannot hide what this model shall not see; give --input uint8")
    detector.set_train(False)
    folder = results_folder(options.output_dir, "export", trained.category or "model")
    target = exported_file(folder, trained.category, options.file_format)
    written = [target, description_of(target), *([aipp_of(target)] if options.input == "aipp" else [])]
    check_outputs(written, [options.ckpt_file])
    remove_leftovers(Path(tempfile.gettempdir()))

    framing = detector.architecture.framing
    if options.good_dir is not None:
        framing = replace(framing, roi=roi_for(detector.architecture.roi, trained.roi, options.roi, options.ckpt_file))
    judge = judge_of(options, options.ckpt_file, detector, trained, options.batch_size, framing)
    network, names = choose_outputs(detector, options.outputs)
    size, spec = detector.architecture.size, ENCODERS[detector.architecture.backbone]
    hides, unseen = detector.architecture.hides, hidden.INPUT if detector.architecture.hides else None
    image = random_images(options.batch_size, size, hides)
    amplified = partial(amplification, network, image)
    if options.input == "uint8":
        image = random_pixels(options.batch_size, size, hides)
        wanted = [output.asnumpy() for output in network(Tensor(images_of(image, spec)))]
        network = OfPixels(network, spec, hides)
    else:
        wanted = [output.asnumpy() for output in network(Tensor(image))]
    # MindSpore refuses paths with spaces, which `target` may have.
    with temporary_folder(Path(tempfile.gettempdir()) / "fastflow_export") as folder:
        file = folder / f"model{target.suffix}"
        write(network, Tensor(image), file, options.file_format, device)
        if options.mindir_version == 1:
            rewrite_to_version_1(file, file, names)
        if options.file_format == "ONNX":
            improve_onnx(file, ModelInput.name, names)
        outputs = dict(zip(names, wanted))
        difference = check(file, options.file_format, image, outputs, target.name, amplified)
        if options.dynamic_batch:
            free_batch(file)
            difference = max(difference, check_batches(file, network, image, names, target.name))
        scale, kind = {"mean": list(spec.mean), "std": list(spec.std), "hidden": unseen}, str(image.dtype)
        taken = ModelInput(shape=list(image.shape), type=kind, **scale)
        description = describe(options, detector, trained, judge, target, taken, outputs, difference)
        if options.file_format == "ONNX":
            add_metadata(file, description.to_json())
        description = replace(description, file_sha256=digest.of_file(file))
        # The description first: if what follows does not happen, it names a digest that an earlier file does not have.
        write_description(target, description)
        if options.input == "aipp":
            with atomic_path(aipp_of(target)) as path:
                path.write_text(aipp_config(size, spec.mean, spec.std))
        with atomic_path(target) as path:
            shutil.copyfile(file, path)
    log.info("%s%s", target, "" if difference is None else f": largest difference to the network {difference:.2e}")
    return description


def choose_outputs(detector: Detector, outputs: str) -> tuple[nn.Cell, list[str]]:
    """The network that gives the outputs of --outputs, map or latents, and the outputs' names."""
    if outputs == "map":
        return detector, [ANOMALY_MAP, SCORE]
    return Latents(detector), [f"latent_{scale}" for scale in range(len(detector.architecture.sizes))]


def write(network: nn.Cell, image: Tensor, file: Path, file_format: str, device: Device) -> None:
    """Export a network for inputs of the shape of `image`.

    Raises:
        UserError: the format needs another device, holds fewer weights, or has no form for an operation of the network.
    """
    size = sum(4 * parameter.size for parameter in network.get_parameters())
    limit, advice = LARGEST.get(file_format, (size, ""))
    if size > limit:
        raise UserError(
            f"--file_format {file_format}: the weights have {size / 1e9:.2f} GB, and such a file holds "
            f"{limit / 1e9:.2f} GB; {advice}"
        )
    if file_format == "AIR" and device.target != "Ascend":
        raise UserError("--file_format AIR needs an Ascend device; export MINDIR, which runs there too")
    try:
        with plain(network):
            ms.export(network, image, file_name=str(file), file_format=file_format)
    except (RuntimeError, ValueError, TypeError) as error:
        raise UserError(f"MindSpore cannot export this as {file_format}: {str(error).splitlines()[0]}") from error


def describe(
    options: Options,
    detector: Detector,
    trained: Metadata,
    judge: Judge | None,
    target: Path,
    taken: ModelInput,
    outputs: dict[str, np.ndarray],
    difference: float | None,
) -> Description:
    """The description of an exported file, without the file's digest.

    Args:
        detector, trained: the checkpoint's.
        judge: gives verdicts on what the file gives.
        target: the exported file.
        taken: what it takes.
        outputs: arrays of the outputs' shapes, by the outputs' names.
        difference: between the outputs of the network and of the file, if they were compared.
    """
    return Description(
        file=target.name,
        format=options.file_format,
        mindir_version=options.mindir_version,
        category=trained.category,
        split=trained.split,
        bit_depth=trained.bit_depth,
        dynamic_batch=options.dynamic_batch,
        input=taken,
        outputs=[ModelOutput(name=name, shape=list(output.shape)) for name, output in outputs.items()],
        **constants(judge, trained.thresholds),
        architecture=asdict(detector.architecture),
        roi=trained.roi,
        checkpoint=Path(options.ckpt_file).name,
        checkpoint_sha256=digest.of_file(Path(options.ckpt_file)),
        file_sha256=None,
        largest_difference=difference,
        versions=versions(),
    )
