"""The CPU, prepared as the programs prepare it, before any test imports MindSpore."""

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import pytest

from src.runtime import device

device.prepare("CPU")

# Compiled graphs are kept (--graph_cache auto) in a folder of the test session and not in the user's. The processes of
# pytest-xdist inherit it, so that a graph is compiled once for all of them.
if "PYTEST_XDIST_WORKER" not in os.environ:
    os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="fastflow_tests_")
    atexit.register(shutil.rmtree, os.environ["XDG_CACHE_HOME"], ignore_errors=True)

pytest.register_assert_rewrite("tests.support")  # so that what the helpers assert is told in full


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """The random weights of MindSpore's and PyTorch's layers are the same in every run, whatever tests came before."""
    for library, seed in (("mindspore", "set_seed"), ("torch", "manual_seed")):
        if library in sys.modules:
            getattr(sys.modules[library], seed)(0)


# Fixtures for every test.
from tests.support.browser import browser  # noqa: F401
from tests.support.exported_files import exported, exported_onnx  # noqa: F401
from tests.support.programs import data, trained, weights  # noqa: F401
from tests.support.runner_toolchain import native, runner, sanitized  # noqa: F401
