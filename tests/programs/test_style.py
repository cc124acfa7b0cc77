"""The linters and formatters, as tests."""

import subprocess
import sys
from pathlib import Path

import pytest

from src import ROOT
from tests.support.runner_toolchain import need_programs

BIN = Path(sys.executable).parent  # of the environment that requirements-dev.txt made
SHELL = [*sorted(ROOT.glob("scripts/*.sh")), ROOT / ".ci/run", ROOT / "ascend310_infer/build.sh"]
CPP_FOLDERS = [
    ROOT / name
    for name in (
        "ascend310_infer/src",
        "ascend310_infer/src/pictures",
        "ascend310_infer/src/inspect",
        "ascend310_infer/tests",
        "src/kernels/cpp",
    )
]
CPP = sorted(path for folder in CPP_FOLDERS for path in folder.glob("*.*"))

COMMANDS = {
    "ruff check": [BIN / "ruff", "check", "."],
    "ruff format": [BIN / "ruff", "format", "--check", "."],
    "shellcheck": [BIN / "shellcheck", "-x", *SHELL],
    "clang-format": [BIN / "clang-format", "--dry-run", "-Werror", *CPP],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_clean(name):
    done = subprocess.run(list(map(str, COMMANDS[name])), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_cppcheck_finds_nothing():
    need_programs("cppcheck")
    options = ["--std=c++17", "--enable=warning,style,performance,portability", "--error-exitcode=1", "--quiet"]
    includes = [word for folder in CPP_FOLDERS for word in ("-I", str(folder))]
    command = ["cppcheck", *options, "--suppress=useStlAlgorithm", *includes, *map(str, CPP_FOLDERS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_lists_are_not_empty():
    assert len(SHELL) > 8
    assert all(list(folder.glob("*.*")) for folder in CPP_FOLDERS)


def test_a_checkout_with_windows_line_endings_runs(tmp_path):
    """Where git is set to write them, it does so in no file of ours; a script that has them ends at its first line."""
    if subprocess.run(["git", "rev-parse", "--verify", "HEAD"], cwd=ROOT, capture_output=True, check=False).returncode:
        pytest.skip("no git checkout")
    command = [
        "git",
        "-c",
        "core.autocrlf=true",
        "-c",
        "core.eol=crlf",
        "checkout-index",
        "-a",
        f"--prefix={tmp_path}/",
    ]
    subprocess.run(command, cwd=ROOT, check=True)
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) > 100
    assert [path.name for path in written if path.suffix != ".png" and b"\r\n" in path.read_bytes()] == []
    assert subprocess.run(["bash", "scripts/build_cpu_kernels.sh", "--help"], cwd=tmp_path, check=False).returncode == 0
