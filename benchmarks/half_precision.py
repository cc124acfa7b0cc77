"""What float16 does to an exported model's maps, scores and verdicts: on a CPU, by rounding.

    python benchmarks/half_precision.py --model export/fastflow_bottle.onnx --dataset_path DATA

Rounded to float16 and computed on in float32, as a device does that multiplies in float16 and adds up in float32:
  convolutions  the inputs and weights of convolutions and matrix products (as enforce_fp32 on an Ascend device, whose
                matrix unit takes float16)
  all           the same, and what every operation gives (as enforce_fp16)
Nothing of a device's own rounding is in it: its approximations of exp and tanh, and the order of its sums.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parent.parent)  # the project's root in the place of benchmarks/

import argparse
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import onnx
import onnxruntime
from onnx import NodeProto, TensorProto, helper

from src import evaluation
from src.config import Parser
from src.data.layouts import samples_for_testing
from src.deploy.description import ANOMALY_MAP, SCORE
from src.deploy.description_file import read_description
from src.labelled import TestSet
from src.predictor.network import run_in_batches
from src.runtime.program import run_program
from src.utils import UserError, log

PRODUCTS = ("Conv", "MatMul", "Gemm")
MODES = ("float32", "convolutions", "all")


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The options."""
    parser = Parser(prog="benchmarks/half_precision.py", description=__doc__, allow_abbrev=False)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--model", type=Path, required=True, help="an ONNX file of export.py")
    parser.add_argument("--dataset_path", required=True, help="folder of the categories, laid out as MVTec AD")
    parser.add_argument("--every", type=int, default=1, help="take every n-th test picture (default: 1)")
    options = parser.parse_args(argv)
    if options.every < 1:
        raise UserError(f"--every {options.every}: must be 1 or more")
    return options


def rounded(model: onnx.ModelProto, mode: str) -> onnx.ModelProto:
    """A copy of a model that rounds to float16 what the mode says."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    if mode != "float32":
        nodes = [new for node in model.graph.node for new in _rounding(node, mode)]
        floats = _floats(model)
        del copy.graph.node[:]
        copy.graph.node.extend(_only(nodes, floats))
    return copy


def _floats(model: onnx.ModelProto) -> set[str]:
    """The names of the float32 tensors; of those that operations give, by shape inference."""
    graph = onnx.shape_inference.infer_shapes(model).graph
    values = (*graph.value_info, *graph.input, *graph.output)
    found = {value.name for value in values if value.type.tensor_type.elem_type == TensorProto.FLOAT}
    return found | {tensor.name for tensor in graph.initializer if tensor.data_type == TensorProto.FLOAT}


def _rounding(node: NodeProto, mode: str) -> Iterator[NodeProto | tuple[str, str]]:
    """The node, with a pair (from, to) for each tensor that is rounded before or after it."""
    new = NodeProto()
    new.CopyFrom(node)
    if node.op_type in PRODUCTS:
        for place, name in enumerate(node.input[:2]):
            new.input[place] = f"{name}/of/{node.output[0]}/{place}"
            yield name, new.input[place]
    if mode == "all" and node.op_type != "Constant":
        new.output[:] = [f"{name}/exact" for name in node.output]
    yield new
    yield from ((exact, name) for exact, name in zip(new.output, node.output) if exact != name)


def _only(nodes: Sequence[NodeProto | tuple[str, str]], floats: set[str]) -> Iterator[NodeProto]:
    """The nodes, with the pairs as two casts where the tensor is float32, else as nothing."""
    for node in nodes:
        if isinstance(node, NodeProto):
            yield node
            continue
        source, target = node
        if source.removesuffix("/exact") in floats:
            yield helper.make_node("Cast", [source], [f"{target}/half"], to=TensorProto.FLOAT16)
            yield helper.make_node("Cast", [f"{target}/half"], [target], to=TensorProto.FLOAT)
        else:
            yield helper.make_node("Identity", [source], [target])


def session_of(model: onnx.ModelProto, input_name: str) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """The model in onnxruntime, which leaves every operation as it is written."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda image: tuple(session.run([ANOMALY_MAP, SCORE], {input_name: image}))


def main() -> None:
    options = parse()
    description = read_description(options.model)
    if description.format != "ONNX" or description.judge is None:
        raise UserError(f"{options.model} is no ONNX file with thresholds; export a trained model with export.py")
    samples = samples_for_testing(Path(options.dataset_path), description.category, "mvtec")[:: options.every]
    test = TestSet.load(samples, description.input.size, "nearest", None, keep=True)
    model, by = onnx.load(options.model), (description.input.mean, description.input.std)
    reference = None
    log.info("| rounded | largest difference of maps | of scores | verdicts changed | pixel AUROC | image AUROC |")
    log.info("|---|---:|---:|---:|---:|---:|")
    for mode in MODES:
        run = session_of(rounded(model, mode), description.input.name)
        maps, scores = run_in_batches(run, test.images, description.input.size, description.input.shape[0], by)
        defective = np.array([description.judge.of_picture(float(score))["verdict"] == "defective" for score in scores])
        reference = reference or (maps, scores, defective)
        changed = int((defective != reference[2]).sum())
        figures = evaluation.figures(test, maps, scores)
        log.info(
            "| %s | %.1e | %.1e | %d of %d | %.5f | %.5f |",
            mode,
            np.abs(maps - reference[0]).max(),
            np.abs(scores - reference[1]).max(),
            changed,
            len(scores),
            figures["pixel_auc"],
            figures["image_auc"],
        )


if __name__ == "__main__":
    run_program(main)
