"""preprocess.py and postprocess.py as subprocesses, alone and around the C++ runner on MindSpore Lite."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from src.synthetic.category import make_category
from tests.support.programs import FIGURES, ROOT, files, program, train_arguments
from tests.support.runner_toolchain import LITE_HOME


def preprocess(exported, data, folder):
    return program("preprocess.py", "--mindir_path", exported, "--dataset_path", data, "--img_dir", folder)


def test_preprocess_writes_the_pictures_anew_and_nothing_into_the_data_set(exported, data, tmp_path):
    before = files(data)
    folder = tmp_path / "input"
    assert preprocess(exported, data, folder).returncode == 0
    first = files(folder)
    assert len(first) == 12 + 1
    (folder / "stale.bin").write_bytes(b"old")
    assert preprocess(exported, data, folder).returncode == 0
    assert files(folder) == first
    assert files(data) == before
    (folder / "mine.txt").write_text("keep")
    done = preprocess(exported, data, folder)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "did not write" in done.stderr
    assert (folder / "mine.txt").exists()


def test_postprocess_names_the_picture_whose_output_is_missing_or_cut(exported, data, tmp_path):
    assert preprocess(exported, data, tmp_path / "input").returncode == 0
    results = tmp_path / "output"
    results.mkdir()
    manifest = json.loads((tmp_path / "input/manifest.json").read_text())
    for entry in manifest["samples"]:
        stem = entry["file"].removesuffix(".bin")
        np.full((64, 64), -0.5, "<f4").tofile(results / f"{stem}_anomaly_map.bin")
        np.full(1, -0.5, "<f4").tofile(results / f"{stem}_score.bin")
    arguments = ("--label_dir", tmp_path / "input", "--result_dir", results, "--output_dir", tmp_path / "out")
    assert program("postprocess.py", *arguments).returncode == 0
    victim = manifest["samples"][5]
    cut = results / victim["file"].replace(".bin", "_anomaly_map.bin")
    cut.write_bytes(cut.read_bytes()[:100])
    done = program("postprocess.py", *arguments)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert victim["image"] in done.stderr
    cut.unlink()
    done = program("postprocess.py", *arguments)
    assert done.returncode == 2
    assert "no output" in done.stderr
    assert victim["image"] in done.stderr


def test_preprocess_needs_no_mindspore(exported, data, tmp_path):
    code = "import runpy, sys; sys.modules['mindspore'] = None; sys.argv = sys.argv[1:]; "
    code += "runpy.run_path(sys.argv[0], None, '__main__')"
    arguments = (
        ROOT / "preprocess.py",
        "--mindir_path",
        exported,
        "--dataset_path",
        data,
        "--img_dir",
        tmp_path / "in",
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(files(tmp_path / "in")) == 13


def test_the_pipeline_gives_evals_figures(runner, trained, exported, data, tmp_path):
    """preprocess -> C++ runner on MindSpore Lite -> postprocess, against eval.py: maps to 1e-4, figures to 1e-6."""
    evaluated = program(
        *("eval.py", "--ckpt_path", trained[0] / "fastflow_fabric.ckpt", "--dataset_path", data),
        *("--result_path", tmp_path / "eval.json", "--device_target", "CPU"),
    )
    assert evaluated.returncode == 0, evaluated.stderr
    command = ["bash", ROOT / "scripts/run_infer_cpu.sh", exported, data, "fabric", "--save_imgs"]
    environment = {**os.environ, "LITE_HOME": str(LITE_HOME), "FASTFLOW_INFER": str(runner.program)}
    environment["PYTHON"] = sys.executable
    (tmp_path / "infer/fabric/output").mkdir(parents=True)
    (tmp_path / "infer/fabric/output/stale.bin").write_bytes(b"of an earlier run")
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "infer/fabric/output/stale.bin").exists()
    folder = tmp_path / "infer/fabric"
    assert sorted(path.name for path in (tmp_path / "infer").iterdir()) == ["fabric"]
    wanted = json.loads((tmp_path / "eval.json").read_text())
    found = json.loads((folder / "acc_fabric.json").read_text())
    for name in FIGURES:
        assert found["metrics"][name] == pytest.approx(wanted["metrics"][name], abs=1e-6), name
    for name, score in wanted["scores"].items():
        assert found["scores"][name] == pytest.approx(score, abs=1e-4)
    assert (found["reading"], found["errors"]) == (wanted["reading"], wanted["errors"])
    assert found["thresholds"] == pytest.approx(wanted["thresholds"], abs=1e-4)
    for name, said in wanted["pictures"].items():
        assert found["pictures"][name]["verdict"] == said["verdict"], name
    assert f"pixel_auc: {found['metrics']['pixel_auc']:.5f}" in (folder / "acc_fabric.log").read_text()
    assert json.loads((folder / "output/timing.json").read_text())["pictures"] == 12
    assert len(files(folder / "panels")) == 12 + 1  # the table of scores

    # Maps, picture by picture, against the ones that the exported graph gives in MindSpore.
    import mindspore as ms
    from mindspore import nn

    graph = nn.GraphCell(ms.load(str(shutil.copy(exported, tmp_path / "model.mindir"))))
    inputs = sorted((folder / "input").glob("*.bin"))[:2]
    images = np.stack([np.fromfile(path, "<f4").reshape(3, 64, 64) for path in inputs])
    maps = graph(ms.Tensor(images))[0].asnumpy()
    for path, anomaly_map in zip(inputs, maps):
        lite = np.fromfile(folder / "output" / f"{path.stem}_anomaly_map.bin", "<f4").reshape(64, 64)
        np.testing.assert_allclose(lite, anomaly_map[0], atol=1e-4)


@pytest.mark.slow
def test_every_runtime_gives_the_same_figures_at_256_pixels(runner, weights, tmp_path):
    """eval.py, the MindIR in MindSpore, ONNX in onnxruntime, and the C++ runner: AUROC to 1e-4, maps to 1e-4."""
    make_category(tmp_path / "data", "fabric", train=16, good=6, defects=10, image_size=256, seed=5)
    sizes = {"im_resize": 256, "flow_step": 8, "num_epochs": 3, "train_batch_size": 8}
    done = program("train.py", *train_arguments(tmp_path / "data", weights, tmp_path / "ckpt", **sizes))
    assert done.returncode == 0, done.stderr
    checkpoint = tmp_path / "ckpt/fastflow_fabric.ckpt"
    for options in (("--mindir_version", 1), ("--file_format", "ONNX")):
        done = program("export.py", "--ckpt_file", checkpoint, "--output_dir", tmp_path, *options)
        assert done.returncode == 0, done.stderr
    environment = {**os.environ, "LITE_HOME": str(LITE_HOME), "FASTFLOW_INFER": str(runner.program)}
    command = ["bash", ROOT / "scripts/run_infer_cpu.sh", tmp_path / "fastflow_fabric.mindir", tmp_path / "data"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment | {"PYTHON": sys.executable}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr

    from src import evaluation
    from src.data.layouts import samples_for_testing
    from src.deploy import comparison
    from src.labelled import TestSet

    wanted = json.loads((tmp_path / "ckpt/fastflow_fabric.json").read_text())["metrics"]
    folder = tmp_path / "infer/fabric"
    found = {"C++ runner": json.loads((folder / "acc_fabric.json").read_text())["metrics"]}
    test = TestSet.load(samples_for_testing(tmp_path / "data", "fabric", "mvtec"), 256, "nearest", 2, keep=False)
    manifest = json.loads((folder / "input/manifest.json").read_text())["samples"]
    images = [np.fromfile(folder / "input" / entry["file"], "<f4").reshape(1, 3, 256, 256) for entry in manifest]
    for name, file_format in (("fastflow_fabric.mindir", "MINDIR"), ("fastflow_fabric.onnx", "ONNX")):
        maps, scores = zip(*map(comparison.load(tmp_path / name, file_format), images))
        found[file_format] = evaluation.figures(test, np.concatenate(maps)[:, 0], np.concatenate(scores))
    for runtime, figures in found.items():
        for name in ("pixel_auc", "image_auc", "aupro"):
            assert figures[name] == pytest.approx(wanted[name], abs=1e-4), (runtime, name)
