"""The CPU, prepared as the programs prepare it, before any test imports MindSpore."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from src import device

device.prepare("CPU")

from tests.runner_toolchain import runner  # noqa: F401  a fixture for every test that runs the C++ runner
