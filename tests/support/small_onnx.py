"""A model without training: an ONNX file, as export.py describes them, that calls bright pictures defective."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from src.deploy.description import ANOMALY_MAP, SCORE
from src.deploy.onnx_file import add_metadata
from tests.support.exported_files import description

SIDE = 1000  # of the matrices that take time


def bright_is_defective(file: Path, threshold: float = -0.25, burden: int = 0) -> Path:
    """Write the model: its map is near -1 where a picture of 32 x 32 is dark, and near 0 where it is bright.

    Args:
        threshold: of the score, which is the map's maximum.
        burden: so many products of large matrices a picture takes besides.
    """
    described = description(file=file.name, format="ONNX")
    thresholds = described.thresholds | {"image_threshold": threshold}
    described = replace(described, thresholds=thresholds)
    nodes = [
        helper.make_node("ReduceMean", ["image"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Mul", ["mean", "two"], ["steep"]),
        helper.make_node("Sigmoid", ["steep"], ["share"]),
        helper.make_node("Sub", ["share", "one"], [ANOMALY_MAP]),
        helper.make_node("ReduceMax", [ANOMALY_MAP], ["highest"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Mul", ["matrix", "highest"], ["product 0"]),
        *(helper.make_node("MatMul", [f"product {i}", "matrix"], [f"product {i + 1}"]) for i in range(burden)),
        helper.make_node("ReduceMean", [f"product {burden}"], ["all"], keepdims=0),
        helper.make_node("Mul", ["all", "nothing"], ["none"]),
        helper.make_node("Add", ["highest", "none"], [SCORE]),
    ]
    side = SIDE if burden else 1
    constants = {"two": 2, "one": 1, "nothing": 0, "matrix": np.full((side, side), 1 / side)}
    graph = helper.make_graph(
        nodes,
        "bright",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 32, 32])],
        [
            helper.make_tensor_value_info(ANOMALY_MAP, TensorProto.FLOAT, [1, 1, 32, 32]),
            helper.make_tensor_value_info(SCORE, TensorProto.FLOAT, [1]),
        ],
        [numpy_helper.from_array(np.array(value, np.float32), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, file)
    add_metadata(file, described.to_json())
    return file
