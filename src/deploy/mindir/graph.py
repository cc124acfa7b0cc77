"""Reading a MindIR: which operation a node calls, which nodes the output is computed from, and side effects.

A MindIR's graph is a list of nodes. A node has the names of its inputs and one output, and either holds a constant or
calls an operation. Operations stand in a list of their own, the model's primitives, each once with the attributes that
it is called with; a node refers to one by its name.

The order of side effects is written as data: some operations take a *monad*, a constant or the output of an
`UpdateState`, as their last argument, which makes them wait for what produced it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mindspore.train import mind_ir_pb2 as ir

from src.deploy.mindir.values import Attribute, Value, to_python
from src.utils import UserError

# These operations give their first argument unchanged. `Load` reads a parameter, `Depend` waits for its second
# argument. Inference has no side effects to be ordered, so all of them can be left out, and every `UpdateState` too.
PASS_THROUGH = ("Load", "Depend", "StopGradient")
# How many of an operation's inputs its output is computed from, where it is not all of them.
_COMPUTED_FROM = {"UpdateState": 0, **dict.fromkeys(PASS_THROUGH, 1)}


@dataclass(frozen=True)
class Call:
    """A node that calls an operation. In messages it reads "operation Add (where it stands in the network)".

    Attributes:
        node: the node.
        primitive: the operation, with its attributes.
        inputs: the names of the arguments. Where an argument is the output of a `PASS_THROUGH` operation, it is the
            name of what that passes on.
    """

    node: ir.NodeProto
    primitive: ir.PrimitiveProto
    inputs: list[str]

    def __str__(self) -> str:
        return f"operation {self.operation} ({self.node.domain})"

    @property
    def operation(self) -> str:
        """The operation's name, such as Add."""
        return self.primitive.op_type

    @property
    def attributes(self) -> dict[str, Value]:
        """The operation's attributes by name."""
        return {entry.name: to_python(entry) for entry in self.primitive.attribute}

    @property
    def shape(self) -> tuple[int, ...] | None:
        """The shape of the output; None if the node does not tell it."""
        for attribute in self.node.attribute:
            if attribute.name == "shape" and attribute.type == Attribute.TENSORS:
                return tuple(attribute.tensors[0].dims)
        return None


class Graph:
    """The nodes of a model, and the operations that they call.

    Attributes:
        nodes: in the model's order, in which a node comes after the nodes of its inputs.
        output: the name of the graph's output.
    """

    def __init__(self, model: ir.ModelProto) -> None:
        self.nodes = model.graph.node
        self.output = model.graph.output[0].name
        self._primitives = {primitive.name: primitive for primitive in model.primitives}

    def primitive(self, node: ir.NodeProto) -> ir.PrimitiveProto:
        """The operation that a node calls.

        Raises:
            UserError: the node calls another graph.
        """
        primitive = self._primitives.get(primitive_name(node))
        if primitive is None:
            raise UserError(f"operation {node.op_type} ({node.domain}) has no rule; it calls another graph")
        return primitive

    def operation(self, node: ir.NodeProto) -> str:
        """The name of the operation that a node calls; for any other node its own type, such as Constant."""
        primitive = self._primitives.get(primitive_name(node))
        return node.op_type if primitive is None else primitive.op_type

    def needed_nodes(self) -> list[ir.NodeProto]:
        """The nodes that the output is computed from, in the model's order."""
        inputs = {node.output[0]: node.input[: _COMPUTED_FROM.get(self.operation(node))] for node in self.nodes}
        names = needed_names(self.output, inputs)
        return [node for node in self.nodes if node.output[0] in names]

    def check_side_effects(self) -> None:
        """Check that the graph computes the same when the order of its side effects is left out.

        The only side effect that is allowed is an addition in place (`a += b`) to a value that nothing else reads,
        and that is neither a constant nor a parameter: there it is the same as `a + b`.

        Raises:
            UserError: an operation has another side effect.
        """
        operations = {node.output[0]: self.operation(node) for node in self.nodes}
        readers = Counter(
            name for node in self.nodes if operations[node.output[0]] != "UpdateState" for name in node.input
        )
        monads = {node.output[0] for node in self.nodes if self._is_monad(node)}
        for node in self.nodes:
            operation = operations[node.output[0]]
            if operation in ("Load", "Depend", "UpdateState") or not monads.intersection(node.input):
                continue
            changed = node.input[0]
            # What is not the output of a node is a parameter or the graph's input.
            is_temporary = changed in operations and operations[changed] not in (*PASS_THROUGH, "Constant")
            if operation != "InplaceAddExt" or not is_temporary or readers[changed] != 1:
                raise UserError(
                    f"operation {operation} ({node.domain}) changes a tensor in place, which has no rule; "
                    "write a = a + b instead of a += b"
                )

    def _is_monad(self, node: ir.NodeProto) -> bool:
        """Whether the node's output stands for the order of side effects, and is no value."""
        operation = self.operation(node)
        if operation == "Constant":
            return node.attribute[0].type in (Attribute.UMONAD, Attribute.IOMONAD)
        return operation == "UpdateState"


def primitive_name(node: ir.NodeProto) -> str:
    """The name of the primitive that a node refers to."""
    return node.op_type.removeprefix("REF::")


def needed_names(output: str, inputs: Mapping[str, Iterable[str]]) -> set[str]:
    """The names of all values that `output` is computed from, itself included.

    Args:
        inputs: for the output of each node the names of its inputs.
    """
    found: set[str] = set()
    waiting = [output]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(inputs.get(name, ()))
    return found
