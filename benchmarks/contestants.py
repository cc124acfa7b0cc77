"""Who is compared: each contestant's worker, in which measurements it takes part, and what must be installed for it."""

import importlib.util
import subprocess
from dataclasses import dataclass

from src.kernels import library
from src.utils import UserError

TRAINING = ("step", "epoch", "memory")
WITH_NETWORK = (*TRAINING, "inference")
EVERYTHING = (*WITH_NETWORK, "evaluation")
REQUIREMENTS = {  # a module that a contestant imports -> the file that installs it
    "onnxruntime": "requirements.txt",
    "openvino": "requirements-dev.txt",
    "sklearn": "requirements-dev.txt",
    "torch": "requirements-dev.txt",
}
ANOMALIB_BACKBONES = ("wide_resnet50_2", "resnet18")


@dataclass(frozen=True)
class Contestant:
    """One way to do what is measured.

    Attributes:
        title: its name in tables.
        worker: its module in `benchmarks.workers` and, after a space, that program's argument. Contestants of one
            worker share a process, a network and its weights.
        measures: the measurements with a network in which it takes part.
        trains: the worker's variant in training.
        infers: the worker's variant in inference.
        needs: a module that must be importable, of those in `REQUIREMENTS`.
        kernels: whether it computes with the CPU kernels, which must have been built.
    """

    title: str
    worker: str
    measures: tuple[str, ...]
    trains: str = "encoded"
    infers: str = "detector"
    needs: str | None = None
    kernels: bool = False


CONTESTANTS = {
    "this": Contestant("this", "this winograd4", (*EVERYTHING, "scaling"), trains="cached", kernels=True),
    "this_no_cache": Contestant("this, no cache", "this winograd4", TRAINING, kernels=True),
    "this_winograd2": Contestant("this, F(2x2)", "this winograd2", WITH_NETWORK, trains="cached", kernels=True),
    "this_direct": Contestant("this, direct", "this direct", (*WITH_NETWORK, "scaling"), trains="cached", kernels=True),
    "this_mindspore": Contestant("this, no kernels", "this mindspore", EVERYTHING, trains="cached"),
    "this_mindir": Contestant("this (MindIR)", "this mindspore", ("inference",), infers="mindir"),
    "this_onnx": Contestant("this (ONNX)", "exported onnxruntime", ("inference",), needs="onnxruntime"),
    "this_openvino": Contestant("this (OpenVINO)", "exported openvino", ("inference",), needs="openvino"),
    "pytorch": Contestant("PyTorch", "pytorch", EVERYTHING, needs="torch"),
    "pytorch_cached": Contestant("PyTorch, cached", "pytorch", TRAINING, trains="cached", needs="torch"),
    "2022": Contestant("2022", "mindspore2022", EVERYTHING, needs="sklearn"),
    "anomalib": Contestant("anomalib", "anomalib_model", WITH_NETWORK),
    "scikit_learn": Contestant("scikit-learn", "scoring", (), needs="sklearn"),
}


def choose(names: list[str] | None, anomalib: str | None) -> list[str]:
    """The contestants to compare, in the order of `CONTESTANTS`.

    Args:
        names: those that the user wants; None: all of them, but anomalib only if its Python is given.
        anomalib: the Python that has anomalib.

    Raises:
        UserError: an unknown name, anomalib without its Python, a package that is not installed, or kernels that are
            not built.
    """
    unknown = [name for name in names or () if name not in CONTESTANTS]
    if unknown:
        raise UserError(f"--contestants {unknown[0]}: choose of {', '.join(CONTESTANTS)}")
    if names and "anomalib" in names and not anomalib:
        raise UserError("--contestants anomalib: give --anomalib PYTHON, the interpreter that has it")
    chosen = [name for name in CONTESTANTS if name in (names or CONTESTANTS) and (name != "anomalib" or anomalib)]
    for name in chosen:
        if missing := _missing(CONTESTANTS[name]):
            raise UserError(f"contestant {name} needs {missing}, or leave it out of --contestants")
    if "anomalib" in chosen:
        _check_anomalib(anomalib)
    return chosen


def _missing(contestant: Contestant) -> str | None:
    """Something that a contestant lacks, with the command that provides it; None if nothing is missing."""
    if contestant.needs and importlib.util.find_spec(contestant.needs) is None:
        return f"{contestant.needs}: pip install -r {REQUIREMENTS[contestant.needs]}"
    if contestant.kernels and not library.path().exists():
        return f"the CPU kernels: {library.BUILD}"
    return None


def _check_anomalib(python: str) -> None:
    """Raise a UserError unless that interpreter can be started and has anomalib."""
    code = "import importlib.util, sys; sys.exit(importlib.util.find_spec('anomalib') is None)"
    try:
        done = subprocess.run([python, "-c", code], capture_output=True, check=False)
    except OSError as error:
        raise UserError(f"--anomalib {python}: cannot be started: {error.strerror}; give a Python") from error
    if done.returncode:
        raise UserError(f"--anomalib {python}: it has no anomalib; {python} -m pip install anomalib")


def taking_part(names: list[str], measure: str, backbone: str) -> list[str]:
    """Those of `names` that take part in a measurement of the network on this encoder."""
    return [
        name
        for name in names
        if measure in CONTESTANTS[name].measures and (name != "anomalib" or backbone in ANOMALIB_BACKBONES)
    ]


def without_network(names: list[str]) -> list[str]:
    """Those of `names` whose ways from maps to figures are compared.

    This project has one such way, which needs no kernels: it is called "this", whichever of its contestants are there.
    """
    this = ["this"] if {"this", "this_mindspore"} & set(names) else []
    return this + [name for name in ("scikit_learn", "2022") if name in names]


def kernels_version(names: list[str]) -> str | None:
    """Which build of the CPU kernels these contestants use; None if they use none."""
    return library.path().stem if any(CONTESTANTS[name].kernels for name in names) else None
