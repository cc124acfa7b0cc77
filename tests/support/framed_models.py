"""Small ONNX files of every way to frame pictures, each with its description: what is bright is defective."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from src import hidden
from src.data.roi import Roi
from src.deploy.description import ANOMALY_MAP, IMAGES, PIXELS, SCORE, ModelInput, ModelOutput
from src.deploy.onnx_file import add_metadata
from src.option import size_text
from tests.support.exported_files import description
from tests.support.runner_models import MEAN, STD, described

SEEN = -500  # an input below is hidden in all channels


def framed(
    folder: Path,
    size: tuple[int, int],
    roi: Path | None = None,
    pixels: bool = False,
    batch: int | str = 1,
    **architecture: object,
) -> Path:
    """Write a model whose map is near -1 where a picture is dark, near 0 where it is bright, and hidden where its input
    is. Of the rule "maximum" its score is the map's maximum, of others half of that.

    Args:
        size: H and W.
        roi: what it was trained with: a mask, or a folder of masks.
        pixels: whether it takes pixels in the place of images.
        batch: images per call; a name leaves that open.
        architecture: `keep_aspect`, `tile`, `overlap`, `score`.
    """
    high, wide = size
    region = None if roi is None else Roi.given(str(roi))
    hides = region is not None or bool(architecture.get("keep_aspect"))
    channels = 4 if hides else 3
    shape = [batch, high, wide, channels] if pixels else [batch, 3, high, wide]
    constants = {
        "two": 2,
        "one": 1,
        "limit": SEEN,
        "hidden map": hidden.MAP,
        "share": 1 if architecture.get("score", "maximum") == "maximum" else 0.5,
    }
    nodes = _normalised(hides, constants) if pixels else []
    image = "normalised" if pixels else "image"
    nodes += [
        helper.make_node("ReduceMean", [image], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Mul", ["mean", "two"], ["steep"]),
        helper.make_node("Sigmoid", ["steep"], ["bright"]),
        helper.make_node("Sub", ["bright", "one"], ["map"]),
        helper.make_node("ReduceMax", [image], ["highest"], axes=[1], keepdims=1),
        helper.make_node("Less", ["highest", "limit"], ["unseen"]),
        helper.make_node("Where", ["unseen", "hidden map", "map"], [ANOMALY_MAP]),
        helper.make_node("ReduceMax", [ANOMALY_MAP], ["most"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Mul", ["most", "share"], [SCORE]),
    ]
    graph = helper.make_graph(
        nodes,
        "framed",
        [helper.make_tensor_value_info("image", TensorProto.UINT8 if pixels else TensorProto.FLOAT, shape)],
        [
            helper.make_tensor_value_info(ANOMALY_MAP, TensorProto.FLOAT, [batch, 1, high, wide]),
            helper.make_tensor_value_info(SCORE, TensorProto.FLOAT, [batch]),
        ],
        [
            *(numpy_helper.from_array(np.array(value, np.float32), name) for name, value in constants.items()),
            numpy_helper.from_array(np.array([3, channels - 3], np.int64), "channels"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    count = batch if isinstance(batch, int) else 1
    said = {
        "dynamic_batch": not isinstance(batch, int),
        "input": ModelInput(
            shape=[count, *shape[1:]],
            type=PIXELS if pixels else IMAGES,
            mean=MEAN,
            std=STD,
            hidden=hidden.INPUT if hides else None,
        ),
        "outputs": [
            ModelOutput(name=ANOMALY_MAP, shape=[count, 1, high, wide]),
            ModelOutput(name=SCORE, shape=[count]),
        ],
        "architecture": {
            "im_resize": size_text(size),
            "roi": None if region is None else region.kind,
            **architecture,
        },
        "roi": None if region is None else region.text,
    }
    file = folder / "framed.onnx"
    onnx.save(model, file)
    add_metadata(file, description(file=file.name, format="ONNX", **said).to_json())
    return described(file, **said)


def _normalised(hides: bool, constants: dict[str, object]) -> list[onnx.NodeProto]:
    """Pixels as images, as `src.deploy.pixels.OfPixels` makes them; what that needs is added to `constants`."""
    constants |= {"scale": 255 * np.array(STD).reshape(3, 1, 1), "shift": (np.array(MEAN) / STD).reshape(3, 1, 1)}
    colours = "planes"
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["float"], ["planes"], perm=[0, 3, 1, 2]),
    ]
    if hides:
        colours = "colours"
        nodes.append(helper.make_node("Split", ["planes", "channels"], ["colours", "alpha"], axis=1))
    nodes += [
        helper.make_node("Div", [colours, "scale"], ["scaled"]),
        helper.make_node("Sub", ["scaled", "shift"], ["shifted"]),
    ]
    if not hides:
        return [*nodes, helper.make_node("Identity", ["shifted"], ["normalised"])]
    constants |= {"hidden input": hidden.INPUT, "half": 0.5}
    return [
        *nodes,
        helper.make_node("Less", ["alpha", "half"], ["transparent"]),
        helper.make_node("Where", ["transparent", "hidden input", "shifted"], ["normalised"]),
    ]
