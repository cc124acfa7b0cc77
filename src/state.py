"""An unfinished training: how far it has come, and its file, which holds the detector and all that resuming needs."""

from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path

import numpy as np
from mindspore import Parameter

from src import checkpoint
from src.cell import TrainStep
from src.detector import Detector
from src.metadata import Metadata
from src.metrics import DECIDING
from src.order import Order
from src.utils import UserError, log


@dataclass
class Progress:
    """How far a training has come: finished steps, seconds in them, the loss of each, a record per evaluation."""

    step: int = 0
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)
    history: list[dict] = field(default_factory=list)

    def add_step(self, loss: float, seconds: float) -> None:
        """One more step is finished."""
        self.step += 1
        self.seconds += seconds
        self.losses.append(loss)

    def epoch_losses(self, order: Order) -> list[float]:
        """The mean loss of each finished epoch."""
        epochs = order.epochs_in(len(self.losses))
        ends = [order.steps_before(epoch) for epoch in range(1, epochs + 1)]
        return [float(np.mean(losses)) for losses in np.split(self.losses, ends)[:epochs]]

    def best(self) -> dict | None:
        """The evaluation with the highest pixel AUROC (image AUROC where there are no masks)."""
        for name in DECIDING:
            known = [record for record in self.history if record.get(name) is not None]
            if known:
                return max(known, key=lambda record: record[name])
        return None


def parameters(detector: Detector, step: TrainStep) -> dict[str, Parameter]:
    """By name: the detector's parameters, the optimizer's, and the loss scale's if there is one.

    Where the weights are averaged, the averages have the detector's names, so that a state is evaluated as a finished
    training is, and the weights themselves are among the optimizer's.
    """
    network = checkpoint.named_parameters(detector)
    known = {id(parameter) for parameter in network.values()}
    own = [parameter for parameter in step.optimizer.get_parameters() if id(parameter) not in known]
    state = network | {checkpoint.OPTIMIZER + parameter.name: parameter for parameter in own}
    if step.average is not None:
        averages = {id(weight): average for weight, average in zip(step.average.weights, step.average.averages)}
        averaged = {name: averages[id(weight)] for name, weight in network.items() if id(weight) in averages}
        state |= averaged | {f"{checkpoint.OPTIMIZER}trained.{name}": network[name] for name in averaged}
    if step.loss_scale is not None:
        named = checkpoint.named_parameters(step.loss_scale)
        state |= {f"{checkpoint.OPTIMIZER}loss_scale.{name}": parameter for name, parameter in named.items()}
    return state


def save(path: Path, detector: Detector, step: TrainStep, identity: Metadata, progress: Progress) -> None:
    """Write the state, atomically. Where a number is not finite, nothing is written and an earlier state stays.

    Args:
        identity: what a resumed training must agree in with this one, of the kind "state".

    Raises:
        UserError: a weight or one of Adam's moments is not finite; the next loss would not be finite either.
    """
    saved = parameters(detector, step)
    for name, parameter in saved.items():
        if not np.isfinite(parameter.asnumpy()).all():
            raise UserError(f"{name} is not finite after step {progress.step}; {remedy(path)}")
    checkpoint.save(path, saved, replace(identity, progress=asdict(progress)))


def remedy(path: Path) -> str:
    """What to do when weights or losses are not finite any more."""
    left = f"the last good state is {path}" if path.exists() else "no state was saved before"
    return f"{left}; train with a lower --lr"


def load(path: Path, detector: Detector, step: TrainStep, identity: Metadata) -> Progress:
    """Set detector and optimizer to what `save` wrote; returns how far that training had come.

    Args:
        identity: of this training, as for `save`.

    Raises:
        UserError: the state is of another training; nothing is changed then.
    """
    arrays, saved = checkpoint.read(path, "state")
    for name, now in identity.options.items():
        before = saved.trained_options.get(name)
        if before != now:
            given = f"without --{name}" if now is None else f"--{name} {now}"
            trained, advice = f"with {before}", f"give --{name} {before}"
            if before is None:
                trained, advice = "without it", f"leave --{name} out"
            raise UserError(f"{given}: {path} was trained {trained}; {advice}, or remove it")
    if saved.progress is None or replace(saved, options=identity.options, progress=None) != identity:
        raise UserError(f"{path} was made with another network or data set; remove it to start anew")
    checkpoint.assign(parameters(detector, step), arrays, path)
    progress = Progress(**{each.name: saved.progress[each.name] for each in fields(Progress)})
    log.info("resuming after step %d", progress.step)
    return progress
