"""run_all.py over generated categories: the table, failures, killing and starting again."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from src import config
from src.config import Options
from src.run_all import published
from src.run_all.categories import run_all
from src.run_all.jobs import lock_folder
from src.run_all.table import Table
from src.synthetic.category import make_category
from src.utils import UserError
from tests.support.programs import ROOT, error_of, files, program, result_of, start, succeed, train_arguments

RUN_ALL = "scripts/run_all.py"
NAMES = ("cloth", "fabric", "weave")


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    """Three generated categories; of the second, a training picture is no picture."""
    root = tmp_path_factory.mktemp("three categories")
    for name in NAMES:
        make_category(root, name, train=8, good=2, defects=4, image_size=64)
    (root / "fabric" / "train" / "good" / "000.png").write_text("no picture")
    return root


def batch_arguments(data, weights, folder, **changes):
    """run_all.py's arguments, with the smallest network."""
    return train_arguments(data, weights, folder, **({"category": None, "log_interval": 1} | changes))


def wait_for(condition, what, seconds=180):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.05)


def said(folder, category, text):
    """How often a category's log holds a text."""
    path = folder / "logs" / f"{category}.log"
    return path.read_text().count(text) if path.exists() else 0


def children_of(pid):
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True)
    return [int(word) for word in found.stdout.split()]


def test_killed_in_the_middle_and_started_again_with_one_that_fails(three, weights, tmp_path):
    data, folder = shutil.copytree(three, tmp_path / "data"), tmp_path / "out put"
    given = batch_arguments(data, weights, folder, num_epochs=50, save_interval=2, jobs=2)
    process = start(RUN_ALL, *given)
    wait_for(lambda: said(folder, "cloth", "epoch 3/50"), "cloth's third epoch")
    children = children_of(process.pid)
    assert children
    process.kill()
    process.communicate()
    again = program(RUN_ALL, *given)
    assert not [pid for pid in children if os.path.exists(f"/proc/{pid}")]
    assert again.returncode == 1, again.stderr
    assert "Traceback" not in again.stderr
    assert re.search(r"^failed: fabric: train.py: error: cannot read the picture .*000.png", again.stdout, re.M)
    assert str(folder / "logs" / "fabric.log") in again.stdout
    assert said(folder, "cloth", "resuming after step") == 1
    table = json.loads((folder / "table.json").read_text())
    assert list(table["rows"]) == ["cloth", "weave"]
    assert list(table["failed"]) == ["fabric"]
    for name in ("cloth", "weave"):
        result = result_of(folder, name)
        assert table["rows"][name]["pixel_auc"] == pytest.approx(result["metrics"]["pixel_auc"], abs=1e-6)
        assert table["rows"][name]["best_pixel_auc"] == result["best_on_test"]["pixel_auc"]
    mean = np.mean([row["image_auc"] for row in table["rows"].values()])
    assert table["mean"]["image_auc"] == pytest.approx(mean)
    assert "published_pixel_auc" not in table["rows"]["cloth"]
    with (folder / "table.csv").open() as file:
        rows = {row["category"]: row for row in csv.DictReader(file)}
    assert list(rows) == ["cloth", "weave", "mean"]
    assert float(rows["weave"]["aupro"]) == pytest.approx(table["rows"]["weave"]["aupro"])
    assert (folder / "table.md").read_text() in again.stdout

    # What is finished is skipped; what failed is tried again, with its picture mended now.
    before = {name: (folder / f"fastflow_{name}_eval.json").stat().st_mtime_ns for name in ("cloth", "weave")}
    shutil.copy(data / "fabric/train/good/001.png", data / "fabric/train/good/000.png")
    succeed(RUN_ALL, *given)
    assert said(folder, "cloth", "$ ") == 3  # train killed, train resumed, eval
    assert {name: (folder / f"fastflow_{name}_eval.json").stat().st_mtime_ns for name in before} == before
    assert list(json.loads((folder / "table.json").read_text())["rows"]) == list(NAMES)
    assert not [name for name in files(folder) if name.startswith(".fastflow") or "state" in name]


@pytest.mark.thorough
def test_killed_and_started_again_it_gives_the_weights_of_one_go(three, weights, tmp_path):
    options = {"num_epochs": 50, "save_interval": 2, "categories": "cloth"}
    given = batch_arguments(three, weights, tmp_path / "parts", **options)
    process = start(RUN_ALL, *given)
    wait_for(lambda: said(tmp_path / "parts", "cloth", "epoch 3/50"), "cloth's third epoch")
    process.kill()
    process.communicate()
    succeed(RUN_ALL, *given)
    assert said(tmp_path / "parts", "cloth", "resuming after step") == 1
    succeed(RUN_ALL, *batch_arguments(three, weights, tmp_path / "whole", **options))
    whole, parts = ((tmp_path / name / "fastflow_cloth.ckpt").read_bytes() for name in ("whole", "parts"))
    assert whole == parts


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.thorough)])
def test_a_signal_lets_the_children_save_and_leaves_none(three, weights, tmp_path, number):
    given = batch_arguments(
        three, weights, tmp_path, num_epochs=2000, save_interval=2000, eval_interval=0, categories="cloth,weave", jobs=2
    )
    process = start(RUN_ALL, *given)
    wait_for(lambda: all(said(tmp_path, name, "epoch 2/") for name in ("cloth", "weave")), "both trainings")
    children = children_of(process.pid)
    assert len(children) == 2
    process.send_signal(number)
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "the same command goes on with it" in errors
    assert "Traceback" not in errors
    assert "FAILED" not in out
    assert not [pid for pid in children if os.path.exists(f"/proc/{pid}")]
    assert {f"fastflow_{name}.state.ckpt" for name in ("cloth", "weave")} <= set(files(tmp_path))


def test_two_batches_in_one_folder_are_refused(tmp_path):
    with (
        lock_folder(tmp_path),
        pytest.raises(UserError, match="another run_all is at work in"),
        lock_folder(tmp_path, 0.6),
    ):
        pass
    with lock_folder(tmp_path):  # free again
        pass


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"categories": "cloth,nut"}, "no category 'nut' in"),
        ({"device_ids": "0,x"}, "--device_ids 0,x: give different numbers"),
        ({"device_ids": "1,1"}, "--device_ids 1,1: give different numbers"),
        ({"seeds": "1,2,1"}, "--seeds 1,2,1: give different numbers"),
        ({"seeds": ""}, "--seeds : give different numbers"),
        ({"seeds": "1,-2"}, "--seeds 1,-2: give different numbers"),
        ({"jobs": 0}, "--jobs 0: must be 1 or more"),
        ({"lr": -1}, "--lr -1.0: must be more than 0"),
        ({"dataset": "visa"}, "split_csv/1cls.csv"),
        ({"pre_ckpt_path": "/nowhere.ckpt"}, "no encoder weights /nowhere.ckpt"),
    ],
)
def test_a_wrong_option_is_an_error_before_anything_is_trained(three, weights, tmp_path, change, text):
    with pytest.raises(UserError) as caught:
        run_all(config.parse("run_all", "", batch_arguments(three, weights, tmp_path / "out", **change)))
    assert text in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_wrong_option_is_one_error_line(three, weights, tmp_path):
    message = error_of(RUN_ALL, *batch_arguments(three, weights, tmp_path / "out", categories="cloth,nut"))
    assert message.startswith(f"error: no category 'nut' in {three}; there are cloth, fabric, weave")
    assert not (tmp_path / "out").exists()


def results(**metrics):
    trained = {"gt_protocol": "original", "seconds": 3.5, "best_on_test": {"epoch": 7, "pixel_auc": 0.99}}
    return trained, {"gt_protocol": "original", "metrics": metrics}


def test_published_figures_stand_beside_the_same_protocol_only():
    options = {"dataset": None, "backbone": "wide_resnet50_2", "im_resize": 256, "gt_protocol": "original"}
    found = {"bottle": {None: results(pixel_auc=0.98)}, "nut": {None: results(pixel_auc=0.9)}}
    table = Table.of(found, {}, Options("run_all", options))
    assert table.rows["bottle"]["published_pixel_auc"] == 0.99
    assert "published_pixel_auc" not in table.rows["nut"]
    assert "published_pixel_auc" not in table.mean
    assert "| bottle | 0.9800 |" in table.markdown()
    assert "| 0.9900 |" in table.markdown().splitlines()[2]
    for change in ({"im_resize": 128}, {"backbone": "resnet18"}, {"gt_protocol": "nearest"}, {"dataset": "btad"}):
        other = Table.of(found, {}, Options("run_all", options | change))
        assert "2022 |" not in other.markdown()
        assert f"here {next(iter(change))} {next(iter(change.values()))}" in other.markdown()


def test_the_published_mean_is_that_of_the_readme():
    assert len(published.PIXEL_AUC) == 15
    assert np.mean(list(published.PIXEL_AUC.values())) == pytest.approx(0.9842, abs=5e-5)


def test_a_figure_that_is_not_defined_has_no_mean_and_no_number():
    options = Options("run_all", {"dataset": None, "backbone": "resnet18", "im_resize": 64, "gt_protocol": "original"})
    found = {"a": {None: results(image_auc=0.5)}, "b": {None: results(image_auc=0.7, pixel_auc=0.9)}}
    table = Table.of(found, {}, options)
    assert table.mean["image_auc"] == pytest.approx(0.6)
    assert "pixel_auc" not in table.mean
    assert table.markdown().splitlines()[2].startswith("| a | - | 0.5000 |")
    assert "None" not in table.csv()


def test_the_script_passes_dataset_weights_devices_and_options(three, weights, tmp_path):
    command = ["bash", str(ROOT / "scripts/run_all_mvtec_cpu.sh"), "-f", str(three), str(weights), "0", "--categories"]
    done = subprocess.run(
        [*command, "nut"], capture_output=True, text=True, env=os.environ | {"PYTHON": sys.executable}
    )
    assert done.returncode == 2
    assert f"error: no category 'nut' in {three}; there are cloth, fabric, weave" in done.stderr
    done = subprocess.run(command[:4], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: arguments, two are needed, usage: bash scripts/run_all_mvtec_cpu.sh")
