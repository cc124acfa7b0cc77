"""An ONNX file for one picture per call becomes one for any number.

MindSpore writes the shapes of one call into a file. In the detector's graph they stand in three places: in the shapes
of inputs and outputs, in the target shapes of Reshape, where the batch is (part of) the first number, and in blocks of
zeros that are put before a tensor. Whether that was all, the comparison with the network shows (`check_batches`).
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import NodeProto, numpy_helper

from src.deploy.onnx_file import remove_unused

BATCH = "N"  # the name of the free number in shapes


def free_batch(file: Path) -> None:
    """Rewrite a file that takes one picture per call, so that it takes any number."""
    model = onnx.load(file)
    graph, constants = model.graph, _constants(model.graph)
    new = []
    for node in graph.node:
        if node.op_type == "Reshape" and node.input[1] in constants:
            shape = constants[node.input[1]].copy()
            shape[0] = -1
            new.append(_constant(node, 1, shape))
        if node.op_type == "Concat" and len(node.input) == 2 and _is_block_of_zeros(constants.get(node.input[0])):
            new.append(_padding(node, constants[node.input[0]].shape))
    graph.initializer.extend(new)
    remove_unused(graph)
    del graph.value_info[:]
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = BATCH
    onnx.checker.check_model(model)
    onnx.save(model, file)


def _constants(graph: onnx.GraphProto) -> dict[str, np.ndarray]:
    """The constants of a graph, by name."""
    found = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            found[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
    return found


def _is_block_of_zeros(value: np.ndarray | None) -> bool:
    return value is not None and value.ndim in (3, 4) and value.shape[0] == 1 and not value.any()


def _constant(node: NodeProto, place: int, value: np.ndarray) -> onnx.TensorProto:
    """A constant of the node's own in the place of an input."""
    name = f"{node.output[0]}/{'shape' if node.op_type == 'Reshape' else 'pads'}"
    node.input[place] = name
    return numpy_helper.from_array(value, name)


def _padding(node: NodeProto, block: tuple[int, ...]) -> onnx.TensorProto:
    """Make a Concat of a block of zeros and a tensor a Pad of the tensor; gives the amounts."""
    axis = node.attribute[0].i
    pads = np.zeros(2 * len(block), np.int64)
    pads[axis] = block[axis]
    node.op_type, node.input[0] = "Pad", node.input[1]
    del node.attribute[:]
    return _constant(node, 1, pads)
