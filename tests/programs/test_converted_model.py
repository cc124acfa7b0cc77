"""A MindIR that MindSpore Lite's converter has compiled: the runner takes it, and gives the same maps and scores."""

import os
import subprocess

import numpy as np
import pytest

from src import ROOT
from tests.support.programs import succeed
from tests.support.runner_toolchain import LITE_HOME, need_lite


@pytest.fixture
def convert(tmp_path):
    """Converts a MindIR with the library of MindSpore Lite's wheel: (source, target without its ending)."""
    emulator = need_lite()
    libraries = LITE_HOME / "lib"
    if not (libraries / "libmindspore_converter.so").exists():
        pytest.skip("this MindSpore Lite lies otherwise than its wheel's files")
    compiler = "aarch64-linux-gnu-g++" if emulator else "g++"
    command = [
        compiler,
        "-std=c++17",
        "-I",
        LITE_HOME,
        ROOT / "ascend310_infer/tests/convert.cc",
        "-o",
        tmp_path / "convert",
    ]
    command += ["-L", libraries, "-lmindspore_converter", "-lmindspore_core", "-l:libmindspore_glog.so.0"]
    command += [f"-Wl,-rpath,{libraries}", f"-Wl,-rpath-link,{libraries}", "-Wl,--allow-shlib-undefined"]
    subprocess.run(command, check=True, capture_output=True)

    def run(source, target):
        # What the converter loads by itself has no search path of its own.
        words = [*emulator, *(["-E", f"LD_LIBRARY_PATH={libraries}"] if emulator else [])]
        environment = os.environ | {"GLOG_v": "3"} | ({} if emulator else {"LD_LIBRARY_PATH": str(libraries)})
        done = subprocess.run(
            [*words, tmp_path / "convert", source, target], env=environment, capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, done.stdout + done.stderr
        target.with_suffix(".mindir").chmod(0o644)  # it lets nobody read what it writes
        return target.with_suffix(".mindir")

    return run


@pytest.mark.slow
def test_the_runner_takes_a_converted_model_with_the_description_of_its_source(
    exported, convert, runner, data, tmp_path
):
    converted = convert(exported, tmp_path / "converted")
    assert converted.read_bytes() != exported.read_bytes()
    description = exported.with_name(f"{exported.name}.json")
    given = ("--dataset_path", data, "--img_dir", tmp_path / "in")
    succeed("preprocess.py", "--mindir_path", converted, "--description", description, *given)
    for model, more in ((exported, ()), (converted, ("--description", description))):
        done = runner.infer(model, tmp_path / "in", tmp_path / model.stem, *more)
        assert done.returncode == 0, done.stderr
    names = sorted(path.name for path in (tmp_path / exported.stem).glob("*.bin"))
    assert len(names) > 10
    for name in names:
        wanted, found = (np.fromfile(tmp_path / model.stem / name, np.float32) for model in (exported, converted))
        np.testing.assert_allclose(found, wanted, atol=1e-5)
