"""The door of this folder: rewrites MindIR files for old runtimes.

MindSpore 2.10 writes MindIR version 3; MindSpore Lite 2.0 and MindSpore 1.8, the last that drive an Ascend 310, read
version 1. In version 3, many operations have as arguments what they had as attributes in version 1 (`keep_dims`, the
masks of a slice, ...), and take scalars where version 1 has tensors. Every operation is rewritten by a rule of its own.
One that has no rule is an error: copied as it is, an old runtime might compute something else of it.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from google.protobuf.message import DecodeError
from mindspore.train import mind_ir_pb2 as ir

from src.deploy.mindir.graph import primitive_name
from src.deploy.mindir.references import check_references
from src.deploy.mindir.rewriter import Rewriter
from src.deploy.mindir.values import check_model
from src.utils import UserError, atomic_path


def rewrite_to_version_1(
    source: str | os.PathLike, target: str | os.PathLike, output_names: Sequence[str] = ()
) -> None:
    """Write the MindIR file `source` as version 1.

    Args:
        source: a MindIR of version 3, or of version 1, of which only the outputs are named.
        target: the file to write; may be the same path.
        output_names: names for the outputs, in their order, for runtimes that show names. Empty: they are left.

    Raises:
        UserError: `source` is not a MindIR or holds something without a rule, or `target` cannot be written.
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
        UserError: the file is missing, unreadable, not a MindIR, or a MindIR without a graph.
    """
    model = ir.ModelProto()
    try:
        model.ParseFromString(Path(path).read_bytes())
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; check the path") from error
    except (DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(f"{path} is not a MindIR; write one by export.py --file_format MINDIR") from error
    if not model.graph.node or not model.graph.output:
        raise UserError(f"{path} holds no graph; write it again by export.py --file_format MINDIR")
    try:
        check_model(model)
        if not model.functions:  # a graph that calls others has no rule
            check_references(model.graph)
    except ValueError as error:
        raise UserError(f"{path} is damaged: {error}; write it again by export.py --file_format MINDIR") from error
    return model


def rewrite_model(model: ir.ModelProto, output_names: Sequence[str] = ()) -> ir.ModelProto:
    """The same network as a new model of version 1; `model` is not changed.

    Raises:
        UserError: the graph has an operation, argument or structure without a rule; the message names it.
    """
    if model.mind_ir_version <= 1:
        rewritten = ir.ModelProto()
        rewritten.CopyFrom(model)
    else:
        rewritten = Rewriter(model).rewrite()
    _name_outputs(rewritten.graph, output_names)
    return rewritten


def _name_outputs(graph: ir.GraphProto, names: Sequence[str]) -> None:
    """Name the outputs: runtimes show the place (`domain`) of an output's node as the output's name."""
    if not names:
        return
    nodes = {node.name: node for node in graph.node}
    output = graph.output[0].name
    last = nodes[output]
    is_tuple = primitive_name(last).startswith("MakeTuple:")
    results = list(last.input) if is_tuple else [output]
    if len(results) != len(names):
        raise UserError(f"the graph has {len(results)} outputs where {len(names)} names are given; name each one")
    for result, name in zip(results, names):
        if result in nodes:
            nodes[result].domain = name
