"""The views of pictures: what is said of those that cannot be looked at."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from src.data.framing import Framing
from src.data.roi import Roi
from src.data.samples import Sample
from src.data.tiling import Tiling
from src.predictor.viewing import views_of_samples
from src.utils import UserError
from tests.units.predictor.test_network import network

NAMES = ("good", "unseen", "also good", "damaged")


@pytest.fixture
def samples(tmp_path):
    """Four pictures, of which the network would see nothing of one, and one cannot be read; each has a mask."""
    (tmp_path / "masks").mkdir()
    for name in NAMES:
        Image.fromarray(np.full((48, 64, 3), 100, np.uint8)).save(tmp_path / f"{name}.png")
        mask = np.zeros((48, 64), np.uint8)
        mask[(0, 0) if name == "unseen" else slice(None)] = 255
        Image.fromarray(mask).save(tmp_path / "masks" / f"{name}.png")
    (tmp_path / "damaged.png").write_bytes(b"no picture")
    return [Sample(tmp_path / f"{name}.png", 0, "good", None, name) for name in NAMES]


@pytest.mark.parametrize("tiling", [None, Tiling((32, 32), 8)])
def test_what_cannot_be_looked_at_costs_no_other_picture(samples, tiling, tmp_path):
    looking = network(lambda images: (images[:, :1], images[:, 0, 0, 0]))
    framing = Framing((4, 4), roi=Roi.given(str(tmp_path / "masks")), tiling=tiling)
    readable, views, unreadable = views_of_samples(replace(looking, framing=framing), samples, 1)
    assert [sample.name for sample in readable] == ["good", "also good"]
    assert [view.size for view in views] == [(64, 48)] * 2
    assert unreadable["unseen"] == f"--roi: nothing of {samples[1].picture} is seen at 4x4 pixels; mark more"
    assert str(samples[3].picture) in unreadable["damaged"]


def test_values_that_are_not_finite_end_the_run_all_the_same(samples):
    broken = network(lambda images: (images[:, :1] + np.nan, images[:, 0, 0, 0]))
    framing = Framing((4, 4), tiling=Tiling((32, 32), 8))
    with pytest.raises(UserError, match="not finite"):
        views_of_samples(replace(broken, framing=framing), samples[:1], 1)
