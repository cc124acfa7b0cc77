"""One training step: loss, gradient and Adam's update, compiled as one graph."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import mindspore as ms
import numpy as np
from mindspore import Parameter, ParameterTuple, Tensor, nn, ops

from src.encoder import ENCODERS
from src.fastflow import FastFlow
from src.loss import NegativeLogLikelihood
from src.order import Order
from src.plan import Plan
from src.runtime.precision import LossScale
from src.utils import log


def adam(fastflow: FastFlow, lr: float, weight_decay: float) -> nn.Adam:
    """Adam over all of the flows' parameters; the weight decay is an L2 penalty added to the gradient.

    The parameters are one explicit group, because from a plain list MindSpore exempts every parameter whose name
    contains "beta" or "gamma" from the decay.
    """
    parameters = list(fastflow.trainable_params())
    return nn.Adam([{"params": parameters, "weight_decay": weight_decay}], learning_rate=lr)


class FlowLoss(nn.Cell):
    """Standardised features -> the loss, times the loss scale if there is one."""

    def __init__(self, fastflow: FastFlow, loss_scale: LossScale | None = None):
        super().__init__(auto_prefix=False)  # keeps the names of the flows' parameters
        self.fastflow, self.loss_scale = fastflow, loss_scale
        self.negative_log_likelihood = NegativeLogLikelihood()

    def construct(self, *features: Tensor) -> Tensor:
        loss = self.negative_log_likelihood(*self.fastflow(*features))
        return loss if self.loss_scale is None else loss * self.loss_scale.scale


class WeightAverage(nn.Cell):
    """An exponential moving average of weights: average += rate * (weight - average) after each step.

    Args:
        weights: the parameters; each gets one beside it, which begins equal.
    """

    def __init__(self, weights: ParameterTuple):
        super().__init__(auto_prefix=False)
        self.weights = weights
        copies = [Parameter(Tensor(w.asnumpy()), f"average.{w.name}", requires_grad=False) for w in weights]
        self.averages = ParameterTuple(copies)
        self.rate = Parameter(Tensor(1, ms.float32), "average_rate", requires_grad=False)
        self.descend = ops.ApplyGradientDescent()  # average - rate * (average - weight), in its place

    def construct(self, loss: Tensor) -> Tensor:
        """Follow the weights; returns the loss that it is given."""
        for average, weight in zip(self.averages, self.weights):
            loss = ops.depend(loss, self.descend(average, self.rate, average - weight))
        return loss

    def exchange(self) -> None:
        """Exchange the values of weights and averages.

        By `ops.assign`: `set_data` does not reach a parameter that a compiled graph updates in its place.
        """
        for average, weight in zip(self.averages, self.weights):
            kept = weight.asnumpy().copy()
            ops.assign(weight, Tensor(average.asnumpy().copy()))
            ops.assign(average, Tensor(kept))


class Update(nn.Cell):
    """The update of the weights by their gradients, and then of their average, if there is one.

    Inputs: the loss, and the gradients of the optimizer's parameters. Output: the loss, once all is done.
    """

    def __init__(self, optimizer: nn.Adam, average: WeightAverage | None):
        super().__init__(auto_prefix=False)
        self.optimizer, self.average = optimizer, average

    def construct(self, loss: Tensor, gradients: tuple[Tensor, ...]) -> Tensor:
        loss = ops.depend(loss, self.optimizer(gradients))
        return loss if self.average is None else self.average(loss)


class TrainStep(nn.Cell):
    """One training step: standardised features -> the loss before the update; the flows are updated.

    `prepare` comes before each step where something changes from step to step (see `src.schedule`).

    A batch whose loss is not finite changes no weight, so that the last good weights can still be saved.

    Args:
        world: the number of processes that train together. Loss and gradients are their mean over all processes, so
            that all make the same update.
        loss_scale: for float16. A step whose gradients overflow changes nothing, and is counted there.
        averaging: keep an exponential moving average of the weights.
    """

    def __init__(
        self,
        fastflow: FastFlow,
        optimizer: nn.Optimizer,
        world: int = 1,
        loss_scale: LossScale | None = None,
        averaging: bool = False,
    ):
        super().__init__(auto_prefix=False)
        self.world, self.loss_scale = world, loss_scale
        self.average = WeightAverage(optimizer.parameters) if averaging else None
        if world > 1:
            self.mean_gradients = nn.DistributedGradReducer(optimizer.parameters, mean=True, degree=world)
            self.sum = ops.AllReduce()
        self.loss = FlowLoss(fastflow, loss_scale)
        self.optimizer, self.update = optimizer, Update(optimizer, self.average)
        self.gradient = ops.value_and_grad(self.loss, None, optimizer.parameters)

    def construct(self, *features: Tensor) -> Tensor:
        loss, gradients = self.gradient(*features)
        if self.world > 1:
            gradients = self.mean_gradients(gradients)
            loss = self.sum(loss) / self.world
        if self.loss_scale is not None:
            return self._scaled(loss, gradients)
        if ops.isfinite(loss):
            loss = self.update(loss, gradients)
        return loss

    def prepare(self, learning_rate: float, averaging_rate: float) -> None:
        """Set the learning rate and how much of the new weights goes into their average."""
        ops.assign(self.optimizer.learning_rate, Tensor(learning_rate, ms.float32))
        if self.average is not None:
            ops.assign(self.average.rate, Tensor(averaging_rate, ms.float32))

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Inside of it, the weights are their average, if there is one."""
        if self.average is None:
            yield
            return
        self.average.exchange()
        try:
            yield
        finally:
            self.average.exchange()

    def skipped_steps(self) -> int:
        """How many steps changed nothing because float16 gradients overflowed."""
        return 0 if self.loss_scale is None else int(self.loss_scale.skipped.asnumpy())

    def _scaled(self, loss: Tensor, gradients: tuple[Tensor, ...]) -> Tensor:
        """The update with a loss and gradients that the loss scale has multiplied."""
        scale = self.loss_scale.scale.value()
        loss = loss / scale
        finite = ops.isfinite(loss)
        unscaled = ()
        for gradient in gradients:
            finite = ops.logical_and(finite, ops.isfinite(gradient).all())
            unscaled += (gradient / scale,)
        if finite:
            loss = self.update(loss, unscaled)
        return ops.depend(loss, self.loss_scale(finite))


def compile_step(step: TrainStep, plan: Plan, order: Order) -> float:
    """Compile the training step, or load the graph that an earlier run has compiled; returns the seconds."""
    started = time.perf_counter()
    batch, architecture = order.batch_size // plan.group.world, plan.architecture
    shapes = [*zip(ENCODERS[architecture.backbone].channels, architecture.sizes)]
    shapes += [(1, size) for size in architecture.sizes] if architecture.hides else []
    plan.prepare(step, *(Tensor(np.zeros((batch, channels, *size), np.float32)) for channels, size in shapes))
    seconds = time.perf_counter() - started
    log.info("compiled the training step: %.1f s", seconds)
    return seconds
