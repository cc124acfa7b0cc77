"""What several unit tests share."""

import mindspore as ms
import pytest

from tests.support.shallow import shallow  # noqa: F401


@pytest.fixture
def pynative():
    """MindSpore computes operation by operation: compiling would take most of the time of a small network."""
    ms.set_context(mode=ms.PYNATIVE_MODE)
    yield
    ms.set_context(mode=ms.GRAPH_MODE)
