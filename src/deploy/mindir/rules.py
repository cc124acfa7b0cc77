"""The rules for operations that version 1 has too, with some of the arguments as attributes or by another name.

Operations that become something else, or that are rewritten only under a condition, are in `special_rules`.
"""

from dataclasses import dataclass

from src.deploy.mindir.graph import Call
from src.deploy.mindir.writer import Writer
from src.utils import UserError


@dataclass(frozen=True)
class Rule:
    """How an operation is written in version 1.

    Attributes:
        inputs: how many arguments, from the first one on, stay inputs.
        attributes: the names of the arguments after them, which become attributes.
        name: the operation's name in version 1; "": the same.
        scalars: whether version 3 takes scalars among the inputs, which version 1 takes only as tensors.
    """

    inputs: int
    attributes: tuple[str, ...] = ()
    name: str = ""
    scalars: bool = False


_UNARY = ("Abs", "Exp", "Log", "Neg", "ReLU", "ReLU6", "Sigmoid", "Sqrt", "Square", "Tanh")
_BINARY = ("Add", "Maximum", "Minimum", "Mul", "Pow", "RealDiv", "Sub")
_REDUCE = ("ReduceMean", "ReduceMin")
_MASKS = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")

RULES: dict[str, Rule] = {
    **{name: Rule(1) for name in _UNARY},
    **{name: Rule(2, scalars=True) for name in _BINARY},
    **{name: Rule(2, ("keep_dims",)) for name in _REDUCE},
    "Adds": Rule(2, name="Add", scalars=True),
    "Subs": Rule(2, name="Sub", scalars=True),
    "Muls": Rule(2, name="Mul", scalars=True),
    "Divs": Rule(2, name="RealDiv", scalars=True),
    "Div": Rule(2, name="RealDiv", scalars=True),
    "BatchMatMul": Rule(2, ("transpose_a", "transpose_b")),
    "BatchNorm": Rule(5, ("is_training", "epsilon", "momentum", "format")),
    "BiasAdd": Rule(2, ("format",)),
    "Concat": Rule(1, ("axis",)),
    "Conv2D": Rule(2),
    "ExpandDims": Rule(2),
    "Gather": Rule(3, ("batch_dims",)),
    "MatMul": Rule(2, ("transpose_a", "transpose_b")),
    "MaxPool": Rule(1),
    "Pad": Rule(1),
    "Reshape": Rule(2),
    "Softmax": Rule(1, ("axis",)),
    "Split": Rule(1, ("axis", "output_num")),
    "Squeeze": Rule(1, ("axis",)),
    "StridedSlice": Rule(4, _MASKS),
    "Tile": Rule(2),
    "Transpose": Rule(2),
    "TupleGetItem": Rule(2),
}
_FORMATS = {0: "NCHW", 1: "NHWC"}  # how version 3 numbers what version 1 names
# Ascend's operators read these attributes by a second name. Version 1 stores them by both.
ASCEND_NAMES = {"transpose_a": "transpose_x1", "transpose_b": "transpose_x2"}


def write_by_rule(rule: Rule, call: Call, writer: Writer) -> None:
    """Write the operation of `call` as its rule says.

    Raises:
        UserError: the operation has more or fewer arguments than the rule knows, or an argument that has to become
            an attribute is not a constant.
    """
    expected = rule.inputs + len(rule.attributes)
    if len(call.inputs) != expected:
        raise UserError(
            f"{call} has {len(call.inputs)} arguments where its rule knows {expected}; "
            "it was exported by another MindSpore, use 2.10"
        )
    attributes = call.attributes
    for name, entry in zip(rule.attributes, call.inputs[rule.inputs :]):
        attributes[name] = writer.constant(entry, call)
        if name == "format":
            attributes[name] = attributes["data_format"] = _FORMATS[attributes[name]]
        elif name in ASCEND_NAMES:
            attributes[ASCEND_NAMES[name]] = attributes[name]
    inputs = call.inputs[: rule.inputs]
    if rule.scalars:
        inputs = [writer.as_tensor(entry) for entry in inputs]
    writer.write(call, rule.name or call.operation, inputs, attributes)
