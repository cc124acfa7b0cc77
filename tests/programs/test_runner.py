"""The C++ runner: its unit tests, its numbers against MindSpore's, and every failure."""

import hashlib
import json
import resource
import signal
import subprocess

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, nn, ops
from mindspore.train import mind_ir_pb2 as ir

from src.deploy.mindir.version1 import rewrite_to_version_1
from tests.support import mindir_networks as networks
from tests.support.runner_toolchain import ROOT, SOURCE, need_programs

SIZE = 32
BATCH = 2
SANITIZERS = ("--sanitize", "--sanitize_threads")


def export(cell, folder, shape, names=(), dtype=np.float32):
    """A cell as MindIR of version 1; returns its path."""
    zeros = Tensor(np.zeros(shape, dtype))
    ms.export(networks.frozen(cell), zeros, file_name=str(folder / "new.mindir"), file_format="MINDIR")
    rewrite_to_version_1(folder / "new.mindir", folder / "model.mindir", names)
    return folder / "model.mindir"


def write_pictures(folder, pictures):
    folder.mkdir()
    for index, picture in enumerate(pictures):
        picture.astype("<f4").tofile(folder / f"p{index:02}.bin")
    return folder


def read_results(folder, count):
    """The outputs by name, (count, ...) each, by what timing.json tells of them."""
    timing = json.loads((folder / "timing.json").read_text())
    return timing, {
        output["name"]: np.stack(
            [
                np.fromfile(folder / f"p{i:02}_{output['name']}.bin", "<f4").reshape(output["shape"])
                for i in range(count)
            ]
        )
        for output in timing["outputs"]
    }


def assert_fails(done, status, *parts):
    """It ended with this status and one line that says these things."""
    assert done.returncode == status, done.stderr
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("error: ")
    assert lines[0].count(", ") >= 2
    for part in parts:
        assert part in lines[0]


@pytest.fixture(scope="module")
def detector(tmp_path_factory):
    """A small detector: (its cell, its MindIR of version 1)."""
    ms.set_seed(2)
    cell = networks.SmallDetector(SIZE)
    path = export(cell, tmp_path_factory.mktemp("model"), (BATCH, 3, SIZE, SIZE), ("anomaly_map", "score"))
    return cell, path


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(3).standard_normal((5, 3, SIZE, SIZE)).astype(np.float32)


@pytest.fixture
def dataset(pictures, tmp_path):
    return write_pictures(tmp_path / "pictures", pictures)


# Without a model


@pytest.mark.parametrize("mode", [(), *(pytest.param((name,), marks=pytest.mark.slow) for name in SANITIZERS)])
def test_unit_tests(mode, tmp_path):
    need_programs("cmake", "make", "g++")
    command = ["bash", SOURCE / "build.sh", "--tests", *mode, "--build_dir", tmp_path / "a build"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    count = len(list(SOURCE.glob("tests/*_test.cc")))
    assert f"100% tests passed, 0 tests failed out of {count}" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "part"),
    [
        ((), 2, "MindSpore, not given"),
        (("--lite_home", "/nowhere"), 2, "folder /nowhere, not found"),
        (("--lite_home", "/usr"), 2, "holds no MindSpore runtime"),
        (("--lite_home",), 2, "has no value"),
        (("--fast",), 2, "option --fast, not known"),
        (("--lite_home", "/usr", "--mindspore_home", "/usr"), 2, "more than one is given"),
    ],
)
def test_build_errors(arguments, status, part, monkeypatch):
    need_programs("cmake")
    monkeypatch.delenv("LITE_HOME", raising=False)
    monkeypatch.delenv("MINDSPORE_HOME", raising=False)
    done = subprocess.run(["bash", SOURCE / "build.sh", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == status
    assert done.stderr.startswith("error: ")
    assert part in done.stderr


def test_toolchain_script_refuses_what_it_does_not_know():
    script = ROOT / "scripts/install_runner_toolchain.sh"
    assert "usage:" in subprocess.run(["bash", script, "--help"], capture_output=True, text=True, check=True).stdout
    for arguments in (("--fast",), ("a", "b")):
        done = subprocess.run(["bash", script, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert "error: " in done.stderr


# With a model


def test_the_runner_gives_mindspores_numbers(runner, detector, pictures, dataset, tmp_path):
    cell, mindir = detector
    output = tmp_path / "new" / "results"
    done = runner.infer(mindir, dataset, output, "--warmup", 1)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    timing, results = read_results(output, len(pictures))
    assert list(results) == ["anomaly_map", "score"]
    padded = np.concatenate([pictures, pictures[-1:]])
    batches = [cell(Tensor(padded[i : i + BATCH])) for i in range(0, len(padded), BATCH)]
    expected_map = np.concatenate([batch[0].asnumpy() for batch in batches])[: len(pictures)]
    expected_score = np.concatenate([batch[1].asnumpy() for batch in batches])[: len(pictures)]
    assert np.ptp(expected_score) > 0.001
    np.testing.assert_allclose(results["anomaly_map"], expected_map, atol=1e-4)
    np.testing.assert_allclose(results["score"], expected_score, atol=1e-4)
    np.testing.assert_array_equal(results["score"], results["anomaly_map"].max((1, 2, 3)))

    stems = [f"p{index:02}" for index in range(len(pictures))]
    expected_files = {f"{stem}_{name}.bin" for stem in stems for name in results} | {"timing.json"}
    assert {path.name for path in output.iterdir()} == expected_files
    assert (timing["pictures"], timing["batch_size"], timing["warmup"]) == (len(pictures), BATCH, 1)
    assert (timing["device"], timing["precision"], timing["threads"]) == ("CPU", "enforce_fp32", 2)
    assert 0 < timing["median_ms"] <= timing["p95_ms"]
    assert timing["pictures_per_second"] == pytest.approx(1000 / timing["mean_ms"], rel=1e-3)
    assert f"pictures: {len(pictures)}\nbatch size: {BATCH}\nmean: " in done.stdout


STYLES = {
    "efficientnet": (networks.EfficientNetStyle, (2, 3, 32, 32)),
    "flow_step_by_split": (lambda: networks.FlowStep(8, 1, use_split=True), (2, 8, 8, 8)),
    "judgement": (networks.Judgement, (2, 6, 8, 8)),
    "whitened": (networks.Whitened, (2, 6, 8, 8)),
    "broadcast_matmul": (lambda: networks.BroadcastMatMul(8, 32), (2, 1, 8, 8)),
    "special_tokens": (lambda: networks.vision_transformer(talking=False), (2, 3, 32, 32)),
    "talking_heads": (lambda: networks.vision_transformer(talking=True), (2, 3, 32, 32)),
}
# One by one, so that a difference in the whole detector can be traced.
PARTS = {
    "resnet": (networks.ResNetStyle, (2, 3, 32, 32)),
    "asymmetric_convolution": (lambda: networks.EfficientNetStyle(asymmetric_conv=True), (1, 3, 32, 32)),
    "layer_norm": (lambda: networks.LayerNorm((8, 6, 6)), (2, 8, 6, 6)),
    "flow_step": (lambda: networks.FlowStep(7, 3), (2, 7, 8, 8)),
}


@pytest.mark.parametrize("name", [*STYLES, *(pytest.param(name, marks=pytest.mark.slow) for name in PARTS)])
def test_every_style_of_network_survives(name, runner, tmp_path):
    make, shape = {**STYLES, **PARTS}[name]
    ms.set_seed(4)
    cell = make()
    mindir = export(cell, tmp_path, shape)
    image = np.random.default_rng(5).standard_normal(shape).astype(np.float32)
    dataset = write_pictures(tmp_path / "pictures", image)
    done = runner.infer(mindir, dataset, tmp_path / "results")
    assert done.returncode == 0, done.stderr
    _, results = read_results(tmp_path / "results", len(image))
    expected = cell(Tensor(image))
    expected = expected if isinstance(expected, tuple) else (expected,)
    assert len(results) == len(expected)
    for got, wanted in zip(results.values(), expected):
        np.testing.assert_allclose(got, wanted.asnumpy(), atol=1e-4)


class Arithmetic(nn.Cell):
    """Operations that MindSpore Lite 2.0 gets wrong, or has not, if they are copied as they are."""

    def construct(self, x):
        below = -ops.abs(x) - 0.1
        return (
            below.max((1, 2, 3)),
            ops.rsqrt(ops.square(x) + 1e-5),
            1 / (2 + ops.abs(x)),
            ops.sum(x, (1, 2)) + x.sum((1, 2)),
            (2 - x) * 3 / 4 + 1 - ops.abs(x) ** 0.5,
        )


def test_rules_that_change_the_operation(runner, tmp_path):
    image = np.random.default_rng(6).standard_normal((2, 3, 4, 4)).astype(np.float32)
    cell = Arithmetic()
    mindir = export(cell, tmp_path, image.shape, ("largest", "rsqrt", "inverse", "sum", "mixed"))
    done = runner.infer(mindir, write_pictures(tmp_path / "pictures", image), tmp_path / "results")
    assert done.returncode == 0, done.stderr
    _, results = read_results(tmp_path / "results", len(image))
    assert list(results) == ["largest", "rsqrt", "inverse", "sum", "mixed"]
    for got, wanted in zip(results.values(), cell(Tensor(image))):
        np.testing.assert_allclose(got, wanted.asnumpy(), atol=1e-5, rtol=1e-5)


# Failures: status, message, and what is left


def test_help(runner):
    done = runner("--help")
    assert done.returncode == 0
    assert "--dataset_path" in done.stdout
    assert "Exit status" in done.stdout


def test_bad_options(runner):
    paths = ("--mindir_path", "m", "--dataset_path", "d", "--output_path", "o")
    assert_fails(runner(*paths, "--precision", "half"), 2, "'half'", "preferred_fp16")


def test_a_missing_model(runner, dataset, tmp_path):
    done = runner.infer(tmp_path / "none.mindir", dataset, tmp_path / "results")
    assert_fails(done, 3, "none.mindir", "No such file")
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("kind", ["text", "truncated", "version 3"])
def test_a_file_that_the_runtime_cannot_load(kind, runner, detector, dataset, tmp_path):
    mindir = tmp_path / "bad.mindir"
    content = detector[1].read_bytes()
    if kind == "text":
        mindir.write_text("not a model")
    elif kind == "truncated":
        mindir.write_bytes(content[: len(content) // 2])
    else:
        mindir.write_bytes(detector[1].with_name("new.mindir").read_bytes())
    done = runner.infer(mindir, dataset, tmp_path / "results")
    assert_fails(done, 4, "bad.mindir")
    if kind == "version 3":
        assert "--mindir_version 1" in done.stderr
    assert not (tmp_path / "results").exists()


def test_the_model_is_the_one_that_its_description_tells(runner, detector, dataset, tmp_path):
    mindir = tmp_path / "model.mindir"
    content = detector[1].read_bytes()
    mindir.write_bytes(content)
    done = runner.infer(mindir, dataset, tmp_path / "a")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"warning: model {mindir}, has no {mindir}.json beside it")
    description = mindir.with_name("model.mindir.json")
    description.write_text(json.dumps({"file_sha256": hashlib.sha256(content).hexdigest()}))
    done = runner.infer(mindir, dataset, tmp_path / "b")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("pictures: ")
    _, first = read_results(tmp_path / "a", 5)
    _, second = read_results(tmp_path / "b", 5)
    np.testing.assert_array_equal(first["score"], second["score"])

    for place in np.random.default_rng(6).integers(0, len(content), 4):
        flipped = bytearray(content)
        flipped[place] ^= 1
        mindir.write_bytes(flipped)
        if place > 1:  # else it does not begin as a MindIR
            assert_fails(runner.infer(mindir, dataset, tmp_path / "c"), 3, "is not the file that", str(description))
    description.write_text("{")
    assert_fails(runner.infer(mindir, dataset, tmp_path / "c"), 3, f"description {description}, is damaged")
    assert not (tmp_path / "c").exists()


def test_a_model_with_a_wrong_length_does_not_reach_the_runtime(runner, detector, dataset, tmp_path):
    model = ir.ModelProto.FromString(detector[1].read_bytes())
    model.graph.parameter[0].dims[0] += 1
    (tmp_path / "model.mindir").write_bytes(model.SerializeToString())
    done = runner.infer(tmp_path / "model.mindir", dataset, tmp_path / "results")
    assert_fails(done, 4, "a tensor whose length is not that of its shape and type")
    assert not (tmp_path / "results").exists()


class TwoInputs(nn.Cell):
    def construct(self, x, y):
        return x + y


class BatchLost(nn.Cell):
    def construct(self, x):
        return ops.ReduceMax()(x, (0, 2, 3))


def test_a_model_of_another_kind(runner, tmp_path):
    zeros = Tensor(np.zeros((2, 3, 4, 4), np.float32))
    ms.export(networks.frozen(TwoInputs()), zeros, zeros, file_name=str(tmp_path / "two"), file_format="MINDIR")
    rewrite_to_version_1(tmp_path / "two.mindir", tmp_path / "two.mindir")
    dataset = write_pictures(tmp_path / "pictures", np.zeros((1, 3, 4, 4)))
    done = runner.infer(tmp_path / "two.mindir", dataset, tmp_path / "results")
    assert_fails(done, 5, "there are 2")
    mindir = export(BatchLost(), tmp_path, (2, 3, 4, 4))
    assert_fails(runner.infer(mindir, dataset, tmp_path / "results"), 5, "batch of 2")
    assert not (tmp_path / "results").exists()


def test_an_absent_device(runner, detector, dataset, tmp_path):
    done = runner.infer(detector[1], dataset, tmp_path / "results", "--device", "Ascend", "--device_id", 7)
    assert_fails(done, 6, "device Ascend 7", "/dev/davinci7")
    assert not (tmp_path / "results").exists()


def test_missing_and_empty_folders_of_pictures(runner, detector, tmp_path):
    done = runner.infer(detector[1], tmp_path / "none", tmp_path / "results")
    assert_fails(done, 7, str(tmp_path / "none"), "No such file")
    (tmp_path / "empty").mkdir()
    done = runner.infer(detector[1], tmp_path / "empty", tmp_path / "results")
    assert_fails(done, 7, "no .bin file")
    assert not (tmp_path / "results").exists()


def test_a_picture_of_another_size_takes_back_what_was_written(runner, detector, dataset, tmp_path):
    np.zeros(7, "<f4").tofile(dataset / "p04.bin")
    (tmp_path / "results").mkdir()
    done = runner.infer(detector[1], dataset, tmp_path / "results")
    assert_fails(done, 8, "p04.bin", "has 28 bytes", str(3 * SIZE * SIZE * 4))
    assert list((tmp_path / "results").iterdir()) == []


def test_an_output_folder_in_use_is_kept(runner, detector, dataset, tmp_path):
    results = tmp_path / "results"
    results.mkdir()
    (results / "p00_score.bin").write_bytes(b"old")
    assert_fails(runner.infer(detector[1], dataset, results), 9, str(results), "not empty")
    assert [path.name for path in results.iterdir()] == ["p00_score.bin"]
    assert (results / "p00_score.bin").read_bytes() == b"old"
    done = runner.infer(detector[1], dataset, results / "p00_score.bin" / "below")
    assert_fails(done, 9, "below")


def test_a_failed_write_leaves_nothing(runner, detector, dataset, tmp_path):
    def small_files():
        """No file may pass one byte less than a map; a longer write fails as on a full disk."""
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        limit = SIZE * SIZE * 4 - 1
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    done = runner.infer(detector[1], dataset, tmp_path / "results", preexec_fn=small_files)
    assert_fails(done, 10, "p00_anomaly_map.bin", "File too large")
    assert not (tmp_path / "results").exists()
