"""Writing the nodes of a MindIR of version 1. What was written is kept, because the rules ask for it."""

import struct
from collections.abc import Sequence

from mindspore.train import mind_ir_pb2 as ir

from src.deploy.mindir.graph import Call
from src.deploy.mindir.values import Attribute, Value, to_attribute, to_python, without_sequence_info
from src.utils import UserError

Shape = tuple[int, ...]


class Writer:
    """Collects the nodes, and the operations that they call, each with the same attributes once.

    Attributes:
        nodes: all that were written, in order.
        primitives: the operations, by their serialised form.
        constants: all that were written, by name.
        types: of the inputs' elements, by name.
        shapes: of the inputs, parameters, constants and outputs of nodes, by name, as far as they are known.
    """

    def __init__(self) -> None:
        self.nodes: list[ir.NodeProto] = []
        self.primitives: dict[bytes, ir.PrimitiveProto] = {}
        self.constants: dict[str, Attribute] = {}
        self.types: dict[str, int] = {}
        self.shapes: dict[str, Shape] = {}

    def write(
        self, call: Call, operation: str, inputs: Sequence[str], attributes: dict[str, Value] | None = None
    ) -> None:
        """Write the node that replaces `call`: it has the name and the output of that."""
        self._write_node(call.node, operation, inputs, attributes or {})

    def write_before(
        self,
        call: Call,
        operation: str,
        inputs: Sequence[str],
        shape: Shape | None,
        attributes: dict[str, Value] | None = None,
    ) -> str:
        """Write an additional node, for a `call` that becomes several operations.

        Args:
            shape: of the node's output, which is float32; None if it is not known.

        Returns:
            The output's name.
        """
        name = f"{call.node.name}.{operation}"
        node = ir.NodeProto(name=name, domain=f"{call.node.domain}.{operation}", output=[name])
        if shape is not None:
            attribute = node.attribute.add(name="shape", type=Attribute.TENSORS)
            attribute.tensors.add(dims=shape, data_type=ir.TensorProto.FLOAT)
        self._write_node(node, operation, inputs, attributes or {})
        return name

    def write_constant(self, name: str, value: Attribute) -> None:
        """Write a constant."""
        self.constants[name] = value
        if value.type == Attribute.TENSORS:
            self.shapes[name] = tuple(value.tensors[0].dims)
        node = ir.NodeProto(name=name, op_type="Constant", output=[name])
        node.attribute.add().CopyFrom(without_sequence_info(value))
        self.nodes.append(node)

    def constant(self, name: str, call: Call) -> Value:
        """The value of the constant `name`, an argument of `call`.

        Raises:
            UserError: the argument is not a constant.
        """
        if name not in self.constants:
            raise UserError(
                f"{call} computes an argument that has to be a constant; write the network with a constant there"
            )
        return to_python(self.constants[name])

    def as_tensor(self, name: str) -> str:
        """The name of a tensor for an argument: itself, or a float32 tensor made of it if it is a scalar constant."""
        constant = self.constants.get(name)
        if constant is None or constant.type == Attribute.TENSORS:
            return name
        return self.scalar(f"{name}.float32", to_python(constant))

    def scalar(self, name: str, value: float) -> str:
        """Write a float32 tensor of rank 0 as the constant `name`, unless it is written already; returns the name."""
        if name not in self.constants:
            attribute = Attribute(name="value", type=Attribute.TENSORS)
            data = struct.pack("<f", value)
            attribute.tensors.add(data_type=ir.TensorProto.FLOAT, name="value0", raw_data=data)
            self.write_constant(name, attribute)
        return name

    def _write_node(
        self, node: ir.NodeProto, operation: str, inputs: Sequence[str], attributes: dict[str, Value]
    ) -> None:
        """Write a node with the name, place, output and attributes of `node`, which calls `operation`."""
        written = ir.NodeProto(name=node.name, domain=node.domain, input=inputs, output=node.output)
        for attribute in node.attribute:
            written.attribute.add().CopyFrom(without_sequence_info(attribute))
        written.op_type = "REF::" + self._primitive(operation, attributes)
        self.nodes.append(written)

    def _primitive(self, operation: str, attributes: dict[str, Value]) -> str:
        """The name of the primitive for an operation with these attributes; it is added when first asked for."""
        primitive = ir.PrimitiveProto(op_type=operation)
        for name in sorted(attributes):
            primitive.attribute.add(name=name).MergeFrom(to_attribute(attributes[name]))
        key = primitive.SerializeToString(deterministic=True)
        if key not in self.primitives:
            primitive.name = f"{operation}:{len(self.primitives)}"
            self.primitives[key] = primitive
        return self.primitives[key].name
