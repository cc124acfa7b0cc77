"""The C++ runner, built for the tests against the MindSpore Lite that scripts/install_runner_toolchain.sh fetches."""

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

from src import ROOT
from tests.support.programs import made_once

SOURCE = ROOT / "ascend310_infer"
LITE_HOME = Path(os.environ.get("LITE_HOME") or ROOT / "build/mindspore-lite-2.0.0/mindspore_lite")
OLD_HOMES = {version: ROOT / f"build/mindspore-{version}/mindspore" for version in ("1.8.1", "1.10.0")}
ONNXRUNTIME_HOME = Path(os.environ.get("ONNXRUNTIME_HOME") or ROOT / "build/onnxruntime")
INSTALL = "run scripts/install_runner_toolchain.sh"


def unavailable(reason: str) -> NoReturn:
    """Skip the test, or fail it where nothing may be skipped (the environment variable CI is set)."""
    if os.environ.get("CI"):
        pytest.fail(f"{reason}, and CI is set", pytrace=False)
    pytest.skip(reason)


def need_programs(*names: str, remedy: str = INSTALL) -> None:
    """Skip or fail, as `unavailable`, unless all these programs are on the path."""
    missing = [name for name in names if shutil.which(name) is None]
    if missing:
        unavailable(f"{', '.join(missing)} not found; {remedy}")


def need_old(version: str) -> Path:
    """The folder of MindSpore 1.8.1 or 1.10.0 for Ascend; skip or fail, as `unavailable`, where it was not fetched."""
    home = OLD_HOMES[version]
    if not (home / "lib/libmindspore.so").exists():
        unavailable(f"no MindSpore {version} in {home}; {INSTALL} --with-1.8")
    return home


def build(*arguments: str | os.PathLike) -> Path:
    """Run build.sh, which must succeed; returns the program's path, its last line."""
    done = subprocess.run(
        ["bash", SOURCE / "build.sh", *arguments], capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return Path(done.stdout.splitlines()[-1])


def built_once(tmp_path_factory: pytest.TempPathFactory, name: str, *arguments: str | os.PathLike) -> Path:
    """As `build`, in a folder of this name that all processes of pytest-xdist share."""
    return Path(made_once(tmp_path_factory, name, lambda new: str(build(*arguments, "--build_dir", new)))[1])


@dataclass(frozen=True)
class Runner:
    """A built runner.

    Attributes:
        program: the executable.
        emulator: the words before it that make it run on this machine.
    """

    program: Path
    emulator: tuple[str, ...]

    def __call__(self, *arguments: object, **options: object) -> subprocess.CompletedProcess:
        """Run it to the end with its output as text; `options` go to subprocess.run."""
        environment = {**os.environ, "GLOG_v": "4"}  # without the runtime's own log
        command = [*self.emulator, str(self.program), *map(str, arguments)]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=600, env=environment, check=False, **options
        )

    def infer(
        self, mindir: Path, dataset: Path, output: Path, *more: object, **options: object
    ) -> subprocess.CompletedProcess:
        """Run a model over a folder of pictures on two threads without warm-up, but for what `more` adds."""
        paths = ("--mindir_path", mindir, "--dataset_path", dataset, "--output_path", output)
        defaults = {"--threads": 2, "--warmup": 0}
        kept = [word for name, value in defaults.items() if name not in more for word in (name, value)]
        return self(*paths, *kept, *more, **options)


def need_lite() -> tuple[str, ...]:
    """Skip or fail, as `unavailable`, without MindSpore Lite and its tools; the words that make its programs run."""
    if not (LITE_HOME / "lib").is_dir() and not (LITE_HOME / "runtime").is_dir():
        unavailable(f"no MindSpore Lite in {LITE_HOME}; {INSTALL}")
    need_programs("cmake", "make")
    if platform.machine() == "aarch64":
        return ()
    need_programs("aarch64-linux-gnu-g++", "qemu-aarch64")
    return ("qemu-aarch64", "-L", "/usr/aarch64-linux-gnu")


@pytest.fixture(scope="session")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """The runner, freshly built for MindSpore Lite's CPU (under qemu on x86-64) in a folder with a space."""
    emulator = need_lite()
    return Runner(built_once(tmp_path_factory, "runner build", "--lite_home", LITE_HOME), emulator)


def need_onnxruntime() -> None:
    """Skip or fail, as `unavailable`, without what the runner for this machine's own CPU is built of."""
    if not (ONNXRUNTIME_HOME / "include/onnxruntime_cxx_api.h").exists():
        unavailable(f"no onnxruntime with headers in {ONNXRUNTIME_HOME}; {INSTALL}")
    need_programs("cmake", "make", "g++")


@pytest.fixture(scope="session")
def native(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """The runner, freshly built for onnxruntime on this machine's own CPU, in a folder with a space."""
    need_onnxruntime()
    return Runner(built_once(tmp_path_factory, "native build", "--onnxruntime_home", ONNXRUNTIME_HOME), ())


@pytest.fixture(scope="session", params=["--sanitize", "--sanitize_threads"])
def sanitized(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """As `native`, with the sanitizers of addresses and undefined behaviour, and with that of threads.

    That of threads cannot see how onnxruntime's own threads wait for each other, and looks at the runner's code only.
    """
    need_onnxruntime()
    own_code = ("env", "TSAN_OPTIONS=ignore_noninstrumented_modules=1")
    arguments = ("--onnxruntime_home", ONNXRUNTIME_HOME, request.param)
    return Runner(built_once(tmp_path_factory, f"build{request.param}", *arguments), own_code)
