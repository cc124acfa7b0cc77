"""Adam's update of all parameters, with their moving average, by one operation of the kernels.

MindSpore's Adam (2.10) has an operation for each parameter and two more for its weight decay: hundreds of them, which
take seconds to compile, and pass over each tensor several times.
"""

from pathlib import Path

import mindspore as ms
from mindspore import ParameterTuple, Tensor, nn, ops

from src.cell import TrainStep, Update
from src.kernels.convolution import DIRECT
from src.kernels.custom import operation
from src.kernels.exchange import exchange


def install(step: TrainStep, library: Path | None, convolution: str) -> None:
    """Exchange a training step's update of the weights for one that computes with the kernels.

    Args:
        step: is changed; its parameters (the same objects) and their names are not.
        library: the built kernels, or None: the step stays as it is.
        convolution: as `src.kernels.cells.install`. Where it is direct, the step stays as it is too: in whole trainings
            the update differs from MindSpore's in the last bit, and direct means the results of earlier versions.
    """
    if library is not None and convolution != DIRECT:
        exchange(step, Update, lambda update: KernelUpdate(update, library))


class KernelUpdate(nn.Cell):
    """`Update` with the same results, but for the order in which MindSpore adds up some parameters' terms.

    Args:
        update: what to replace; its parameters are shared, and keep their names. One weight decay is for all.
        library: the built kernels.
    """

    def __init__(self, update: Update, library: Path):
        super().__init__(auto_prefix=False)
        optimizer, average = update.optimizer, update.average
        self.learning_rate, self.global_step = optimizer.learning_rate, optimizer.global_step
        self.beta1, self.beta2 = optimizer.beta1, optimizer.beta2
        self.beta1_power, self.beta2_power = optimizer.beta1_power, optimizer.beta2_power
        self.weights, self.moment1, self.moment2 = optimizer.parameters, optimizer.moment1, optimizer.moment2
        self.averages = ParameterTuple(()) if average is None else average.averages
        self.rate = optimizer.learning_rate if average is None else average.rate  # without averages, any number
        (decay,) = {float(each) for each in optimizer.get_weight_decay()}
        constants = [float(optimizer.beta1), float(optimizer.beta2), float(optimizer.eps)]
        self.constants, self.one, self.decay = Tensor(constants, ms.float32), Tensor([1], ms.int32), decay
        # A channel scale's gradient has two terms, and its weight decay is a third: MindSpore adds all three up in an
        # order of its own.
        self.joined = tuple(decay > 0 and weight.name.endswith("global_scale") for weight in self.weights)
        self.decays = Tensor([0 if joined else decay for joined in self.joined], ms.float32)
        self.add, self.each = ops.AddN(), ops.HyperMap()
        self.operation = operation(library, "AdamStep", lambda *shapes: [1])
        self.operation.add_prim_attr("side_effect_mem", True)  # it writes where its inputs lie

    def construct(self, loss: Tensor, gradients: tuple[Tensor, ...]) -> Tensor:
        ops.assign_add(self.global_step, self.one)
        power1, power2 = self.beta1_power * self.beta1, self.beta2_power * self.beta2
        ops.assign(self.beta1_power, power1)
        ops.assign(self.beta2_power, power2)
        decayed = self.each(self.decayed, self.joined, self.weights, gradients)
        numbers = self.learning_rate, power1, power2, self.rate, self.constants, self.decays
        tensors = *self.weights, *self.moment1, *self.moment2, *decayed, *self.averages
        return ops.depend(loss, self.operation(*numbers, *tensors))

    def decayed(self, joined: bool, weight: Tensor, gradient: Tensor) -> Tensor:
        """A gradient, with its weight decay in it where the operation is not to add that."""
        return self.add((weight * self.decay, gradient)) if joined else gradient
