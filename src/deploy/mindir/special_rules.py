"""The rules for operations that become others in version 1, or that are rewritten only under a condition.

Each is a function that writes what replaces a call, or raises a `UserError` that says what has no rule.
"""

from collections.abc import Callable

from mindspore.train import mind_ir_pb2 as ir

from src.deploy.mindir.graph import Call
from src.deploy.mindir.rules import ASCEND_NAMES
from src.deploy.mindir.values import to_integers, to_number
from src.deploy.mindir.writer import Writer
from src.utils import UserError

_FLOAT32 = 43  # as version 3 numbers types


def _tuple(call: Call, writer: Writer) -> None:
    """MakeTuple(values...) stays, without its attributes."""
    writer.write(call, "MakeTuple", call.inputs)


def _add_in_place(call: Call, writer: Writer) -> None:
    """InplaceAddExt(a, b, alpha, monad) computes `a += alpha * b`; for an alpha of 1 it becomes Add(a, b).

    `Graph.check_side_effects` has made sure that nothing else reads a.
    """
    if writer.constant(call.inputs[2], call) != 1:
        raise UserError(f"{call} has no rule for a factor; write a = a + b")
    writer.write(call, "Add", [writer.as_tensor(entry) for entry in call.inputs[:2]])


def _pad(call: Call, writer: Writer) -> None:
    """PadV3(x, paddings, value) becomes Pad(x), which pads by zeros.

    PadV3's paddings are an argument, the last dimension's first, and may leave out leading dimensions. Pad's are an
    attribute with all dimensions, the first one's first.
    """
    attributes = call.attributes
    if attributes["mode"] != "constant" or not attributes.get("paddings_contiguous", True):
        raise UserError(f"{call} has no rule for {attributes['mode']}; pad by zeros")
    if len(call.inputs) > 2 and to_number(writer.constant(call.inputs[2], call)) != 0:
        raise UserError(f"{call} pads by other than 0; pad by zeros")
    flat = to_integers(writer.constant(call.inputs[1], call))
    pairs = list(zip(flat[::2], flat[1::2]))
    rank = len(writer.shapes[call.inputs[0]])
    paddings = (((0, 0),) * (rank - len(pairs))) + tuple(reversed(pairs))
    writer.write(call, "Pad", call.inputs[:1], {"paddings": paddings})


def _matmul(call: Call, writer: Writer) -> None:
    """MatMulExt(a, b), of ops.matmul, becomes MatMul for two matrices and BatchMatMul for stacks of matrices."""
    ranks = [len(writer.shapes[entry]) for entry in call.inputs]
    if min(ranks) < 2:
        raise UserError(f"{call} has no rule for vectors; multiply matrices")
    name = "MatMul" if ranks == [2, 2] else "BatchMatMul"
    writer.write(call, name, call.inputs, dict.fromkeys((*ASCEND_NAMES, *ASCEND_NAMES.values()), False))


def _reduce_max(call: Call, writer: Writer) -> None:
    """ReduceMax(x, axis, keep_dims) becomes -ReduceMin(-x, axis).

    The reason is a fault of MindSpore Lite 2.0 on the CPU: its ReduceMax gives 0 where all values are negative.
    """
    x, axis, keep_dims = call.inputs[:3]
    attributes = {"keep_dims": writer.constant(keep_dims, call)}
    negative = writer.write_before(call, "Neg", [x], writer.shapes[x])
    minimum = writer.write_before(call, "ReduceMin", [negative, axis], call.shape, attributes)
    writer.write(call, "Neg", [minimum])


def _reduce_sum(call: Call, writer: Writer) -> None:
    """ReduceSum(x, axis, keep_dims, skip_mode) and SumExt(x, axis, keep_dims, dtype) become ReduceSum(x, axis)."""
    axis, keep_dims, last = (writer.constant(entry, call) for entry in call.inputs[1:])
    if axis in (None, ()) or last not in (None, False):
        raise UserError(f"{call} has no rule without axes or with another type; name the axes and stay in float32")
    writer.write(call, "ReduceSum", call.inputs[:2], {"keep_dims": keep_dims})


def _reciprocal(call: Call, writer: Writer) -> None:
    """Reciprocal(x) becomes 1 / x."""
    writer.write(call, "RealDiv", [writer.scalar("one.float32", 1.0), call.inputs[0]])


def _rsqrt(call: Call, writer: Writer) -> None:
    """Rsqrt(x) becomes 1 / sqrt(x), because MindSpore Lite 2.0's on the CPU is wrong by up to a thousandth."""
    root = writer.write_before(call, "Sqrt", call.inputs[:1], call.shape)
    writer.write(call, "RealDiv", [writer.scalar("one.float32", 1.0), root])


def _cast(call: Call, writer: Writer) -> None:
    """Cast(x, type) of a uint8 input to float32; for all else, the network is float32 throughout.

    In version 1, both types are attributes: tensors without a value. The argument stays a number, which MindSpore 2.0,
    MindSpore Lite 2.0 and MindSpore 2.10 take; what MindSpore 2.0 itself writes there, 2.10 cannot load.
    """
    if writer.types.get(call.inputs[0]) != ir.TensorProto.UINT8 or writer.constant(call.inputs[1], call) != _FLOAT32:
        raise UserError(f"{call} has no rule for MindIR version 1; compute in float32 throughout")
    source, target = (
        ir.TensorProto(data_type=number, name="value0") for number in (ir.TensorProto.UINT8, ir.TensorProto.FLOAT)
    )
    names = {"input_names": ("x", "dst_type"), "output_names": ("output",)}
    writer.write(call, "Cast", call.inputs, {**names, "SrcT": source, "DstT": target})


SPECIAL_RULES: dict[str, Callable[[Call, Writer], None]] = {
    "MakeTuple": _tuple,
    "InplaceAddExt": _add_in_place,
    "PadV3": _pad,
    "MatMulExt": _matmul,
    "ReduceMax": _reduce_max,
    "ReduceSum": _reduce_sum,
    "SumExt": _reduce_sum,
    "Reciprocal": _reciprocal,
    "Rsqrt": _rsqrt,
    "Cast": _cast,
}
