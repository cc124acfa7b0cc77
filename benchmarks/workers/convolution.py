"""One 3x3 convolution in MindSpore, with whatever instruction sets the environment leaves to oneDNN."""

from src.runtime import device

device.prepare("CPU")  # limits oneDNN unless ONEDNN_MAX_CPU_ISA is set

import numpy as np
from mindspore import Tensor, nn

from benchmarks.workers.serve import Worker, seconds_of, serve
from src.fastflow import uniform_conv

CHANNELS = (128, 256)


class Convolution(Worker):
    packages = ("mindspore", "numpy")

    def measure(self, batch: int, size: int) -> float:
        """Seconds of one forward pass, (batch, 128, size, size) -> (batch, 256, size, size), compiled beforehand."""
        rng = np.random.default_rng(1)
        network = nn.SequentialCell(uniform_conv(*CHANNELS, 3, rng))
        x = Tensor(rng.standard_normal((batch, CHANNELS[0], size, size), np.float32))
        network.compile(x)
        return seconds_of(lambda: network(x).asnumpy())


if __name__ == "__main__":
    serve(Convolution())
