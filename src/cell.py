"""One training step: loss, gradient and Adam's update, compiled as one graph."""

from mindspore import Tensor, nn, ops

from src.fastflow import FastFlow
from src.loss import NegativeLogLikelihood


def adam(fastflow: FastFlow, lr: float, weight_decay: float) -> nn.Adam:
    """Adam over all of the flows' parameters; the weight decay is an L2 penalty added to the gradient.

    As one explicit group: for a bare list MindSpore exempts every parameter whose name has "beta" or "gamma".
    """
    parameters = list(fastflow.trainable_params())
    return nn.Adam([{"params": parameters, "weight_decay": weight_decay}], learning_rate=lr)


class FlowLoss(nn.Cell):
    """Standardised features -> the loss."""

    def __init__(self, fastflow: FastFlow):
        super().__init__(auto_prefix=False)  # or the flows' parameters would be renamed
        self.fastflow = fastflow
        self.negative_log_likelihood = NegativeLogLikelihood()

    def construct(self, *features: Tensor) -> Tensor:
        return self.negative_log_likelihood(*self.fastflow(*features))


class TrainStep(nn.Cell):
    """Standardised features -> the loss before the update; updates the flows.

    A batch whose loss is not finite changes no weight, so that the last good ones stay.
    """

    def __init__(self, fastflow: FastFlow, optimizer: nn.Optimizer):
        super().__init__(auto_prefix=False)
        self.loss = FlowLoss(fastflow)
        self.optimizer = optimizer
        self.gradient = ops.value_and_grad(self.loss, None, optimizer.parameters)

    def construct(self, *features: Tensor) -> Tensor:
        loss, gradients = self.gradient(*features)
        if ops.isfinite(loss):
            loss = ops.depend(loss, self.optimizer(gradients))
        return loss
