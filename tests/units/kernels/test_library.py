"""Which library of CPU kernels a process uses, and their build."""

import hashlib
import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest

from src.kernels import library
from src.runtime import device
from src.runtime.device import Device
from src.utils import UserError
from tests.support.programs import ROOT, files, program, train_arguments
from tests.support.runner_toolchain import need_programs, unavailable

BUILD = ROOT / "scripts/build_cpu_kernels.sh"
BARE = getattr(sys, "_base_executable", sys.executable)  # the Python that .venv was made of


@pytest.fixture
def place(monkeypatch, tmp_path):
    """An empty folder in the place of the one with the built libraries."""
    monkeypatch.setattr(library, "BUILT", tmp_path)
    return tmp_path


def test_without_a_library_there_are_no_kernels(place, caplog):
    assert library.choose("auto") is None
    assert not caplog.records
    with pytest.raises(UserError) as caught:
        library.choose("on")
    assert str(caught.value) == (
        "--cpu_kernels on: they are not built for these sources and this MindSpore; bash scripts/build_cpu_kernels.sh"
    )


def test_a_library_of_other_sources_is_not_used(place, caplog):
    (place / "2.10.0-x86_64-0123456789abcdef.so").touch()
    with caplog.at_level("INFO", logger="fastflow"):
        assert library.choose("auto") is None
    assert caplog.messages == [
        "the CPU kernels are of other sources or another MindSpore and not used; build them: "
        "bash scripts/build_cpu_kernels.sh"
    ]


def put_library(content=b""):
    """A file in the place of the library, with its digest."""
    library.path().write_bytes(content)
    library.digest_file(library.path()).write_text(f"{hashlib.sha256(content).hexdigest()}  {library.path().name}\n")


def test_a_built_library_is_used_unless_the_option_is_off(place):
    put_library()
    assert library.choose("auto") == library.choose("on") == library.path()
    assert library.choose("off") is None


@pytest.mark.parametrize("damage", ["cut", "flipped", "no digest"])
def test_a_damaged_library_is_not_loaded(place, caplog, damage):
    put_library(b"library")
    if damage == "no digest":
        library.digest_file(library.path()).unlink()
    else:
        library.path().write_bytes(b"libra" if damage == "cut" else b"mibrary")
    text = f"{library.path()} is damaged, or its digest beside it is; bash scripts/build_cpu_kernels.sh"
    with caplog.at_level("INFO", logger="fastflow"):
        assert library.choose("auto") is None
    assert caplog.messages == [f"the CPU kernels are not used: {text}"]
    with pytest.raises(UserError) as caught:
        library.choose("on")
    assert str(caught.value) == f"--cpu_kernels on: {text}"


def test_half_precision_has_no_kernels(data, weights, tmp_path):
    done = program("train.py", *train_arguments(data, weights, tmp_path / "x", cpu_kernels="on", amp_level="O2"))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: --cpu_kernels on: they are for float32, not --amp_level O2; leave one\n"
    assert not (tmp_path / "x").exists()


def script(*arguments, **environment):
    variables = os.environ | {"PYTHON": sys.executable} | environment
    return subprocess.run(
        ["bash", str(BUILD), *arguments], env=variables, capture_output=True, text=True, check=False, timeout=300
    )


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        (("x",), {}, "error: argument x, unknown, usage: scripts/build_cpu_kernels.sh\n"),
        ((), {"CXX": "no-such-g++"}, "error: C++ compiler no-such-g++, not found, install g++ or set CXX\n"),
    ],
)
def test_the_build_says_what_is_wrong(arguments, environment, message):
    before = files(library.BUILT)
    done = script(*arguments, **environment)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", message)
    assert files(library.BUILT) == before


def test_a_second_build_does_nothing():
    if not library.path().exists():
        unavailable(f"the CPU kernels are not built; {library.BUILD}")
    done = script()
    assert (done.returncode, done.stdout, done.stderr) == (0, f"built already: {library.path()}\n", "")


@pytest.fixture
def copy(tmp_path):
    """A copy of the sources and scripts with nothing built, and a function that builds it with warnings as errors."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for name in ("src", "scripts"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)

    def build():
        environment = os.environ | {"PYTHON": sys.executable, "CXXFLAGS": "-Wall -Wextra -Wpedantic -Werror"}
        command = ["bash", str(tmp_path / "scripts/build_cpu_kernels.sh")]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)

    return tmp_path, build


def test_the_build_has_no_warning(copy):
    need_programs("g++")
    folder, build = copy
    done = build()
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"built: {folder}/build/cpu_kernels/{library.path().name}\n"
    name = f"cpu_kernels/{library.path().name}"
    assert files(folder / "build") == [name, f"{name}.sha256"]
    built = (folder / "build" / name).read_bytes()
    (folder / "build" / name).write_bytes(built[:1000])  # a damaged one is built again
    assert build().stdout == done.stdout
    assert library.is_whole(folder / "build" / name)


def test_a_compiler_that_fails_leaves_nothing(copy):
    need_programs("g++")
    folder, build = copy
    with (folder / "src/kernels/cpp/flow_step.cc").open("a") as file:
        file.write("#error broken\n")
    done = build()
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: src/kernels/cpp, ")
    assert files(folder / "build") == []


def test_a_python_without_mindspore_cannot_build():
    done = script(PYTHON=BARE)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith(f"error: Python {BARE}, has no MindSpore, ")


def test_a_path_that_mindspore_cannot_load_from(monkeypatch, tmp_path):
    monkeypatch.setattr(library, "BUILT", tmp_path / "a:b")
    assert library.choose("auto") is None
    with pytest.raises(UserError, match=r"^--cpu_kernels on: MindSpore cannot load them from .*a:b; move to a path"):
        library.choose("on")


def test_a_device_other_than_the_cpu_has_none(place, monkeypatch):
    put_library()
    present = SimpleNamespace(is_available=lambda: True, device_count=lambda: 1)
    fake = SimpleNamespace(
        device_context=SimpleNamespace(ascend=present, gpu=present, cpu=present),
        GRAPH_MODE="graph",
        set_device=lambda *arguments: None,
        set_context=lambda mode: None,
    )
    monkeypatch.setitem(sys.modules, "mindspore", fake)
    monkeypatch.setattr(device, "_device_files", lambda target: True)
    assert device.prepare(cpu_kernels="auto") == Device("Ascend", 0, None)
    with pytest.raises(UserError) as caught:
        device.prepare(cpu_kernels="on")
    assert str(caught.value) == ("--cpu_kernels on: the device is Ascend; give --device_target CPU, or leave it out")
