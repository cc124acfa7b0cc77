"""Vision transformers of two blocks in the place of the real ones, of 8 and 41: all else, names included, is theirs."""

from functools import partial

import pytest

from benchmarks import torch_encoders, torch_transformers
from src.cait import cait
from src.deit import deit
from src.encoder import ENCODERS

DEPTH = 2
TRANSFORMERS = {
    "deit_base_distilled_patch16_384": (deit, torch_transformers.deit),
    "cait_m48_448": (cait, torch_transformers.cait),
}


@pytest.fixture(autouse=True)
def shallow(monkeypatch):
    """Both sides' transformers have `DEPTH` blocks, and the published files one more, which is left out."""
    for name, (spec, reference) in TRANSFORMERS.items():
        monkeypatch.setitem(ENCODERS, name, spec(DEPTH))
        monkeypatch.setitem(torch_encoders.TRANSFORMERS, name, partial(reference, DEPTH + 1, DEPTH))
