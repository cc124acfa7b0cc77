"""MindIR files for old runtimes: MindSpore 2.10 writes version 3, MindSpore Lite 2.0 and 1.8 read version 1.

In version 3 most operations are functions: what used to be attributes (`keep_dims`, masks, ...) are trailing
arguments, and scalars may stand where tensors did. The rewrite turns every operation back by its own rule; one
without a rule is an error, never copied in hope.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from google.protobuf.message import DecodeError
from mindspore.train import mind_ir_pb2 as ir

from src.deploy.mindir.graph import called
from src.deploy.mindir.rewriter import Rewriter
from src.utils import UserError, atomic_path


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
        rewritten = Rewriter(model).rewrite()
    _name_outputs(rewritten.graph, output_names)
    return rewritten


def _name_outputs(graph: ir.GraphProto, names: Sequence[str]) -> None:
    """Give the nodes of the outputs the scope that runtimes show as the output's name."""
    if not names:
        return
    nodes = {node.name: node for node in graph.node}
    output = graph.output[0].name
    last = nodes[output]
    is_tuple = called(last).startswith("MakeTuple:")
    results = list(last.input) if is_tuple else [output]
    if len(results) != len(names):
        raise UserError(f"the graph has {len(results)} outputs where {len(names)} names are given; name each one")
    for result, name in zip(results, names):
        if result in nodes:
            nodes[result].domain = name
