"""Exchange the convolutions of a network for other cells with the same parameters."""

from collections.abc import Callable

from mindspore import nn


def exchange_convolutions(network: nn.Cell, make: Callable[[nn.Conv2d], nn.Cell]) -> None:
    """Put `make(convolution)` in the place of every convolution.

    Args:
        network: is changed; its parameters and their names are not.
        make: gives a cell that has the convolution's parameters.
    """
    names = [(parameter, parameter.name) for parameter in network.get_parameters()]
    for _, cell in list(network.cells_and_names()):
        for name, child in list(cell.name_cells().items()):
            if type(child) is nn.Conv2d:
                setattr(cell, name, make(child))
        if isinstance(cell, nn.SequentialCell):
            cell.cell_list = tuple(cell.name_cells().values())
    for parameter, name in names:  # a cell renames the parameters that it is given
        parameter.name = name
