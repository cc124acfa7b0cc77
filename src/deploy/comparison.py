"""An exported file is loaded again, and compared with the network that it was made of."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn

from src.deploy.description import ModelInput
from src.deploy.onnx_file import load_onnx
from src.utils import UserError, log

LIMIT = 1e-4  # what outputs of the network and of the exported file may differ by, over the largest value if above 1
# Where a network makes much of small differences, as of an image that is nothing like its pictures: the share by which
# the image is changed to see how much, and how many times that a file may differ, which rounds in each operation.
ROUNDING, ROUNDINGS = 1e-6, 30
BATCHES = (1, 2, 5)  # images per call with which a file is tried that takes any number
Function = Callable[[np.ndarray], list[np.ndarray]]  # what the file takes -> outputs


def check(
    file: Path,
    file_format: str,
    image: np.ndarray,
    wanted: dict[str, np.ndarray],
    name: str,
    amplified: Callable[[], float] = float,
) -> float | None:
    """Load an exported file again and compare its outputs for `image` with the network's.

    Args:
        wanted: the network's outputs for `image`, by the names that the file has for them.
        name: the file's final name, for messages.
        amplified: as `compare`.

    Returns:
        The largest difference; None for AIR, which only an Ascend device can load.

    Raises:
        UserError: the outputs differ by more than `LIMIT`, or in shape.
    """
    if file_format == "AIR":
        log.info("AIR cannot be loaded again here: %s is not compared with the network", name)
        return None
    return compare(load(file, file_format, list(wanted))(image), list(wanted.values()), name, amplified)


def load(file: Path, file_format: str, names: list[str] | None = None) -> Function:
    """An exported file as a function: MINDIR runs in MindSpore, ONNX in onnxruntime, where outputs have `names`."""
    if file_format == "ONNX":
        return load_onnx(file, ModelInput.name, names)
    graph = nn.GraphCell(ms.load(str(file)))
    return lambda image: [output.asnumpy() for output in graph(Tensor(image))]


def compare(
    found: list[np.ndarray], wanted: list[np.ndarray], name: str, amplified: Callable[[], float] = float
) -> float:
    """The largest difference between the outputs of an exported file, called `name`, and those of the network.

    Args:
        amplified: gives how much the network makes of rounding (see `amplification`); is called where that matters.

    Raises:
        UserError: a difference above `LIMIT` and above what the network makes of rounding; or another number of
            outputs or another shape.
    """
    found_shapes, wanted_shapes = ([output.shape for output in outputs] for outputs in (found, wanted))
    if found_shapes != wanted_shapes:
        raise UserError(f"{name} has outputs {found_shapes} where the network has {wanted_shapes}; report this")
    difference = _difference(found, wanted)
    if not difference <= LIMIT and not difference <= ROUNDINGS * amplified():  # what is not a number must not pass
        raise UserError(f"{name} differs from the network by {difference:.1e}, more than {LIMIT:.0e}; report this")
    return difference


def _difference(found: list[np.ndarray], wanted: list[np.ndarray]) -> float:
    """The largest, over the largest value of its output where that is above 1: a score may be a logarithm's."""
    return max(float(np.abs(a - b).max() / max(1, np.abs(b).max())) for a, b in zip(found, wanted))


def amplification(network: nn.Cell, image: np.ndarray) -> float:
    """How much a network's outputs differ where its input, float32, differs by `ROUNDING` of each value."""
    signs = np.random.default_rng(0).choice([-1, 1], image.shape)
    nudged = (image * (1 + ROUNDING * signs)).astype(np.float32)
    return _difference(*([output.asnumpy() for output in network(Tensor(each))] for each in (nudged, image)))


def check_batches(file: Path, network: nn.Cell, image: np.ndarray, names: list[str], name: str) -> float:
    """`check` of an ONNX file that takes any number of images, with several numbers of them.

    Args:
        network: takes one image, such as `image`.
        names: of the outputs; name: of the file, for messages.
    """
    images = [np.roll(image, step, 2) for step in range(max(BATCHES))]  # all different
    outputs = [[output.asnumpy() for output in network(Tensor(each))] for each in images]
    run, differences = load(file, "ONNX", names), []
    for count in BATCHES:
        wanted = [np.concatenate(several) for several in zip(*outputs[:count])]
        try:
            found = run(np.concatenate(images[:count]))
        except Exception as error:  # onnxruntime's errors have no base but that
            reason = " ".join(str(error).split())[:200]
            raise UserError(f"{name} does not take {count} images per call ({reason}); report this") from error
        differences.append(compare(found, wanted, name, partial(amplification, network, images[count - 1])))
    return max(differences)
