"""The CPU, prepared as the programs prepare it, before any test imports MindSpore."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from src import device

device.prepare("CPU")

# Fixtures for every test.
from tests.programs import data, trained, weights  # noqa: F401
from tests.runner_toolchain import runner  # noqa: F401
