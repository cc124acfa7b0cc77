"""A MindIR's graph as it is read: which operation a node calls, which nodes the outputs need, what is in the way."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mindspore.train import mind_ir_pb2 as ir

from src.deploy.mindir.values import Attribute, Value, to_python
from src.utils import UserError

# An inference graph has no side effects, so what orders them is dropped: `Load` reads a parameter, `Depend`
# passes its first argument on, which leaves `UpdateState` unused.
PASS_THROUGH = ("Load", "Depend", "StopGradient")
_FOLLOWED_INPUTS = {"UpdateState": 0, **dict.fromkeys(PASS_THROUGH, 1)}


@dataclass(frozen=True)
class Call:
    """A node that calls an operation; in a text it reads "operation Add (where it stands in the network)".

    Attributes:
        node: where the operation is called.
        primitive: the operation, with the attributes that it is created with.
        inputs: the names of its arguments, without the operations that only pass them on.
    """

    node: ir.NodeProto
    primitive: ir.PrimitiveProto
    inputs: list[str]

    def __str__(self) -> str:
        return f"operation {self.operation} ({self.node.domain})"

    @property
    def operation(self) -> str:
        """The operation's name."""
        return self.primitive.op_type

    @property
    def attributes(self) -> dict[str, Value]:
        """The operation's attributes."""
        return {entry.name: to_python(entry) for entry in self.primitive.attribute}

    @property
    def shape(self) -> tuple[int, ...] | None:
        """The output's shape, if the node tells it."""
        for attribute in self.node.attribute:
            if attribute.name == "shape" and attribute.type == Attribute.TENSORS:
                return tuple(attribute.tensors[0].dims)
        return None


class Graph:
    """The nodes of a model, and the operations that they call."""

    def __init__(self, model: ir.ModelProto) -> None:
        self.nodes = model.graph.node
        self.output = model.graph.output[0].name
        self._primitives = {primitive.name: primitive for primitive in model.primitives}

    def primitive(self, node: ir.NodeProto) -> ir.PrimitiveProto:
        """What a node calls.

        Raises:
            UserError: another graph.
        """
        primitive = self._primitives.get(called(node))
        if primitive is None:
            raise UserError(f"operation {node.op_type} ({node.domain}) has no rule; it calls another graph")
        return primitive

    def operation(self, node: ir.NodeProto) -> str:
        """The name of a node's operation; that of a constant or a call to another graph is what the node has."""
        primitive = self._primitives.get(called(node))
        return node.op_type if primitive is None else primitive.op_type

    def needed_nodes(self) -> list[ir.NodeProto]:
        """The nodes that the outputs are computed from, in the graph's order: producers first."""
        inputs = {node.output[0]: node.input[: _FOLLOWED_INPUTS.get(self.operation(node))] for node in self.nodes}
        names = needed(self.output, inputs)
        return [node for node in self.nodes if node.output[0] in names]

    def check_side_effects(self) -> None:
        """Only additions in place (`a += b`) of values that nothing else reads can be taken for plain ones.

        Raises:
            UserError: a node has another side effect.
        """
        operations = {node.output[0]: self.operation(node) for node in self.nodes}
        readers = Counter(
            name for node in self.nodes if operations[node.output[0]] != "UpdateState" for name in node.input
        )
        order = {node.output[0] for node in self.nodes if self._is_order(node)}
        for node in self.nodes:
            operation = operations[node.output[0]]
            if operation in ("Load", "Depend", "UpdateState") or not order.intersection(node.input):
                continue
            changed = node.input[0]
            own = readers[changed] == 1 and operations.get(changed, "Load") not in (*PASS_THROUGH, "Constant")
            if operation != "InplaceAddExt" or not own:
                raise UserError(
                    f"operation {operation} ({node.domain}) changes a tensor in place, which has no rule; "
                    "write a = a + b instead of a += b"
                )

    def _is_order(self, node: ir.NodeProto) -> bool:
        """Whether the node's output stands for the order of side effects, not for a value."""
        operation = self.operation(node)
        is_monad = operation == "Constant" and node.attribute[0].type in (Attribute.UMONAD, Attribute.IOMONAD)
        return is_monad or operation == "UpdateState"


def called(node: ir.NodeProto) -> str:
    """The name of the primitive that a node refers to."""
    return node.op_type.removeprefix("REF::")


def needed(output: str, inputs: Mapping[str, Iterable[str]]) -> set[str]:
    """The names that `output` is computed from, itself included; `inputs` has those of each node by its output."""
    found: set[str] = set()
    waiting = [output]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(inputs.get(name, ()))
    return found
