"""The rewrite of a model of MindIR version 3 to version 1: node by node by the rules, then put together."""

from mindspore.train import mind_ir_pb2 as ir

from src.deploy.mindir.graph import PASS_THROUGH, Call, Graph, needed_names, primitive_name
from src.deploy.mindir.rules import RULES, write_by_rule
from src.deploy.mindir.special_rules import SPECIAL_RULES
from src.deploy.mindir.values import without_sequence_info
from src.deploy.mindir.writer import Writer
from src.utils import UserError


class Rewriter:
    """Rewrites one model.

    Attributes:
        model: of version 3; it is not changed.
        graph: its nodes.
        writer: what has been rewritten.
        aliases: the output of each `PASS_THROUGH` operation -> the name of the value that it passes on.
    """

    def __init__(self, model: ir.ModelProto) -> None:
        self.model = model
        self.graph = Graph(model)
        self.writer = Writer()
        self.aliases: dict[str, str] = {}

    def rewrite(self) -> ir.ModelProto:
        """The model of version 1. Nodes that the output does not need are left out.

        Raises:
            UserError: the graph has an operation, argument or structure without a rule; the message names it.
        """
        self._check_structure()
        self._note_shapes()
        self.graph.check_side_effects()
        for node in self.graph.needed_nodes():
            if node.op_type == "Constant":
                self.writer.write_constant(node.output[0], node.attribute[0])
            else:
                self._rewrite_node(node)
        return self._assemble()

    def _check_structure(self) -> None:
        """Raise a `UserError` unless the model is one graph with its weights inside."""
        if self.model.functions:
            raise UserError("the graph calls sub-graphs; export without control flow on tensors")
        if any(parameter.HasField("external_data") for parameter in self.model.graph.parameter):
            raise UserError("the weights lie in files beside it; export a model below 1 GB in one file")

    def _note_shapes(self) -> None:
        """Tell the writer the shapes of parameters and inputs, and the inputs' types.

        The shapes of nodes follow as they are rewritten.
        """
        for parameter in self.model.graph.parameter:
            self.writer.shapes[parameter.name] = tuple(parameter.dims)
        for entry in self.model.graph.input:
            self.writer.shapes[entry.name] = tuple(entry.tensor[0].dims)
            self.writer.types[entry.name] = entry.tensor[0].data_type

    def _rewrite_node(self, node: ir.NodeProto) -> None:
        """Rewrite a node that calls an operation."""
        name = node.output[0]
        inputs = [self.aliases.get(entry, entry) for entry in node.input]
        call = Call(node, self.graph.primitive(node), inputs)
        if call.shape is not None:
            self.writer.shapes[name] = call.shape
        if call.operation == "UpdateState":
            return
        if call.operation in PASS_THROUGH:
            self.aliases[name] = inputs[0]
        elif call.operation in SPECIAL_RULES:
            SPECIAL_RULES[call.operation](call, self.writer)
        elif call.operation in RULES:
            write_by_rule(RULES[call.operation], call, self.writer)
        else:
            raise UserError(
                f"{call} has no rule for MindIR version 1; write the network without it or export version 3"
            )

    def _assemble(self) -> ir.ModelProto:
        """The model of all that was written and is needed: arguments that became attributes no longer are."""
        source = self.model
        model = ir.ModelProto(
            ir_version=source.ir_version,
            producer_name=source.producer_name,
            model_version=source.model_version,
            little_endian=source.little_endian,
            mind_ir_version=1,
        )
        graph = model.graph
        graph.name = source.graph.name
        graph.output.extend(self._output(entry) for entry in source.graph.output)
        used = needed_names(graph.output[0].name, {node.name: node.input for node in self.writer.nodes})
        graph.node.extend(node for node in self.writer.nodes if node.name in used)
        for parameter in source.graph.parameter:
            if parameter.name in used:
                kept = graph.parameter.add()
                kept.CopyFrom(parameter)
                kept.ClearField("compression_type")
        graph.input.extend(source.graph.input)
        operations = {primitive_name(node) for node in graph.node}
        model.primitives.extend(p for p in self.writer.primitives.values() if p.name in operations)
        return model

    def _output(self, entry: ir.ValueInfoProto) -> ir.ValueInfoProto:
        """The entry for the graph's output, as version 1 has it."""
        written = ir.ValueInfoProto()
        written.CopyFrom(entry)
        written.name = self.aliases.get(entry.name, entry.name)
        if written.HasField("attr_info"):
            written.attr_info.CopyFrom(without_sequence_info(entry.attr_info))
        return written
