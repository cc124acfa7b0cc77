"""The nodes of a MindIR of version 1 as they are written, and what is known of the values between them."""

import struct
from collections.abc import Sequence

from mindspore.train import mind_ir_pb2 as ir

from src.deploy.mindir.graph import Call
from src.deploy.mindir.values import Attribute, Value, to_attribute, to_python, without_sequence
from src.utils import UserError

Shape = tuple[int, ...]


class Writer:
    """Collects nodes, and each operation that they call once.

    Attributes:
        nodes: what was written, in order.
        primitives: the operations, by their serialized form.
        constants: the constants written so far, by name.
        shapes: the shapes of all values so far, by name, where they are known.
    """

    def __init__(self) -> None:
        self.nodes: list[ir.NodeProto] = []
        self.primitives: dict[bytes, ir.PrimitiveProto] = {}
        self.constants: dict[str, Attribute] = {}
        self.shapes: dict[str, Shape] = {}

    def write(
        self, call: Call, operation: str, inputs: Sequence[str], attributes: dict[str, Value] | None = None
    ) -> None:
        """Write `operation` in place of `call`, with its name and its output."""
        self._write_node(call.node, operation, inputs, attributes or {})

    def write_before(
        self,
        call: Call,
        operation: str,
        inputs: Sequence[str],
        shape: Shape | None,
        attributes: dict[str, Value] | None = None,
    ) -> str:
        """Write a helper of `call` with a float32 output of `shape`; returns the output's name."""
        node = call.node
        helper = ir.NodeProto(name=f"{node.name}.{operation}", domain=f"{node.domain}.{operation}")
        helper.output.append(helper.name)
        if shape is not None:
            told = helper.attribute.add(name="shape", type=Attribute.TENSORS)
            told.tensors.add(dims=shape, data_type=ir.TensorProto.FLOAT)
        self._write_node(helper, operation, inputs, attributes or {})
        return helper.name

    def write_constant(self, name: str, value: Attribute) -> None:
        """Write a constant, and remember its value."""
        self.constants[name] = value
        if value.type == Attribute.TENSORS:
            self.shapes[name] = tuple(value.tensors[0].dims)
        node = ir.NodeProto(name=name, op_type="Constant", output=[name])
        node.attribute.add().CopyFrom(without_sequence(value))
        self.nodes.append(node)

    def constant(self, name: str, call: Call) -> Value:
        """The value of an argument of `call`.

        Raises:
            UserError: it is not a constant.
        """
        if name not in self.constants:
            raise UserError(
                f"{call} computes an argument that has to be a constant; write the network with a constant there"
            )
        return to_python(self.constants[name])

    def as_tensor(self, name: str) -> str:
        """The name of a float32 tensor for a scalar constant; other names as they are."""
        constant = self.constants.get(name)
        if constant is None or constant.type == Attribute.TENSORS:
            return name
        return self.scalar(f"{name}.float32", to_python(constant))

    def scalar(self, name: str, value: float) -> str:
        """The name of a float32 tensor of rank 0, written on first use."""
        if name not in self.constants:
            attribute = Attribute(name="value", type=Attribute.TENSORS)
            data = struct.pack("<f", value)
            attribute.tensors.add(data_type=ir.TensorProto.FLOAT, name="value0", raw_data=data)
            self.write_constant(name, attribute)
        return name

    def _write_node(
        self, node: ir.NodeProto, operation: str, inputs: Sequence[str], attributes: dict[str, Value]
    ) -> None:
        written = ir.NodeProto(name=node.name, domain=node.domain, input=inputs, output=node.output)
        for attribute in node.attribute:
            written.attribute.add().CopyFrom(without_sequence(attribute))
        written.op_type = "REF::" + self._primitive(operation, attributes)
        self.nodes.append(written)

    def _primitive(self, operation: str, attributes: dict[str, Value]) -> str:
        """The name of an operation with these attributes, added on first use."""
        primitive = ir.PrimitiveProto(op_type=operation)
        for name in sorted(attributes):
            primitive.attribute.add(name=name).MergeFrom(to_attribute(attributes[name]))
        key = primitive.SerializeToString(deterministic=True)
        if key not in self.primitives:
            primitive.name = f"{operation}:{len(self.primitives)}"
            self.primitives[key] = primitive
        return self.primitives[key].name
