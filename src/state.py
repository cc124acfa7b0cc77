"""The state of an unfinished training, one file: the detector, for evaluating it, and all that resuming needs."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
from mindspore import Parameter

from src import checkpoint
from src.cell import TrainStep
from src.detector import Detector
from src.run import Progress, trained_options
from src.utils import UserError, log


def parameters(detector: Detector, step: TrainStep) -> dict[str, Parameter]:
    """By name: the detector's parameters, the optimizer's, and the loss scale's if there is one."""
    network = checkpoint.named_parameters(detector)
    known = {id(parameter) for parameter in network.values()}
    moments = [parameter for parameter in step.optimizer.get_parameters() if id(parameter) not in known]
    state = network | {checkpoint.OPTIMIZER + parameter.name: parameter for parameter in moments}
    if step.loss_scale is not None:
        named = checkpoint.named_parameters(step.loss_scale)
        state |= {f"{checkpoint.OPTIMIZER}loss_scale.{name}": parameter for name, parameter in named.items()}
    return state


def save(path: Path, detector: Detector, step: TrainStep, identity: dict, progress: Progress) -> None:
    """Write the state, atomically; an earlier one stays where the weights are not all finite.

    Args:
        identity: what a resumed run must agree in: `options` by name, and what else makes the run what it is.

    Raises:
        UserError: a weight is not finite; the next loss would be neither.
    """
    for parameter in detector.fastflow.trainable_params():
        if not np.isfinite(parameter.asnumpy()).all():
            raise UserError(f"{parameter.name} is not finite after step {progress.step}; {remedy(path)}")
    checkpoint.save(path, parameters(detector, step), "state", identity | {"progress": asdict(progress)})


def remedy(path: Path) -> str:
    """What to do when training has run away."""
    left = f"the last good state is {path}" if path.exists() else "no state was saved before"
    return f"{left}; train with a lower --lr"


def load(path: Path, detector: Detector, step: TrainStep, identity: dict) -> Progress:
    """Set detector and optimizer to what `save` wrote; returns how far that training had come.

    Raises:
        UserError: the state is of a run with another identity; nothing is changed then.
    """
    arrays, meta = checkpoint.read(path, ("state",))
    options = trained_options(meta)
    for name, now in identity["options"].items():
        before = options.get(name)
        if before != now:
            raise UserError(f"--{name} {now}: {path} was trained with {before}; give --{name} {before}, or remove it")
    if any(meta.get(name) != value for name, value in identity.items() if name != "options"):
        raise UserError(f"{path} was made with another network or data set; remove it to start anew")
    checkpoint.assign(parameters(detector, step), arrays, path)
    progress = Progress(**meta["progress"])
    log.info("resuming after step %d", progress.step)
    return progress
