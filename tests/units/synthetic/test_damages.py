"""Every damage is visible, and its mask is exact."""

import numpy as np
import pytest

from src.synthetic.damages import KINDS
from src.synthetic.fabric import draw


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("size", [32, 96])
def test_mask_is_exactly_what_the_damage_changed(kind, size):
    areas = []
    for index in range(6):
        image, mask = draw("cloth", 1, kind, index, size)
        before, nothing = draw("cloth", 1, kind, index, size, defective=False)
        changed = (image != before).any(axis=2)
        assert not nothing.any()
        assert not (changed & ~mask).any()  # outside: the same to the last bit
        assert changed[mask].mean() > 0.9  # inside: changed, but for pixels that came out equal by chance
        assert np.abs(image.astype(int) - before)[mask].mean() > 8  # and visibly so
        areas.append(mask.mean())
    assert max(areas) < 0.2
    assert len(set(areas)) > 1
