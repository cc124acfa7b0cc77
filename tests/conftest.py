"""The CPU, prepared as the programs prepare it, before any test imports MindSpore."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from src import device

device.prepare("CPU")

import pytest

from src.synthetic import make_category
from tests.programs import converted_weights


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """A generated category of 64-pixel pictures."""
    root = tmp_path_factory.mktemp("data with spaces")
    make_category(root, "fabric", train=12, good=4, defects=8, image_size=64, seed=3)
    return root


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    """EfficientNet-Lite0's real weights, converted by the real program."""
    return converted_weights(tmp_path_factory.mktemp("weights") / "lite0.ckpt")
