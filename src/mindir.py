"""MindIR files for old runtimes: MindSpore 2.10 writes version 3, MindSpore Lite 2.0 and 1.8 read version 1.

In version 3 most operations are functions: what used to be attributes (`keep_dims`, masks, ...) are trailing
arguments, and scalars may stand where tensors did. The rewrite turns every operation back by its own rule; one
without a rule is an error, never copied in hope.
"""

import os
import struct
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError
from mindspore.train import mind_ir_pb2 as ir

from src.utils import UserError, atomic_path

Attribute = ir.AttributeProto
Value = Any  # bool, int, float, str, a tensor (TensorProto), or a tuple of values


@dataclass(frozen=True)
class _Rule:
    """How an operation is written in version 1.

    Attributes:
        inputs: number of leading arguments that stay inputs.
        attributes: names of the arguments after them, which become attributes.
        name: the operation's name in version 1, if another.
        scalars: whether a scalar argument among the inputs must become a float32 tensor.
    """

    inputs: int
    attributes: tuple[str, ...] = ()
    name: str = ""
    scalars: bool = False


_UNARY = ("Abs", "Exp", "Log", "Neg", "ReLU", "ReLU6", "Sigmoid", "Sqrt", "Square", "Tanh")
_BINARY = ("Add", "Maximum", "Minimum", "Mul", "Pow", "RealDiv", "Sub")
_REDUCE = ("ReduceMean", "ReduceMin")
_MASKS = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")

_RULES: dict[str, _Rule] = {
    **{name: _Rule(1) for name in _UNARY},
    **{name: _Rule(2, scalars=True) for name in _BINARY},
    **{name: _Rule(2, ("keep_dims",)) for name in _REDUCE},
    "Adds": _Rule(2, name="Add", scalars=True),
    "Subs": _Rule(2, name="Sub", scalars=True),
    "Muls": _Rule(2, name="Mul", scalars=True),
    "Divs": _Rule(2, name="RealDiv", scalars=True),
    "Div": _Rule(2, name="RealDiv", scalars=True),
    "BatchMatMul": _Rule(2, ("transpose_a", "transpose_b")),
    "BatchNorm": _Rule(5, ("is_training", "epsilon", "momentum", "format")),
    "BiasAdd": _Rule(2, ("format",)),
    "Concat": _Rule(1, ("axis",)),
    "Conv2D": _Rule(2),
    "ExpandDims": _Rule(2),
    "Gather": _Rule(3, ("batch_dims",)),
    "MatMul": _Rule(2, ("transpose_a", "transpose_b")),
    "MaxPool": _Rule(1),
    "Pad": _Rule(1),
    "Reshape": _Rule(2),
    "Split": _Rule(1, ("axis", "output_num")),
    "Squeeze": _Rule(1, ("axis",)),
    "StridedSlice": _Rule(4, _MASKS),
    "Tile": _Rule(2),
    "Transpose": _Rule(2),
    "TupleGetItem": _Rule(2),
}
_FORMATS = {0: "NCHW", 1: "NHWC"}
# Ascend's operators read some attributes by a second name, which version 1 stores too.
_ASCEND_NAMES = {"transpose_a": "transpose_x1", "transpose_b": "transpose_x2"}
# An inference graph has no side effects, so what orders them is dropped: `Load` reads a parameter, `Depend`
# passes its first argument on, which leaves `UpdateState` unused.
_PASS_THROUGH = ("Load", "Depend", "StopGradient")


def rewrite_to_version_1(
    source: str | os.PathLike, target: str | os.PathLike, output_names: Sequence[str] = ()
) -> None:
    """Rewrite the MindIR file `source` to version 1 as `target` (which may be the same path).

    Args:
        output_names: names for the outputs, in order, that runtimes show where they show any.

    Raises:
        UserError: `source` is not a MindIR, holds something without a rule, or `target` cannot be written.
    """
    model = read_mindir(source)
    try:
        rewritten = rewrite_model(model, output_names)
    except UserError as error:
        raise UserError(f"{source}: {error}") from error
    data = rewritten.SerializeToString(deterministic=True)
    with atomic_path(target) as path:
        path.write_bytes(data)


def read_mindir(path: str | os.PathLike) -> ir.ModelProto:
    """Read a MindIR file as a protobuf message.

    Raises:
        UserError: the file is missing, unreadable, or not a MindIR with its weights inside.
    """
    model = ir.ModelProto()
    try:
        model.ParseFromString(Path(path).read_bytes())
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; check the path") from error
    except DecodeError as error:
        raise UserError(f"{path} is not a MindIR; write one by export.py --file_format MINDIR") from error
    if not model.graph.node:
        raise UserError(f"{path} holds no graph; write it again by export.py --file_format MINDIR")
    return model


def rewrite_model(model: ir.ModelProto, output_names: Sequence[str] = ()) -> ir.ModelProto:
    """The same network as a MindIR of version 1 (a copy if it is one already); `model` is not changed.

    Raises:
        UserError: the graph has an operation, argument or structure without a rule; the text names it.
    """
    if model.mind_ir_version <= 1:
        rewritten = ir.ModelProto()
        rewritten.CopyFrom(model)
    else:
        rewritten = _Rewriter(model).rewrite()
    _name_outputs(rewritten.graph, output_names)
    return rewritten


class _Rewriter:
    """Walks the nodes once, in their order (producers first), and writes those that the outputs need."""

    def __init__(self, model: ir.ModelProto) -> None:
        self.model = model
        self.operations = {primitive.name: primitive for primitive in model.primitives}
        self.constants: dict[str, Attribute] = {}
        self.aliases: dict[str, str] = {}
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.nodes: list[ir.NodeProto] = []
        self.primitives: dict[bytes, ir.PrimitiveProto] = {}
        self.special: dict[str, Callable[[ir.NodeProto, list[str]], None]] = {
            "MakeTuple": self._tuple,
            "InplaceAddExt": self._add_in_place,
            "PadV3": self._pad,
            "MatMulExt": self._matmul,
            "ReduceMax": self._reduce_max,
            "ReduceSum": self._reduce_sum,
            "SumExt": self._reduce_sum,
            "Reciprocal": self._reciprocal,
            "Rsqrt": self._rsqrt,
            "Cast": self._cast,
        }

    def rewrite(self) -> ir.ModelProto:
        graph = self.model.graph
        if self.model.functions:
            raise UserError("the graph calls sub-graphs; export without control flow on tensors")
        for parameter in graph.parameter:
            if parameter.HasField("external_data"):
                raise UserError("the weights lie in files beside it; export a model below 1 GB in one file")
            self.shapes[parameter.name] = tuple(parameter.dims)
        for entry in graph.input:
            self.shapes[entry.name] = tuple(entry.tensor[0].dims)
        self._check_side_effects()
        used = self._needed(graph.node, graph.output[0].name)
        for node in graph.node:
            if node.output[0] in used:
                self._rewrite_node(node)

        rewritten = ir.ModelProto(
            ir_version=self.model.ir_version,
            producer_name=self.model.producer_name,
            model_version=self.model.model_version,
            little_endian=self.model.little_endian,
            mind_ir_version=1,
        )
        rewritten.graph.name = graph.name
        output = self._write_output(rewritten.graph)
        used = self._needed(self.nodes, output)
        rewritten.graph.node.extend(node for node in self.nodes if node.name in used)
        for parameter in graph.parameter:
            if parameter.name in used:
                kept = rewritten.graph.parameter.add()
                kept.CopyFrom(parameter)
                kept.ClearField("compression_type")
        rewritten.graph.input.extend(graph.input)
        kept_operations = {node.op_type.removeprefix("REF::") for node in rewritten.graph.node}
        rewritten.primitives.extend(p for p in self.primitives.values() if p.name in kept_operations)
        return rewritten

    # Nodes

    def _rewrite_node(self, node: ir.NodeProto) -> None:
        name = node.output[0]
        if node.op_type == "Constant":
            self.constants[name] = node.attribute[0]
            if node.attribute[0].type == Attribute.TENSORS:
                self.shapes[name] = tuple(node.attribute[0].tensors[0].dims)
            self._copy_constant(name, node.attribute[0])
            return
        primitive = self.operations.get(node.op_type.removeprefix("REF::"))
        if primitive is None:
            raise UserError(f"operation {node.op_type} ({node.domain}) has no rule; it calls another graph")
        operation = primitive.op_type
        inputs = [self.aliases.get(entry, entry) for entry in node.input]
        shape = _node_shape(node)
        if shape is not None:
            self.shapes[name] = shape
        if operation == "UpdateState":
            return
        if operation in _PASS_THROUGH:
            self.aliases[name] = inputs[0]
        elif operation in self.special:
            self.special[operation](node, inputs)
        elif operation in _RULES:
            self._by_rule(node, primitive, inputs, _RULES[operation])
        else:
            raise UserError(
                f"operation {operation} ({node.domain}) has no rule for MindIR version 1; "
                "write the network without it or export version 3"
            )

    def _by_rule(self, node: ir.NodeProto, primitive: ir.PrimitiveProto, inputs: list[str], rule: _Rule) -> None:
        expected = rule.inputs + len(rule.attributes)
        if len(inputs) != expected:
            raise UserError(
                f"operation {primitive.op_type} ({node.domain}) has {len(inputs)} arguments where its rule "
                f"knows {expected}; it was exported by another MindSpore, use 2.10"
            )
        attributes = {entry.name: _value(entry) for entry in primitive.attribute}
        for name, entry in zip(rule.attributes, inputs[rule.inputs :]):
            attributes[name] = self._constant(entry, node)
            if name == "format":
                attributes[name] = attributes["data_format"] = _FORMATS[attributes[name]]
            elif name in _ASCEND_NAMES:
                attributes[_ASCEND_NAMES[name]] = attributes[name]
        kept = inputs[: rule.inputs]
        if rule.scalars:
            kept = [self._as_tensor(entry) for entry in kept]
        self._emit(node, rule.name or primitive.op_type, kept, attributes)

    def _check_side_effects(self) -> None:
        """Only additions in place (`a += b`) of values that nothing else reads can be taken for plain ones."""
        readers = Counter(
            name for node in self.model.graph.node if self._operation(node) != "UpdateState" for name in node.input
        )
        producers = {node.output[0]: self._operation(node) for node in self.model.graph.node}
        order = {node.output[0] for node in self.model.graph.node if _is_order(node, self._operation(node))}
        for node in self.model.graph.node:
            operation = self._operation(node)
            if operation in ("Load", "Depend", "UpdateState") or not order.intersection(node.input):
                continue
            changed = node.input[0]
            own = readers[changed] == 1 and producers.get(changed, "Load") not in (*_PASS_THROUGH, "Constant")
            if operation != "InplaceAddExt" or not own:
                raise UserError(
                    f"operation {operation} ({node.domain}) changes a tensor in place, which has no rule; "
                    "write a = a + b instead of a += b"
                )

    def _add_in_place(self, node: ir.NodeProto, inputs: list[str]) -> None:
        """InplaceAddExt(a, b, alpha, order), checked by `_check_side_effects`, is a + b."""
        if self._constant(inputs[2], node) != 1:
            raise UserError(f"operation InplaceAddExt ({node.domain}) has no rule for a factor; write a = a + b")
        self._emit(node, "Add", [self._as_tensor(entry) for entry in inputs[:2]], {})

    def _tuple(self, node: ir.NodeProto, inputs: list[str]) -> None:
        self._emit(node, "MakeTuple", inputs, {})

    def _pad(self, node: ir.NodeProto, inputs: list[str]) -> None:
        """PadV3 pads by an argument, last dimension first; Pad by an attribute, first dimension first."""
        primitive = self.operations[node.op_type.removeprefix("REF::")]
        attributes = {entry.name: _value(entry) for entry in primitive.attribute}
        if attributes["mode"] != "constant" or not attributes.get("paddings_contiguous", True):
            raise UserError(f"operation PadV3 ({node.domain}) has no rule for {attributes['mode']}; pad by zeros")
        if len(inputs) > 2 and _number(self._constant(inputs[2], node)) != 0:
            raise UserError(f"operation PadV3 ({node.domain}) pads by other than 0; pad by zeros")
        flat = _integers(self._constant(inputs[1], node))
        pairs = list(zip(flat[::2], flat[1::2]))
        rank = len(self.shapes[inputs[0]])
        paddings = (((0, 0),) * (rank - len(pairs))) + tuple(reversed(pairs))
        self._emit(node, "Pad", inputs[:1], {"paddings": paddings})

    def _matmul(self, node: ir.NodeProto, inputs: list[str]) -> None:
        """MatMulExt (ops.matmul) multiplies matrices or stacks; version 1 has an operation for each."""
        ranks = [len(self.shapes[entry]) for entry in inputs]
        if min(ranks) < 2:
            raise UserError(f"operation MatMulExt ({node.domain}) has no rule for vectors; multiply matrices")
        name = "MatMul" if ranks == [2, 2] else "BatchMatMul"
        self._emit(node, name, inputs, dict.fromkeys((*_ASCEND_NAMES, *_ASCEND_NAMES.values()), False))

    def _reduce_max(self, node: ir.NodeProto, inputs: list[str]) -> None:
        """max x = -min -x: ReduceMax of MindSpore Lite 2.0 on CPU gives 0 where all values are negative."""
        keep_dims = {"keep_dims": self._constant(inputs[2], node)}
        negative = self._emit_before(node, "Neg", inputs[:1], self.shapes[inputs[0]])
        least = self._emit_before(node, "ReduceMin", [negative, inputs[1]], _node_shape(node), keep_dims)
        self._emit(node, "Neg", [least], {})

    def _reduce_sum(self, node: ir.NodeProto, inputs: list[str]) -> None:
        """ReduceSum(x, axis, keep_dims, skip_mode) and SumExt(x, axis, keep_dims, dtype)."""
        axis, keep_dims, last = (self._constant(entry, node) for entry in inputs[1:])
        if axis in (None, ()) or last not in (None, False):
            raise UserError(
                f"operation {self._operation(node)} ({node.domain}) has no rule without axes or with another type; "
                "name the axes and stay in float32"
            )
        self._emit(node, "ReduceSum", inputs[:2], {"keep_dims": keep_dims})

    def _reciprocal(self, node: ir.NodeProto, inputs: list[str]) -> None:
        self._emit(node, "RealDiv", [self._tensor("one.float32", 1.0), inputs[0]], {})

    def _rsqrt(self, node: ir.NodeProto, inputs: list[str]) -> None:
        """1 / sqrt(x): Rsqrt of MindSpore Lite 2.0 on CPU is an approximation, off by a thousandth."""
        root = self._emit_before(node, "Sqrt", inputs[:1], _node_shape(node))
        self._reciprocal(node, [root])

    def _cast(self, node: ir.NodeProto, inputs: list[str]) -> None:
        raise UserError(
            f"operation Cast ({node.domain}) has no rule for MindIR version 1; compute in float32 throughout"
        )

    # Values

    def _constant(self, name: str, node: ir.NodeProto) -> Value:
        if name not in self.constants:
            raise UserError(
                f"operation {self._operation(node)} ({node.domain}) computes an argument that has to be a constant; "
                "write the network with a constant there"
            )
        return _value(self.constants[name])

    def _as_tensor(self, name: str) -> str:
        """The name of a float32 tensor for a scalar constant; other names as they are."""
        constant = self.constants.get(name)
        if constant is None or constant.type == Attribute.TENSORS:
            return name
        return self._tensor(f"{name}.float32", _value(constant))

    def _tensor(self, name: str, value: float) -> str:
        """The name of a float32 tensor of rank 0, written on first use."""
        if name not in self.constants:
            attribute = Attribute(name="value", type=Attribute.TENSORS)
            data = struct.pack("<f", value)
            attribute.tensors.add(data_type=ir.TensorProto.FLOAT, name="value0", raw_data=data)
            self.constants[name] = attribute
            self._copy_constant(name, attribute)
        return name

    # Writing

    def _copy_constant(self, name: str, value: Attribute) -> None:
        node = ir.NodeProto(name=name, op_type="Constant", output=[name])
        node.attribute.add().CopyFrom(_without_sequence(value))
        self.nodes.append(node)

    def _emit(self, node: ir.NodeProto, operation: str, inputs: list[str], attributes: dict[str, Value]) -> None:
        written = ir.NodeProto(name=node.name, domain=node.domain, input=inputs, output=node.output)
        for attribute in node.attribute:
            written.attribute.add().CopyFrom(_without_sequence(attribute))
        written.op_type = "REF::" + self._primitive(operation, attributes)
        self.nodes.append(written)

    def _emit_before(
        self,
        node: ir.NodeProto,
        operation: str,
        inputs: list[str],
        shape: tuple[int, ...] | None,
        attributes: dict[str, Value] | None = None,
    ) -> str:
        """Write a helper of `node` with a float32 output of `shape`; returns the output's name."""
        helper = ir.NodeProto(name=f"{node.name}.{operation}", domain=f"{node.domain}.{operation}")
        helper.output.append(helper.name)
        if shape is not None:
            helper.attribute.append(_shape_attribute(shape))
        self._emit(helper, operation, inputs, attributes or {})
        return helper.name

    def _primitive(self, operation: str, attributes: dict[str, Value]) -> str:
        primitive = ir.PrimitiveProto(op_type=operation)
        for name in sorted(attributes):
            primitive.attribute.add(name=name).MergeFrom(_attribute(attributes[name]))
        key = primitive.SerializeToString(deterministic=True)
        if key not in self.primitives:
            primitive.name = f"{operation}:{len(self.primitives)}"
            self.primitives[key] = primitive
        return self.primitives[key].name

    def _write_output(self, graph: ir.GraphProto) -> str:
        for entry in self.model.graph.output:
            written = graph.output.add()
            written.CopyFrom(entry)
            written.name = self.aliases.get(entry.name, entry.name)
            if written.HasField("attr_info"):
                written.attr_info.CopyFrom(_without_sequence(entry.attr_info))
        return graph.output[0].name

    def _needed(self, nodes: Iterable[ir.NodeProto], output: str) -> set[str]:
        """The names that `output` is computed from, itself included."""
        inputs = {}
        for node in nodes:
            followed = {"UpdateState": 0, **dict.fromkeys(_PASS_THROUGH, 1)}.get(self._operation(node))
            inputs[node.output[0]] = node.input[:followed]
        needed: set[str] = set()
        waiting = [output]
        while waiting:
            name = waiting.pop()
            if name not in needed:
                needed.add(name)
                waiting.extend(inputs.get(name, ()))
        return needed

    def _operation(self, node: ir.NodeProto) -> str:
        """The name of a node's operation; that of a call to another graph is what the node has."""
        primitive = self.operations.get(node.op_type.removeprefix("REF::"))
        return node.op_type if primitive is None else primitive.op_type


def _name_outputs(graph: ir.GraphProto, names: Sequence[str]) -> None:
    """Give the nodes of the outputs the scope that runtimes show as the output's name."""
    if not names:
        return
    nodes = {node.name: node for node in graph.node}
    output = graph.output[0].name
    last = nodes[output]
    is_tuple = last.op_type.removeprefix("REF::").startswith("MakeTuple:")
    results = list(last.input) if is_tuple else [output]
    if len(results) != len(names):
        raise UserError(f"the graph has {len(results)} outputs where {len(names)} names are given; name each one")
    for result, name in zip(results, names):
        if result in nodes:
            nodes[result].domain = name


def _is_order(node: ir.NodeProto, operation: str) -> bool:
    """Whether the node's output stands for the order of side effects, not for a value."""
    is_monad = operation == "Constant" and node.attribute[0].type in (Attribute.UMONAD, Attribute.IOMONAD)
    return is_monad or operation == "UpdateState"


def _node_shape(node: ir.NodeProto) -> tuple[int, ...] | None:
    for attribute in node.attribute:
        if attribute.name == "shape" and attribute.type == Attribute.TENSORS:
            return tuple(attribute.tensors[0].dims)
    return None


def _shape_attribute(shape: tuple[int, ...]) -> Attribute:
    """The attribute by which a node tells its output: float32 of this shape."""
    attribute = Attribute(name="shape", type=Attribute.TENSORS)
    attribute.tensors.add(dims=shape, data_type=ir.TensorProto.FLOAT)
    return attribute


def _without_sequence(attribute: Attribute) -> Attribute:
    """A copy without `seq_info`, which version 1 does not know."""
    copy = Attribute()
    copy.CopyFrom(attribute)
    copy.ClearField("seq_info")
    for entry in copy.values:
        entry.CopyFrom(_without_sequence(entry))
    return copy


_INTEGERS = (Attribute.INT8, Attribute.INT16, Attribute.INT32, Attribute.INT64, Attribute.UINT8)


def _value(attribute: Attribute) -> Value:
    """The Python value of an attribute; a scalar inside a tuple is stored in the plural field."""
    kind = attribute.type
    if kind in (Attribute.TUPLE, Attribute.LIST):
        return tuple(_value(entry) for entry in attribute.values)
    if kind == Attribute.TENSORS:
        return attribute.tensors[0]
    if kind == Attribute.BOOL:
        return bool(attribute.ints[0] if attribute.ints else attribute.i)
    if kind in _INTEGERS:
        return attribute.ints[0] if attribute.ints else attribute.i
    if kind == Attribute.FLOAT:
        return attribute.floats[0] if attribute.floats else attribute.f
    if kind == Attribute.DOUBLE:
        return attribute.doubles[0] if attribute.doubles else attribute.d
    if kind == Attribute.STRING:
        return (attribute.strings[0] if attribute.strings else attribute.s).decode()
    if kind == Attribute.NONE:
        return None
    raise UserError(f"a constant of type {Attribute.AttributeType.Name(kind)} has no rule for MindIR version 1")


def _attribute(value: Value, nested: bool = False) -> Attribute:
    """The inverse of `_value`, in the types of version 1."""
    attribute = Attribute()
    if isinstance(value, tuple):
        attribute.type = Attribute.TUPLE
        attribute.values.extend(_attribute(entry, nested=True) for entry in value)
        return attribute
    if isinstance(value, bool):
        kind, single, several = Attribute.BOOL, "i", attribute.ints
    elif isinstance(value, int):
        kind, single, several = Attribute.INT64, "i", attribute.ints
    elif isinstance(value, float):
        kind, single, several = Attribute.FLOAT, "f", attribute.floats
    elif isinstance(value, str):
        kind, single, several = Attribute.STRING, "s", attribute.strings
    else:
        raise UserError(f"an attribute of type {type(value).__name__} has no rule for MindIR version 1")
    attribute.type = kind
    if isinstance(value, str):
        value = value.encode()
    elif isinstance(value, bool):
        value = int(value)
    if nested:
        several.append(value)
    else:
        setattr(attribute, single, value)
    return attribute


def _number(value: Value) -> float:
    """A scalar, or the single element of a float32 tensor."""
    if isinstance(value, ir.TensorProto):
        if value.data_type != ir.TensorProto.FLOAT or len(value.raw_data) != 4:
            raise UserError("a constant that has to be one float32 is something else; pad by zeros")
        return struct.unpack("<f", value.raw_data)[0]
    return 0.0 if value is None else float(value)


def _integers(value: Value) -> tuple[int, ...]:
    """A tuple of integers, or the elements of an integer tensor."""
    if isinstance(value, ir.TensorProto):
        code = {ir.TensorProto.INT32: "i", ir.TensorProto.INT64: "q"}[value.data_type]
        return struct.unpack(f"<{len(value.raw_data) // struct.calcsize(code)}{code}", value.raw_data)
    return tuple(value)
