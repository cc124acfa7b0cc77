"""Small ONNX files for the native runner, each with a description as export.py writes it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from src.deploy.description import ANOMALY_MAP, SCORE
from src.deploy.description_file import write_description
from src.trust import digest
from tests.support.exported_files import description
from tests.support.small_onnx import bright_is_defective

MEAN, STD = [0.5, 0.4, 0.3], [0.25, 0.5, 1.0]  # of `description`


def described(file: Path, **changes: object) -> Path:
    """Write the description of a model beside it; returns the model."""
    values = description(file=file.name, format="ONNX", **changes)
    write_description(file, replace(values, file_sha256=digest.of_file(file)))
    return file


def bright(folder: Path, burden: int = 0) -> Path:
    """The model that calls bright pictures defective (see `bright_is_defective`), with its description."""
    return described(bright_is_defective(folder / "bright.onnx", burden=burden))


def other(folder: Path, kind: str, size: tuple[int, int] = (32, 32)) -> Path:
    """A model of another kind, whose map is the mean of the normalised colours.

    Args:
        kind: "plain"; "uint8" for input (1, H, W, 3) in bytes; "dynamic" for any number of pictures per call; "pairs"
            for two; "infinite" for a map that is not finite where a picture is black.
        size: H and W.
    """
    high, wide = size
    batch = {"dynamic": "N", "pairs": 2}.get(kind, 1)
    shape, element, nodes, first = [batch, 3, high, wide], TensorProto.FLOAT, [], "image"
    constants = {}
    if kind == "uint8":
        shape, element, first = [batch, high, wide, 3], TensorProto.UINT8, "normalised"
        constants = {"scale": 255 * np.array(STD), "shift": np.array(MEAN) / STD}
        nodes = [
            helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
            helper.make_node("Div", ["float", "scale"], ["scaled"]),
            helper.make_node("Sub", ["scaled", "shift"], ["shifted"]),
            helper.make_node("Transpose", ["shifted"], ["normalised"], perm=[0, 3, 1, 2]),
        ]
    if kind == "infinite":
        constants = {"black": np.array(sum(-m / s for m, s in zip(MEAN, STD)) / 3)}
        nodes = [
            helper.make_node("ReduceMean", [first], ["mean"], axes=[1], keepdims=1),
            helper.make_node("Sub", ["mean", "black"], ["light"]),
            helper.make_node("Relu", ["light"], ["positive"]),
            helper.make_node("Log", ["positive"], [ANOMALY_MAP]),
        ]
    else:
        nodes += [helper.make_node("ReduceMean", [first], [ANOMALY_MAP], axes=[1], keepdims=1)]
    nodes += [helper.make_node("ReduceMax", [ANOMALY_MAP], [SCORE], axes=[1, 2, 3], keepdims=0)]
    graph = helper.make_graph(
        nodes,
        kind,
        [helper.make_tensor_value_info("image", element, shape)],
        [
            helper.make_tensor_value_info(ANOMALY_MAP, TensorProto.FLOAT, [batch, 1, high, wide]),
            helper.make_tensor_value_info(SCORE, TensorProto.FLOAT, [batch]),
        ],
        [numpy_helper.from_array(np.array(value, np.float32), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    file = folder / f"{kind}.onnx"
    onnx.save(model, file)
    return described(file, dynamic_batch=kind == "dynamic")
