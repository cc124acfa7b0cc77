"""Who is compared: the worker and variant of each contestant, and what has to be installed for it."""

import importlib.util
import subprocess
from dataclasses import dataclass

from src.kernels import library
from src.utils import UserError

TRAINS = ("step", "epoch", "memory")
CONVERT, DEV = "requirements-convert.txt", "requirements-dev.txt"


@dataclass(frozen=True)
class Contestant:
    """One way to do it.

    Attributes:
        title: in tables.
        worker: module of `benchmarks.workers`; contestants of one worker share its process, network and weights.
        variant: what the worker is asked for in training and in evaluation.
        measures: in which it takes part.
        needs: a module that must be importable, and the requirements file that has it.
        infers: the variant that infers, if another one.
        kernels: whether it computes with the CPU kernels, which must have been built.
    """

    title: str
    worker: str
    variant: str
    measures: tuple[str, ...]
    needs: tuple[str, str] | None = None
    infers: str = "detector"
    kernels: bool = False


CONTESTANTS = {
    "this": Contestant("this", "this_kernels", "cached", (*TRAINS, "inference", "evaluation"), kernels=True),
    "this_no_cache": Contestant("this, no cache", "this_kernels", "encoded", TRAINS, kernels=True),
    "this_mindspore": Contestant("this, no kernels", "this_mindspore", "cached", (*TRAINS, "inference", "evaluation")),
    "this_mindir": Contestant("this (MindIR)", "this_mindspore", "", ("inference",), infers="mindir"),
    "this_onnx": Contestant("this (ONNX)", "onnx", "", ("inference",), ("onnxruntime", DEV)),
    "pytorch": Contestant("PyTorch", "pytorch", "encoded", (*TRAINS, "inference", "evaluation"), ("torch", CONVERT)),
    "pytorch_cached": Contestant("PyTorch, cached", "pytorch", "cached", TRAINS, ("torch", CONVERT)),
    "2022": Contestant("2022", "mindspore2022", "encoded", (*TRAINS, "inference", "evaluation"), ("sklearn", DEV)),
    "anomalib": Contestant("anomalib", "anomalib_model", "encoded", (*TRAINS, "inference")),
    "scikit_learn": Contestant("scikit-learn", "measuring", "scikit_learn", ("evaluation", "memory"), ("sklearn", DEV)),
}
ANOMALIB_BACKBONES = ("wide_resnet50_2", "resnet18")


def choose(names: list[str] | None, anomalib: str | None) -> list[str]:
    """The contestants asked for, in the table's order; by default all, anomalib only where its Python is given.

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
        if lacks := _lacks(CONTESTANTS[name]):
            raise UserError(f"contestant {name} needs {lacks}, or leave it out of --contestants")
    if "anomalib" in chosen:
        _check_anomalib(anomalib)
    return chosen


def _lacks(contestant: Contestant) -> str | None:
    """What is not there of what a contestant needs, and the command that provides it; None if all is there."""
    module, file = contestant.needs or ("json", "")
    if importlib.util.find_spec(module) is None:
        return f"{module}: pip install -r {file}"
    if contestant.kernels and not library.path().exists():
        return f"the CPU kernels: {library.BUILD}"
    return None


def _check_anomalib(python: str) -> None:
    """Whether that interpreter runs and has anomalib."""
    code = "import importlib.util, sys; sys.exit(importlib.util.find_spec('anomalib') is None)"
    try:
        done = subprocess.run([python, "-c", code], capture_output=True, check=False)
    except OSError as error:
        raise UserError(f"--anomalib {python}: cannot be started: {error.strerror}; give a Python") from error
    if done.returncode:
        raise UserError(f"--anomalib {python}: it has no anomalib; {python} -m pip install anomalib")


def taking_part(names: list[str], measure: str, backbone: str) -> list[str]:
    """Those of `names` that take part in a measurement of an encoder."""
    return [
        name
        for name in names
        if measure in CONTESTANTS[name].measures and (name != "anomalib" or backbone in ANOMALIB_BACKBONES)
    ]


def measuring(names: list[str]) -> list[str]:
    """Whose ways from maps to figures are measured, without a network: there this project is one, kernels or not."""
    this = ["this"] if {"this", "this_mindspore"} & set(names) else []
    return this + [name for name in ("scikit_learn", "2022") if name in names]
