"""Attributes of a MindIR, and the Python values that they hold.

A MindIR stores every constant as an `AttributeProto`: a type, and for each type of value a field for one and a field
for several (`i` and `ints`, `f` and `floats`, ...). A scalar that is part of a tuple is in the field for several.
"""

import math
import struct
from typing import Any

from mindspore.train import mind_ir_pb2 as ir

from src.utils import UserError

Attribute = ir.AttributeProto
Value = Any  # bool, int, float, str, None, a tensor (TensorProto), or a tuple of values

_ITEM_SIZES = {  # bytes of the elements of tensors
    **dict.fromkeys((ir.TensorProto.BOOL, ir.TensorProto.INT8, ir.TensorProto.UINT8), 1),
    **dict.fromkeys((ir.TensorProto.FLOAT16, ir.TensorProto.BFLOAT16, ir.TensorProto.INT16), 2),
    **dict.fromkeys((ir.TensorProto.FLOAT, ir.TensorProto.INT32), 4),
    **dict.fromkeys((ir.TensorProto.DOUBLE, ir.TensorProto.FLOAT64, ir.TensorProto.INT64), 8),
}
_INTEGERS = (Attribute.INT8, Attribute.INT16, Attribute.INT32, Attribute.INT64, Attribute.UINT8)


def check_model(model: ir.ModelProto) -> None:
    """Check what the rewrite relies on: nodes have outputs, attributes have values of their type, texts are UTF-8.

    And every tensor has as many bytes as its shape and type say; shapes alone have none.

    Raises:
        ValueError: something is not so.
    """
    graph = model.graph
    if not all(node.output and (node.attribute or node.op_type != "Constant") for node in graph.node):
        raise ValueError("a node has no output or no value")
    if not all(entry.tensor for entry in graph.input):
        raise ValueError("an input has no shape")
    attributes = [attribute for part in (*graph.node, *model.primitives) for attribute in part.attribute]
    tensors = list(graph.parameter)
    while attributes:
        attribute = attributes.pop()
        if attribute.type == Attribute.TENSORS and not attribute.tensors:
            raise ValueError("an attribute has no tensor")
        for text in (attribute.s, *attribute.strings):
            text.decode()
        tensors += [*attribute.tensors, *([attribute.t] if attribute.HasField("t") else [])]
        attributes.extend(attribute.values)
    for tensor in tensors:
        size = _ITEM_SIZES.get(tensor.data_type)
        if tensor.HasField("raw_data") and size and math.prod(tensor.dims) * size != len(tensor.raw_data):
            raise ValueError("a tensor's length is not that of its shape and type")


def to_python(attribute: Attribute) -> Value:
    """The value that an attribute holds.

    Raises:
        UserError: a type that version 1 is not written with.
    """
    kind = attribute.type
    if kind in (Attribute.TUPLE, Attribute.LIST):
        return tuple(to_python(entry) for entry in attribute.values)
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


def to_attribute(value: Value, in_tuple: bool = False) -> Attribute:
    """An attribute, as version 1 writes it, that holds a value: the inverse of `to_python`.

    Args:
        in_tuple: whether the attribute is to be part of a tuple.

    Raises:
        UserError: a value of a type that operations of version 1 have no attributes of.
    """
    attribute = Attribute()
    if isinstance(value, tuple):
        attribute.type = Attribute.TUPLE
        attribute.values.extend(to_attribute(entry, in_tuple=True) for entry in value)
        return attribute
    if isinstance(value, ir.TensorProto):
        attribute.type = Attribute.TENSORS
        attribute.tensors.append(value)
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
    if in_tuple:
        several.append(value)
    else:
        setattr(attribute, single, value)
    return attribute


def without_sequence_info(attribute: Attribute) -> Attribute:
    """A copy without the field `seq_info`, which version 1 does not have."""
    copy = Attribute()
    copy.CopyFrom(attribute)
    copy.ClearField("seq_info")
    for entry in copy.values:
        entry.CopyFrom(without_sequence_info(entry))
    return copy


def to_number(value: Value) -> float:
    """A scalar as a float: a number, the single element of a float32 tensor, or None, which stands for 0.

    Raises:
        UserError: a tensor of another type or of several elements.
    """
    if isinstance(value, ir.TensorProto):
        if value.data_type != ir.TensorProto.FLOAT or len(value.raw_data) != 4:
            raise UserError("a constant that has to be one float32 is something else; pad by zeros")
        return struct.unpack("<f", value.raw_data)[0]
    return 0.0 if value is None else float(value)


def to_integers(value: Value) -> tuple[int, ...]:
    """The integers of a tuple, or of a tensor of int32 or int64."""
    if isinstance(value, ir.TensorProto):
        code = {ir.TensorProto.INT32: "i", ir.TensorProto.INT64: "q"}[value.data_type]
        return struct.unpack(f"<{len(value.raw_data) // struct.calcsize(code)}{code}", value.raw_data)
    return tuple(value)
