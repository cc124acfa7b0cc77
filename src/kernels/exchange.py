"""Exchange cells of a network for others that have the same parameters but compute in another way."""

from collections.abc import Callable

from mindspore import nn


def exchange(network: nn.Cell, kind: type[nn.Cell], make: Callable[[nn.Cell], nn.Cell]) -> None:
    """Put `make(cell)` in the place of every cell of exactly this type, wherever it is inside the network.

    This must happen before the network is first called: MindSpore compiles it then, and keeps the compiled graph.

    Args:
        network: is changed; its parameters and their names are not.
        kind: the type of the cells to exchange. Cells of its subclasses stay.
        make: returns a cell that has the parameters (the same objects) of the cell that it is given.
    """
    names = [(parameter, parameter.name) for parameter in network.get_parameters()]
    for _, cell in list(network.cells_and_names()):
        for name, child in list(cell.name_cells().items()):
            if type(child) is kind:
                setattr(cell, name, make(child))
        if isinstance(cell, nn.SequentialCell):
            cell.cell_list = tuple(cell.name_cells().values())
    for parameter, name in names:  # a cell renames the parameters that it is given
        parameter.name = name
