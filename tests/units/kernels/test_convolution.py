"""3x3 convolutions of the CPU kernels: their choice, and every shape against float64, on every kind of processor; and
a step of Adam.

The kernels run in programs of their own (`tests.support.kernel_calls`), since oneDNN is limited to AVX2 here.
"""

import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from src.kernels import library
from src.kernels.convolution import CONVOLUTIONS, output_tile
from tests.support import encoder_calls, kernel_calls
from tests.support.programs import ROOT
from tests.support.runner_toolchain import need_programs, unavailable

PROCESSORS = ("AVX512", "AVX2", "SSE41")  # the last has no Winograd tiles: it computes directly in their place
LIMITS = {"AVX512": "AVX512_CORE", "AVX2": "AVX2", "SSE41": "SSE41"}
# Largest errors over the largest value. The direct convolution adds up all products of an output one by one.
DIRECT_ERROR, WEIGHTS_ERROR = 3e-6, 6e-6
ERRORS = {2: 1.5e-6, 4: 5e-6}


@pytest.fixture(scope="module")
def built():
    """The path of the built kernels."""
    if not library.path().exists():
        unavailable(f"the CPU kernels are not built; {library.BUILD}")
    return library.path()


def calls(path, kind, processor="AVX512", program="kernel_calls", **environment):
    """What a program of `tests.support` prints for a library."""
    if processor == "AVX512" and "avx512f" not in Path("/proc/cpuinfo").read_text():
        pytest.skip("this processor has no AVX-512")
    variables = os.environ | {"ONEDNN_MAX_CPU_ISA": LIMITS[processor]} | environment
    command = [sys.executable, "-m", f"tests.support.{program}", str(path), kind]
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=600)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


@pytest.fixture(scope="module", params=PROCESSORS)
def errors(built, request):
    """Whether the processor has Winograd's tiles, and the errors of all cases on it."""
    return request.param != "SSE41", calls(built, "errors", request.param)


@pytest.mark.parametrize("tile", kernel_calls.TILES)
@pytest.mark.parametrize("case", kernel_calls.CASES)
def test_a_convolution_and_its_gradients(errors, case, tile):
    has_tiles, found = errors
    for name, error in found[f"{case}, {tile}"].items():
        if tile and has_tiles:
            assert error < ERRORS[tile], name
        else:
            assert error < (WEIGHTS_ERROR if name.startswith("gradient") else DIRECT_ERROR), name


def test_a_step_of_adam(errors):
    _, found = errors
    assert found["Adam"].keys() == set(kernel_calls.ADAM_KINDS)
    assert max(found["Adam"].values()) < 3e-7


@pytest.mark.parametrize("processor", PROCESSORS)
def test_an_encoders_operations(built, processor):
    found = calls(built, "errors", processor, "encoder_calls")
    assert len(found) == len(encoder_calls.CASES) * len(kernel_calls.TILES)
    for case, errors in found.items():
        assert errors.keys() == set(encoder_calls.OUTPUTS)
        for name, error in errors.items():  # of two or three convolutions, one after the other
            assert error < 1e-5, (case, name)


@pytest.fixture(scope="module")
def cores(tmp_path_factory):
    """A function: the environment of a program that believes to have so many cores, and a share of their time as a
    container has it."""
    need_programs("g++")
    folder = tmp_path_factory.mktemp("cores")
    (folder / "cores.cc").write_text("""
        #include <dlfcn.h>
        #include <sched.h>
        #include <cstdio>
        #include <cstdlib>
        #include <cstring>
        extern "C" FILE* fopen64(const char* path, const char* mode) {
            const bool is_share = std::strcmp(path, "/sys/fs/cgroup/cpu.max") == 0;
            static const auto open = reinterpret_cast<FILE* (*)(const char*, const char*)>(dlsym(RTLD_NEXT, "fopen64"));
            return open(is_share ? std::getenv("SHARE") : path, mode);
        }
        extern "C" int sched_getaffinity(pid_t, size_t size, cpu_set_t* set) noexcept {
            CPU_ZERO_S(size, set);
            for (int i = 0; i < std::atoi(std::getenv("CORES")); ++i) CPU_SET_S(i, size, set);
            return 0;
        }""")
    command = ["g++", "-shared", "-fPIC", "-o", str(folder / "cores.so"), str(folder / "cores.cc")]
    subprocess.run(command, check=True)

    def environment(count, share="max 100000\n"):
        (folder / "share").write_text(share)
        return {"CORES": str(count), "SHARE": str(folder / "share"), "LD_PRELOAD": str(folder / "cores.so")}

    return environment


@pytest.mark.parametrize(
    ("share", "threads"),
    [
        ("max 100000\n", 16),
        ("300000 100000\n", 3),
        ("250000 100000\n", 3),
        ("5000 100000\n", 1),
        ("9000000 100000\n", 16),
    ],
)
def test_there_are_as_many_threads_as_cores_and_a_containers_share_of_them(built, cores, share, threads):
    program = """if True:
        import ctypes, os, sys
        from tests.support import kernel_calls
        before = len(os.listdir("/proc/self/task"))
        kernel_calls.step(ctypes.CDLL(sys.argv[1]), kernel_calls.CASES["one pixel"], 0)
        print(len(os.listdir("/proc/self/task")) - before + 1)"""
    variables = os.environ | {"ONEDNN_MAX_CPU_ISA": "AVX2"} | cores(16, share)
    command = [sys.executable, "-c", program, str(built)]
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=600)
    assert (done.stdout, done.stderr) == (f"{threads}\n", "")


@pytest.mark.parametrize("processor", ["AVX512", "AVX2"])
def test_an_encoders_operations_are_the_same_for_any_number_of_threads(built, cores, processor):
    one, *others = (calls(built, "digests", processor, "encoder_calls", **cores(count)) for count in (1, 2, 3, 16))
    assert len(one) == len(encoder_calls.CASES) * len(kernel_calls.TILES)
    assert others == [one] * 3


@pytest.mark.parametrize("processor", ["AVX512", "AVX2"])
def test_winograd_and_adam_are_the_same_for_any_number_of_threads(built, cores, processor):
    one, *others = (calls(built, "digests", processor, **cores(count)) for count in (1, 2, 3, 16))
    by_tiles = [name for name in one if name.endswith((", 2", ", 4"))]
    assert len(by_tiles) == 2 * len(kernel_calls.CASES)
    for name, other in itertools.product([*by_tiles, "Adam"], others):
        assert other[name] == one[name], name


@pytest.mark.parametrize("convolution", CONVOLUTIONS)
def test_the_choice_is_among_what_is_allowed(convolution):
    allowed = {"direct": {0}, "winograd2": {0, 2}, "winograd4": {0, 2, 4}}[convolution]
    shapes = itertools.product((1, 8), (1, 12, 16, 300), (12, 64), range(1, 20), (1, 3, 7, 16))
    found = {output_tile(convolution, b, (i, o), h, w) for b, i, o, h, w in shapes}
    assert found == allowed


@pytest.mark.parametrize(
    ("pictures", "channels", "height", "width", "tile"),
    [
        (8, (128, 256), 64, 64, 4),  # WideResNet-50-2's flow
        (1, (512, 1024), 16, 16, 4),
        (8, (12, 24), 64, 64, 4),  # EfficientNet-Lite0's
        (8, (64, 64), 5, 7, 2),  # four tiles of 4 x 4 would cover nearly twice the map
        (8, (3, 64), 64, 64, 0),  # an encoder's first one
        (8, (64, 3), 64, 64, 0),
        (1, (512, 512), 8, 8, 2),  # four tiles of 4 x 4 spare less than the transforms of so many weights cost
        (1, (512, 512), 3, 3, 0),
        (300, (64, 64), 1, 1, 0),
    ],
)
def test_the_choice_by_shape(pictures, channels, height, width, tile):
    assert output_tile("winograd4", pictures, channels, height, width) == tile
    assert output_tile("winograd2", pictures, channels, height, width) == min(tile, 2)
    assert output_tile("direct", pictures, channels, height, width) == 0


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """A function: the library as a compiler makes it with these flags."""

    def build(compiler, *flags):
        need_programs(compiler, remedy="install g++ and clang")
        folder = tmp_path_factory.mktemp("compiled")
        shutil.copy(ROOT / "pyproject.toml", folder)
        for name in ("src", "scripts"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        environment = os.environ | {"PYTHON": sys.executable, "CXX": compiler, "CXXFLAGS": " ".join(flags)}
        command = ["bash", str(folder / "scripts/build_cpu_kernels.sh")]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()[-1]

    return build


def runtime_of(sanitizer):
    """The file of a sanitizer's runtime library, which must be loaded before all others."""
    done = subprocess.run(["g++", f"-print-file-name=lib{sanitizer}.so"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.slow
@pytest.mark.parametrize("processor", ["AVX512", "AVX2"])
@pytest.mark.parametrize("program", ["kernel_calls", "encoder_calls"])
def test_the_address_and_undefined_behaviour_sanitizers_find_nothing(compiled, cores, processor, program):
    path = compiled("g++", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    environment = cores(4)
    environment["LD_PRELOAD"] = f"{runtime_of('asan')} {environment['LD_PRELOAD']}"
    assert calls(path, "digests", processor, program, ASAN_OPTIONS="detect_leaks=0", **environment)  # Python leaks


@pytest.mark.slow
@pytest.mark.parametrize("processor", ["AVX512", "AVX2"])
@pytest.mark.parametrize("program", ["kernel_calls", "encoder_calls"])
def test_the_thread_sanitizer_finds_nothing(compiled, cores, processor, program):
    path = compiled("g++", "-O1", "-g", "-fsanitize=thread")
    environment = cores(4)
    environment["LD_PRELOAD"] = f"{runtime_of('tsan')} {environment['LD_PRELOAD']}"
    assert calls(path, "digests", processor, program, **environment)


@pytest.mark.slow
@pytest.mark.parametrize("processor", PROCESSORS)
@pytest.mark.parametrize("program", ["kernel_calls", "encoder_calls"])
def test_clang_compiles_the_same(compiled, processor, program):
    found = calls(compiled("clang++", "-Wall", "-Wextra", "-Wpedantic", "-Werror"), "errors", processor, program)
    assert max(max(errors.values()) for errors in found.values()) < 2 * WEIGHTS_ERROR
