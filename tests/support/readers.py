"""Every file that is read: a whole example of each kind, and the function that reads it.

As a program, it reads many files in one process, in which a crash is a signal: `python -m tests.support.readers`. Each
line of standard input is a JSON object with `kind` and `path`; each line of its output one with `outcome`: "read" with
a digest of what was read, "refused" with the line of the `UserError`, or "crashed" with the traceback.
"""

import hashlib
import json
import resource
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from src.runtime import device

device.prepare("CPU")

import mindspore as ms
import numpy as np
import onnx
import torch
import yaml
from mindspore import Tensor
from mindspore.train import mind_ir_pb2 as ir
from PIL import Image

from src import checkpoint, results, state
from src.cell import TrainStep, adam
from src.config import parse
from src.convert.convert import convert, read_state
from src.data.layouts import samples_for_testing
from src.data.samples import Sample
from src.deploy.description_file import read_description, write_description
from src.deploy.manifest import MANIFEST, Entry, Manifest
from src.deploy.mindir.version1 import rewrite_to_version_1
from src.deploy.onnx_file import add_metadata
from src.deploy.runner_files import read_output
from src.detector import Architecture, Detector
from src.kernels import library
from src.metadata import Metadata
from src.predictor.load import load_network
from src.runtime import kept_graph
from src.state import Progress
from src.trust import digest
from src.trust.json_file import write_sealed_json
from src.utils import UserError
from tests.support import mindir_networks
from tests.support.exported_files import description
from tests.support.pictures import load_image

TINY = Architecture("efficientnet_lite0", im_resize=32, flow_step=1, hidden_ratio=0.2, norm_affine=False)
SPLIT = {"dataset": "mvtec", "split_seed": 0, "train_list": None}
SAID = {"architecture": TINY, "category": "nut", "split": SPLIT, "options": {"category": "nut", "lr": 0.001}}
TRAINING = Metadata("state", pictures=7, batch_size=3, **SAID)
KEY = b"the key of the user's kept graphs"


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        make: writes a whole one into a folder, with what belongs beside it; returns its path.
        read: reads one; returns what it says.
        sealed: whether a digest protects it, so that nothing but what was written can be read from it.
    """

    make: Callable[[Path], Path]
    read: Callable[[Path], Any]
    sealed: bool


def _arrays(parameters: dict) -> str:
    return digest.of_object({}, {name: parameter.asnumpy() for name, parameter in parameters.items()})


def make_detector(folder: Path) -> Path:
    said = SAID | {"thresholds": {"pixel_threshold": -0.5}, "colour_scale": (-0.9, -0.1), "epoch": 3}
    checkpoint.save_detector(
        folder / "m.ckpt", Detector(TINY), **{k: v for k, v in said.items() if k != "architecture"}
    )
    return folder / "m.ckpt"


def read_detector(path: Path) -> list:
    detector, metadata = checkpoint.load_detector(path)
    return [_arrays(checkpoint.named_parameters(detector)), metadata.to_json()]


@cache
def training() -> tuple[Detector, TrainStep]:
    detector = Detector(TINY)
    return detector, TrainStep(detector.fastflow, adam(detector.fastflow, 1e-3, 0.0))


def make_state(folder: Path) -> Path:
    progress = Progress(2, 1.5, [4.0, 3.0], [{"epoch": 1, "pixel_auc": 0.5}])
    state.save(folder / "m.state.ckpt", *training(), TRAINING, progress)
    return folder / "m.state.ckpt"


def read_training_state(path: Path) -> list:
    progress = state.load(path, *training(), TRAINING)
    return [_arrays(state.parameters(*training())), repr(progress)]


def make_model(folder: Path) -> Path:
    path = folder / "fastflow_nut.mindir"
    path.write_bytes(np.random.default_rng(1).bytes(4000))
    write_description(path, description(file_sha256=digest.of_file(path)))
    return path


def make_onnx(folder: Path) -> Path:
    """The smallest model with the detector's inputs and outputs, described as an exported one is."""
    tensors = {"image": [1, 3, 32, 32], "anomaly_map": [1, 1, 32, 32], "score": [1]}
    image, *outputs = (onnx.helper.make_tensor_value_info(name, 1, shape) for name, shape in tensors.items())
    nodes = [
        onnx.helper.make_node("ReduceMean", ["image"], ["anomaly_map"], axes=[1]),
        onnx.helper.make_node("ReduceMax", ["image"], ["score"], axes=[1, 2, 3], keepdims=0),
    ]
    graph = onnx.helper.make_graph(nodes, "g", [image], outputs)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=7)
    onnx.save(model, folder / "fastflow_nut.onnx")
    add_metadata(folder / "fastflow_nut.onnx", description(format="ONNX").to_json())
    return folder / "fastflow_nut.onnx"


def make_described_onnx(folder: Path) -> Path:
    path = make_onnx(folder)
    write_description(path, description(format="ONNX", file_sha256=digest.of_file(path)))
    return path


def read_onnx(path: Path) -> list:
    """What the model makes of an image, and by whom it would be judged."""
    network = load_network(path)
    anomaly_map, score = network(np.arange(32 * 32 * 3, dtype=np.uint8).reshape(1, 32, 32, 3))
    return [anomaly_map.tobytes(), score.tobytes(), repr(network.judge)]


def make_description(folder: Path) -> Path:
    return make_model(folder).with_name("fastflow_nut.mindir.json")


def make_manifest(folder: Path) -> Path:
    samples = [Sample(Path(f"/data/{i}.png"), i % 2, "cut" if i % 2 else "good", None, f"x/{i}") for i in range(3)]
    Manifest("nut", description(), [Entry(f"{i}.bin", s) for i, s in enumerate(samples)]).write(folder)
    return folder / MANIFEST


def make_result(folder: Path) -> Path:
    figures = {"pixel_auc": 0.9, "image_auc": None}
    value = {"category": "nut", "gt_protocol": "nearest", "metrics": figures, "seconds": 1.5}
    value |= {"best_on_test": figures | {"epoch": 1}, "options": {"lr": 0.1}, "options_left_open": ["shards"]}
    write_sealed_json(folder / "r.json", value)
    return folder / "r.json"


def used(result: dict) -> dict:
    """What programs use of a result; a damaged digest may stand there as another key."""
    return {
        name: result[name]
        for name in ("category", "gt_protocol", "metrics", "best_on_test", "seconds")
        if name in result
    }


def make_mindir(folder: Path) -> Path:
    model = ir.ModelProto(ir_version="0.1.1", mind_ir_version=1)
    model.graph.parameter.add(name="w", dims=[2, 3], data_type=ir.TensorProto.FLOAT, raw_data=bytes(24))
    node = model.graph.node.add(name="c", op_type="Constant", output=["c"])
    node.attribute.add(type=ir.AttributeProto.TENSORS).tensors.add(dims=[2], data_type=7, raw_data=bytes(16))
    model.graph.output.add(name="c")
    (folder / "g.mindir").write_bytes(model.SerializeToString())
    return folder / "g.mindir"


def make_new_mindir(folder: Path) -> Path:
    zeros = Tensor(np.zeros((1, 4, 4, 4), np.float32))
    ms.export(
        mindir_networks.frozen(mindir_networks.FlowStep(4, 1)),
        zeros,
        file_name=str(folder / "m.mindir"),
        file_format="MINDIR",
    )
    (folder / "m.mindir").chmod(0o600)
    return folder / "m.mindir"


def read_mindir(path: Path) -> bytes:
    rewrite_to_version_1(path, path.with_name("rewritten.mindir"))
    return path.with_name("rewritten.mindir").read_bytes()


def make_kept_graph(folder: Path) -> Path:
    (folder / "graph").mkdir()
    path = folder / "graph" / "c.mindir"
    path.write_bytes(make_mindir(folder).read_bytes())
    kept_graph.seal(path.parent, KEY)
    return path


def read_kept_graph(path: Path) -> str:
    if problem := kept_graph.problem_of(path.parent, KEY, None):
        raise UserError(problem)
    return "as it was kept"


def make_library(folder: Path) -> Path:
    path = folder / "k.so"
    path.write_bytes(bytes(1000))
    library.digest_file(path).write_text(f"{digest.of_file(path)}  k.so\n")
    return path


def read_library(path: Path) -> str:
    if not library.is_whole(path):
        raise UserError("damaged")
    return "as it was built"


def make_torch(folder: Path, zipped: bool = True) -> Path:
    weights = {"conv1.weight": torch.ones(4, 3, 3, 3), "bn1.weight": torch.ones(4), "fc.bias": torch.tensor(1.0)}
    torch.save({"state_dict": weights, "epoch": 3}, folder / "w.pth", _use_new_zipfile_serialization=zipped)
    return folder / "w.pth"


def read_torch(path: Path) -> str:
    found = {name: hashlib.sha256(array.tobytes()).hexdigest() for name, array in read_state(path).items()}
    try:
        convert(path, path.with_name("converted.ckpt"), "resnet18", None, None)
    except UserError:
        return str(found)
    raise AssertionError("three arrays are no encoder")


def make_foreign(folder: Path) -> Path:
    arrays = {"conv1.weight": np.ones((4, 3, 3, 3), np.float32), "bn1.gamma": np.ones(4, np.float32), "n": np.int64(3)}
    parameters = [{"name": name, "data": Tensor(array)} for name, array in arrays.items()]
    ms.save_checkpoint(parameters, str(folder / "f.ckpt"), append_dict={"epoch": 3, "note": "words"})
    (folder / "f.ckpt").chmod(0o600)
    return folder / "f.ckpt"


def make_picture(folder: Path) -> Path:
    pixels = np.random.default_rng(2).integers(0, 256, (24, 24, 3), np.uint8)
    Image.fromarray(pixels).save(folder / "p.png")
    return folder / "p.png"


def make_config(folder: Path) -> Path:
    (folder / "c.yaml").write_text("category: nut\nlr: 0.01\nsave_best: true\nim_resize: 64\n")
    return folder / "c.yaml"


def read_config(path: Path) -> str:
    given = ["--dataset_path", "d", "--pre_ckpt_path", "w", "--category", "nut", "--config", str(path)]
    return yaml.safe_dump(dict(parse("train", "", given).values))


def make_visa(folder: Path) -> Path:
    table = folder / "split_csv" / "1cls.csv"
    table.parent.mkdir()
    lines = ["object,split,label,image,mask"]
    for index, (split, label) in enumerate([("train", "normal"), ("test", "normal"), ("test", "anomaly")]):
        mask = f"candle/Masks/{index}.png" if label == "anomaly" else ""
        for name in filter(None, (f"candle/Images/{index}.png", mask)):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            make_picture((folder / name).parent).rename(folder / name)
        lines.append(f"candle,{split},{label},candle/Images/{index}.png,{mask}")
    table.write_text("\n".join(lines) + "\n")
    return table


def read_visa(path: Path) -> str:
    return str(samples_for_testing(str(path.parent.parent), "candle", "visa"))


def make_output(folder: Path) -> Path:
    np.ones(16, "<f4").tofile(folder / "o.bin")
    return folder / "o.bin"


KINDS = {
    "detector": Kind(make_detector, read_detector, True),
    "state": Kind(make_state, read_training_state, True),
    "exported model": Kind(make_model, lambda path: repr(read_description(path)), True),
    "description": Kind(make_description, lambda path: repr(read_description(path.with_suffix(""))), True),
    "ONNX": Kind(make_onnx, read_onnx, True),
    "ONNX with its description": Kind(make_described_onnx, read_onnx, True),
    "manifest": Kind(make_manifest, lambda path: repr(Manifest.read(path.parent)), True),
    "training's result": Kind(make_result, lambda path: used(results.read_training(path)), True),
    "evaluation's result": Kind(make_result, lambda path: used(results.read_evaluation(path)), True),
    "result's options": Kind(make_result, results.read_given_options, True),
    "kept graph": Kind(make_kept_graph, read_kept_graph, True),
    "CPU kernels": Kind(make_library, read_library, True),
    "MindIR": Kind(make_mindir, read_mindir, False),
    "MindIR of version 3": Kind(make_new_mindir, read_mindir, False),
    "PyTorch file": Kind(make_torch, read_torch, True),
    "PyTorch file before 1.6": Kind(lambda folder: make_torch(folder, zipped=False), read_torch, False),
    "foreign checkpoint": Kind(make_foreign, read_torch, False),
    "picture": Kind(make_picture, lambda path: load_image(path, 32).tobytes(), False),
    "config": Kind(make_config, read_config, False),
    "VisA's table": Kind(make_visa, read_visa, False),
    "runner's output": Kind(make_output, lambda path: read_output(str(path), 16, path).tobytes(), False),
}


def outcome_of(kind: str, path: Path) -> dict[str, Any]:
    """What reading a file came to."""
    try:
        return {"outcome": "read", "text": hashlib.sha256(repr(KINDS[kind].read(path)).encode()).hexdigest()}
    except UserError as error:
        return {"outcome": "refused", "text": str(error)}
    except BaseException:
        return {"outcome": "crashed", "text": traceback.format_exc()}


def main() -> None:
    """Read what standard input names."""
    for line in sys.stdin:
        case = json.loads(line)
        print(json.dumps(outcome_of(case["kind"], Path(case["path"]))), flush=True)
    print(json.dumps({"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}), flush=True)


if __name__ == "__main__":
    main()
