"""ONNX files as runtimes expect them: a current opset, names of inputs and outputs that mean something, metadata.

MindSpore (2.10) writes opset 11 and names outputs after the operations that compute them.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import version_converter

from src.deploy.description import METADATA
from src.trust import own_digest
from src.utils import UserError

OPSET = 13


def improve_onnx(file: Path, input_name: str, output_names: Sequence[str]) -> None:
    """Raise a file's opset to `OPSET`, and name its one input and its outputs, in their order.

    Raises:
        UserError: the file has another number of inputs or outputs, or a name is one of its other tensors'.
    """
    model = version_converter.convert_version(onnx.load(file), OPSET)
    graph = model.graph
    constants = {tensor.name for tensor in graph.initializer}
    shown = [value for value in graph.input if value.name not in constants] + list(graph.output)
    names = [input_name, *output_names]
    if len(shown) != len(names):
        raise UserError(f"MindSpore wrote {len(shown)} inputs and outputs where {len(names)} were expected; report it")
    new = {value.name: name for value, name in zip(shown, names)}
    used = constants.union(*(node.output for node in graph.node))
    if (used - set(new)) & set(names):
        raise UserError(f"one of the names {', '.join(names)} is another tensor's in MindSpore's file; report it")
    for node in graph.node:
        for tensors in (node.input, node.output):
            tensors[:] = [new.get(name, name) for name in tensors]
    for value in (*graph.input, *graph.output, *graph.value_info):
        value.name = new.get(value.name, value.name)
    remove_unused(graph)
    onnx.checker.check_model(model)
    onnx.save(model, file)


def remove_unused(graph: onnx.GraphProto) -> None:
    """Remove constants that nothing takes; MindSpore leaves some, and runtimes warn of each."""
    used = {name for node in graph.node for name in node.input}
    unused = {tensor.name for tensor in graph.initializer} - used
    for values in (graph.initializer, graph.input):  # older files list constants among the inputs too
        for value in [value for value in values if value.name in unused]:
            values.remove(value)


def add_metadata(file: Path, description: Mapping[str, Any]) -> None:
    """Put a description into a file's `metadata_props`, under `METADATA`, and the file's digest; runtimes show them by
    name."""
    model = onnx.load(file)
    onnx.helper.set_model_props(model, {METADATA: json.dumps(description), own_digest.KEY: own_digest.EMPTY})
    onnx.save(model, file)
    own_digest.seal(file)


def load_onnx(
    file: Path, input_name: str, output_names: Sequence[str] | None = None
) -> Callable[[np.ndarray], list[np.ndarray]]:
    """A file as a function in onnxruntime: images (B, 3, H, W) -> the outputs of these names, or all.

    Raises:
        UserError: onnxruntime is not installed.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise UserError("--file_format ONNX is compared in onnxruntime; pip install onnxruntime") from error
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    return lambda image: session.run(output_names, {input_name: image})
