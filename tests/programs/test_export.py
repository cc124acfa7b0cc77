"""The real export.py as a subprocess: every format, the JSON beside the file, and mistakes."""

import json

import pytest

from tests.support.exported_files import export
from tests.support.programs import files


def test_the_json_beside_the_file_says_what_a_caller_needs(exported):
    description = json.loads(exported.with_name(exported.name + ".json").read_text())
    assert description["input"]["shape"] == [2, 3, 64, 64]
    assert description["input"]["mean"] == pytest.approx([127 / 255] * 3)
    assert [(out["name"], out["shape"]) for out in description["outputs"]] == [
        ("anomaly_map", [2, 1, 64, 64]),
        ("score", [2]),
    ]
    assert set(description["thresholds"]) == {
        f"{level}_threshold{end}" for level in ("image", "pixel") for end in ("", "_f1_max")
    }
    assert len(description["checkpoint_sha256"]) == 64
    assert description["largest_difference"] < 1e-4
    assert files(exported.parent) == ["fastflow_fabric.mindir", "fastflow_fabric.mindir.json"]


@pytest.mark.parametrize("options", [("--file_format", "ONNX"), ("--outputs", "latents"), ("--mindir_version", 3)])
def test_every_format_is_written_and_compared(trained, tmp_path, options):
    done = export(trained, tmp_path, *options)
    assert done.returncode == 0, done.stderr
    assert "largest difference to the network" in done.stdout
    assert len(files(tmp_path)) == 2


def test_a_map_export_has_no_training_only_nodes(trained, tmp_path):
    import mindspore as ms

    assert export(trained, tmp_path).returncode == 0
    model = ms.train.mind_ir_pb2.ModelProto()
    model.ParseFromString((tmp_path / "fastflow_fabric.mindir").read_bytes())
    operations = {primitive.op_type for primitive in model.primitives}
    assert {"Conv2D", "Tanh", "Exp", "ReduceMean"} <= operations
    assert not operations & {"SumExt", "ReduceSum"}  # only log-determinants and the loss sum


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--file_format", "AIR"), "needs an Ascend device"),
        (("--file_format", "ONNX", "--mindir_version", 1), "--mindir_version 1 is for MINDIR"),
        (("--file_format", "PB"), "choose one of MINDIR, ONNX, AIR"),
        (("--batch_size", 0), "must be 1 or more"),
    ],
)
def test_export_mistakes_are_one_line_and_leave_nothing(trained, tmp_path, options, text):
    done = export(trained, tmp_path / "out", *options)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert text in done.stderr
    assert not (tmp_path / "out").exists() or files(tmp_path / "out") == []
