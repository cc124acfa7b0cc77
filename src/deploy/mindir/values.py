"""Attributes of a MindIR and the Python values that they stand for."""

import struct
from typing import Any

from mindspore.train import mind_ir_pb2 as ir

from src.utils import UserError

Attribute = ir.AttributeProto
Value = Any  # bool, int, float, str, a tensor (TensorProto), or a tuple of values

_INTEGERS = (Attribute.INT8, Attribute.INT16, Attribute.INT32, Attribute.INT64, Attribute.UINT8)


def to_python(attribute: Attribute) -> Value:
    """The Python value of an attribute; a scalar inside a tuple is stored in the plural field."""
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


def to_attribute(value: Value, nested: bool = False) -> Attribute:
    """The inverse of `to_python`, in the types of version 1."""
    attribute = Attribute()
    if isinstance(value, tuple):
        attribute.type = Attribute.TUPLE
        attribute.values.extend(to_attribute(entry, nested=True) for entry in value)
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


def without_sequence(attribute: Attribute) -> Attribute:
    """A copy without `seq_info`, which version 1 does not know."""
    copy = Attribute()
    copy.CopyFrom(attribute)
    copy.ClearField("seq_info")
    for entry in copy.values:
        entry.CopyFrom(without_sequence(entry))
    return copy


def to_number(value: Value) -> float:
    """A scalar, or the single element of a float32 tensor."""
    if isinstance(value, ir.TensorProto):
        if value.data_type != ir.TensorProto.FLOAT or len(value.raw_data) != 4:
            raise UserError("a constant that has to be one float32 is something else; pad by zeros")
        return struct.unpack("<f", value.raw_data)[0]
    return 0.0 if value is None else float(value)


def to_integers(value: Value) -> tuple[int, ...]:
    """A tuple of integers, or the elements of an integer tensor."""
    if isinstance(value, ir.TensorProto):
        code = {ir.TensorProto.INT32: "i", ir.TensorProto.INT64: "q"}[value.data_type]
        return struct.unpack(f"<{len(value.raw_data) // struct.calcsize(code)}{code}", value.raw_data)
    return tuple(value)
