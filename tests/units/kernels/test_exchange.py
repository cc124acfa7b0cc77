"""Exchanging cells for others with the same parameters."""

import numpy as np
from mindspore import Tensor, nn

from src.kernels.exchange import exchange


class Doubled(nn.Cell):
    """Twice what a dense layer computes, with its parameters."""

    def __init__(self, dense):
        super().__init__()  # whose prefix renames the parameters
        self.weight, self.bias = dense.weight, dense.bias

    def construct(self, x):
        return 2 * (x @ self.weight.T + self.bias)


class Special(nn.Dense):
    """A kind of dense layer that is not to be exchanged."""


class Network(nn.Cell):
    """The cells to exchange are an attribute, in a list, and in a sequence."""

    def __init__(self):
        super().__init__()
        self.first = nn.Dense(3, 3)
        self.list = nn.CellList([nn.Dense(3, 3), Special(3, 3)])
        self.sequence = nn.SequentialCell(nn.Dense(3, 3), nn.ReLU())

    def construct(self, x):
        return self.sequence(self.list[1](self.list[0](self.first(x))))


def test_every_cell_of_the_type_is_exchanged_and_computes_in_its_place():
    network = Network()
    for parameter in network.get_parameters():
        if parameter.name.endswith("bias"):
            parameter.set_data(Tensor(np.zeros(3, np.float32)))
    x = Tensor(np.random.default_rng(0).standard_normal((2, 3)).astype(np.float32))
    expected = network(x).asnumpy()
    network.compile_cache.clear()
    exchange(network, nn.Dense, Doubled)
    kinds = [type(cell) for cell in (network.first, *network.list, *network.sequence)]
    assert kinds == [Doubled, Doubled, Special, Doubled, nn.ReLU]
    np.testing.assert_allclose(network(x).asnumpy(), 8 * expected, rtol=1e-5)


def test_parameters_stay_the_same_objects_with_the_same_names():
    network = Network()
    before = [(path, parameter, parameter.name) for path, parameter in network.parameters_and_names()]
    exchange(network, nn.Dense, Doubled)
    after = [(path, parameter, parameter.name) for path, parameter in network.parameters_and_names()]
    assert [(path, name) for path, _, name in after] == [(path, name) for path, _, name in before]
    assert all(found is parameter for (_, found, _), (_, parameter, _) in zip(after, before))
