"""One training step: loss, gradient and Adam's update, compiled as one graph."""

from mindspore import Tensor, nn, ops

from src.fastflow import FastFlow
from src.loss import NegativeLogLikelihood
from src.runtime.precision import LossScale


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


class TrainStep(nn.Cell):
    """One training step: standardised features -> the loss before the update; the flows are updated.

    A batch whose loss is not finite changes no weight, so that the last good weights can still be saved.

    Args:
        world: the number of processes that train together. Loss and gradients are their mean over all processes, so
            that all make the same update.
        loss_scale: for float16. A step whose gradients overflow changes nothing, and is counted there.
    """

    def __init__(
        self, fastflow: FastFlow, optimizer: nn.Optimizer, world: int = 1, loss_scale: LossScale | None = None
    ):
        super().__init__(auto_prefix=False)
        self.world, self.loss_scale = world, loss_scale
        if world > 1:
            self.mean_gradients = nn.DistributedGradReducer(optimizer.parameters, mean=True, degree=world)
            self.sum = ops.AllReduce()
        self.loss = FlowLoss(fastflow, loss_scale)
        self.optimizer = optimizer
        self.gradient = ops.value_and_grad(self.loss, None, optimizer.parameters)

    def construct(self, *features: Tensor) -> Tensor:
        loss, gradients = self.gradient(*features)
        if self.world > 1:
            gradients = self.mean_gradients(gradients)
            loss = self.sum(loss) / self.world
        if self.loss_scale is not None:
            return self._scaled(loss, gradients)
        if ops.isfinite(loss):
            loss = ops.depend(loss, self.optimizer(gradients))
        return loss

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
            loss = ops.depend(loss, self.optimizer(unscaled))
        return ops.depend(loss, self.loss_scale(finite))
