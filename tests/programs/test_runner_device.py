"""What the C++ runner asks of MindSpore for a device that is not here, and that it builds where MindSpore is installed.

A library in MindSpore's place (`ascend310_infer/tests/stand_in.cc`), compiled with MindSpore's own headers, records
every call.
"""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.support.runner_toolchain import LITE_HOME, ROOT, SOURCE, Runner, build, need_lite, need_old, need_programs

OLD = ("1.8.1", "1.10.0")
APIS = ["lite", *(pytest.param(version, marks=pytest.mark.slow) for version in OLD)]


@dataclass(frozen=True)
class StandIn:
    """A runner whose MindSpore is the stand-in.

    Attributes:
        runner: with the stand-in's library.
        api: "lite", or a version of MindSpore for Ascend.
        calls: the file of the recorded calls.
    """

    runner: Runner
    api: str
    calls: Path

    def __call__(self, folder, *options, **environment):
        """Run it on two pictures; its process, finished, and the calls."""
        (folder / "pictures").mkdir(exist_ok=True)
        for name in "ab":
            np.zeros(3 * 4 * 4, "<f4").tofile(folder / f"pictures/{name}.bin")
        (folder / "m.mindir").write_bytes(MODEL)
        paths = ("--mindir_path", folder / "m.mindir", "--dataset_path", folder / "pictures")
        self.calls.unlink(missing_ok=True)
        environment = {name: value for name, value in os.environ.items() if name != "ASCEND_OPP_PATH"} | environment
        done = subprocess.run(
            [self.runner.program, *map(str, (*paths, "--output_path", folder / "out", *options))],
            capture_output=True,
            text=True,
            env=environment | {"STAND_IN_CALLS": str(self.calls)},
            check=False,
        )
        return done, self.calls.read_text().splitlines() if self.calls.exists() else []


def small_model():
    """A MindIR of a graph that the runner's own checks accept."""
    from mindspore.train import mind_ir_pb2 as ir

    model = ir.ModelProto(ir_version="1.0.0", mind_ir_version=1)
    model.graph.node.add(name="relu", op_type="ReLU", input=["image"], output=["relu"])
    model.graph.output.add(name="relu")
    return model.SerializeToString()


MODEL = small_model()


@pytest.fixture(scope="module", params=APIS)
def stand_in(request, tmp_path_factory):
    need_programs("cmake", "make", "g++")
    api, old = request.param, request.param != "lite"
    if not old:
        need_lite()
    headers = need_old(api) if old else LITE_HOME
    headers = headers / "runtime" if (headers / "runtime/include").is_dir() else headers
    home = tmp_path_factory.mktemp(f"a stand-in for {api}")
    (home / "lib").mkdir()
    (home / "include").symlink_to(headers / "include")
    library = home / "lib" / ("libmindspore.so" if old else "libmindspore-lite.so")
    command = ["g++", "-std=c++17", "-fPIC", "-shared", f"-Wl,-soname,{library.name}", "-isystem", home]
    command += ["-isystem", home / "include", *(["-DFASTFLOW_MINDSPORE_1_8"] if old else [])]
    subprocess.run([*command, SOURCE / "tests/stand_in.cc", "-o", library], check=True)
    option = "--mindspore_home" if old else "--lite_home"
    return StandIn(Runner(build(option, home, "--build_dir", home / "build"), ()), api, home / "calls")


ON_DEVICE_1 = ("--device", "Ascend", "--device_id", "1", "--warmup", "0")


def built(api, model):
    """The calls that load and build a model."""
    first = f"Build MindIR {model}" if api == "lite" else f"Load MindIR {model}"
    return [first, "Build for 1 device", f"Predict {2 * 3 * 4 * 4 * 4} bytes"]


def test_by_default_a_device_computes_as_that_of_2022_did_or_in_float32(stand_in, tmp_path):
    done, calls = stand_in(tmp_path, *ON_DEVICE_1)
    assert done.returncode == 0, done.stderr
    wanted = ["SetDeviceID 1", "SetPrecisionMode enforce_fp32", "SetOpSelectImplMode high_precision"]
    if stand_in.api != "lite":
        wanted[1] = "SetPrecisionMode allow_fp32_to_fp16"
        wanted.append("SetBufferOptimizeMode off_optimize")
    assert calls == [*wanted, *built(stand_in.api, tmp_path / "m.mindir")]
    assert sorted(path.name for path in (tmp_path / "out").glob("a_*")) == ["a_anomaly_map.bin", "a_score.bin"]


def test_every_setting_reaches_the_device(stand_in, tmp_path):
    (tmp_path / "aipp.cfg").write_text("aipp_op {}")
    (tmp_path / "lite.ini").write_text("[ascend_context]")
    options = ("--precision", "preferred_optimal", "--op_select_implmode", "high_performance", "--buffer_optimize")
    options += ("l2_optimize", "--aipp_config", tmp_path / "aipp.cfg", "--config_file", tmp_path / "lite.ini")
    done, calls = stand_in(tmp_path, *ON_DEVICE_1, *options)
    assert done.returncode == 0, done.stderr
    precision = "preferred_optimal" if stand_in.api == "lite" else "allow_mix_precision"
    assert calls == [
        "SetDeviceID 1",
        f"SetPrecisionMode {precision}",
        "SetOpSelectImplMode high_performance",
        "SetBufferOptimizeMode l2_optimize",
        f"SetInsertOpConfigPath {tmp_path}/aipp.cfg",
        f"LoadConfig {tmp_path}/lite.ini",
        *built(stand_in.api, tmp_path / "m.mindir"),
    ]


@pytest.mark.parametrize(
    ("precision", "old"),
    [
        ("enforce_fp32", "must_keep_origin_dtype"),
        ("preferred_fp32", "allow_fp32_to_fp16"),
        ("enforce_fp16", "force_fp16"),
        ("enforce_origin", "must_keep_origin_dtype"),
    ],
)
def test_precisions_have_other_names_in_the_older_api(stand_in, tmp_path, precision, old):
    done, calls = stand_in(tmp_path, *ON_DEVICE_1, "--precision", precision)
    assert done.returncode == 0, done.stderr
    assert calls[1] == f"SetPrecisionMode {precision if stand_in.api == 'lite' else old}"


def test_a_cpu_is_asked_for_what_it_has(stand_in, tmp_path):
    done, calls = stand_in(tmp_path, "--warmup", "0", "--threads", "3")
    if stand_in.api == "lite":
        assert done.returncode == 0, done.stderr
        assert calls[:2] == ["SetThreadNum 3", "SetEnableFP16 false"]
    else:
        assert (done.returncode, calls) == (6, [])
        assert "which has Ascend only" in done.stderr


@pytest.mark.parametrize("refused", ["Build", "LoadConfig", "Load"])
def test_a_refusal_is_told_with_its_reason_and_where_to_look(stand_in, tmp_path, refused):
    if refused == "Load" and stand_in.api == "lite":
        pytest.skip("MindSpore Lite loads and builds in one call")
    (tmp_path / "lite.ini").write_text("[ascend_context]")
    options = (*ON_DEVICE_1, "--config_file", tmp_path / "lite.ini")
    done, _ = stand_in(tmp_path, *options, STAND_IN_REFUSES=refused)
    assert done.returncode == {"Build": 6, "LoadConfig": 2, "Load": 4}[refused]
    assert (done.stderr.count("\n"), done.stdout) == (1, "")
    assert f"(the stand-in refuses {refused}" in done.stderr
    assert "GLOG_v=1" in done.stderr
    if refused == "Build":
        assert "there is no /dev/davinci1; CANN's set_env.sh was not sourced), check" in done.stderr
        for part in ("npu-smi", "LD_LIBRARY_PATH", "runtime/lib", "tools/converter/lib"):
            assert part in done.stderr
        done, _ = stand_in(tmp_path, *options, STAND_IN_REFUSES=refused, ASCEND_OPP_PATH="/opp")
        assert "set_env.sh was not sourced" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_the_scripts_know_the_runners_options(stand_in):
    """All but those that the pipeline sets itself."""
    said = subprocess.run([stand_in.runner.program, "--help"], capture_output=True, text=True, check=True).stdout
    options = set(re.findall(r"^  (--\w+)", said, flags=re.M))
    passed = re.search(r'^runner_options="(.*)"$', (ROOT / "scripts/infer.sh").read_text(), flags=re.M)[1].split()
    own = {"--model", "--mindir_path", "--dataset_path", "--output_path", "--device", "--device_id", "--help"}
    own |= {"--pictures", "--description", "--heat_maps", "--device_ids", "--readers"}  # of plain pictures
    own |= {"--bit_depth", "--max_megapixels", "--min_area", "--roi"}  # preprocess.py's and postprocess.py's
    assert set(passed) == options - own


@pytest.mark.slow
@pytest.mark.parametrize("version", OLD)
def test_builds_and_links_with_the_real_library_of(version, tmp_path):
    home = need_old(version)
    need_programs("cmake", "make", "readelf")
    program = build("--mindspore_home", home, "--build_dir", tmp_path)
    needed = subprocess.run(["readelf", "-d", program], capture_output=True, text=True, check=True).stdout
    assert "[libmindspore.so]" in needed


# The release of MindSpore Lite, whose libraries lie in several folders


CONVERTERS = re.compile("converter|opencv|ascend_pass|mslite_shared")


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """The wheel's files as the release for servers has them."""
    need_lite()
    if not (LITE_HOME / "lib").is_dir():
        pytest.skip(f"{LITE_HOME} is a release already")
    home = tmp_path_factory.mktemp("a release")
    runtime, converter, glog = (
        home / name for name in ("runtime/lib", "tools/converter/lib", "runtime/third_party/glog")
    )
    for folder in (runtime, converter, glog):
        folder.mkdir(parents=True)
    for library in (LITE_HOME / "lib").glob("lib*"):
        folder = glog if "glog" in library.name else converter if CONVERTERS.search(library.name) else runtime
        shutil.copy(library, folder)
    (runtime / "libmindspore-lite.so").symlink_to("libmindspore-extendrt_python.so")
    (home / "runtime/include").symlink_to(LITE_HOME / "include")
    return home


def test_a_runner_for_the_release_is_linked_and_runs_without_a_library_path(release, tmp_path, runner, monkeypatch):
    emulator = need_lite()
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)  # other libraries in this process may have set it
    program = Runner(build("--lite_home", release, "--build_dir", tmp_path / "build"), emulator)
    done = program("--help")
    assert (done.returncode, done.stdout) == (0, runner("--help").stdout), done.stderr
    (tmp_path / "no.mindir").write_bytes(MODEL)
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures/a.bin").write_bytes(b"")
    done = program.infer(tmp_path / "no.mindir", tmp_path / "pictures", tmp_path / "out")
    assert done.returncode == 4, done.stderr  # the runtime itself says so
