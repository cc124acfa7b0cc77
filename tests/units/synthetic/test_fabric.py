"""Images of one fabric look alike, but they are not the same."""

import numpy as np

from src.synthetic.fabric import draw


def test_images_of_one_fabric_vary_mildly():
    images = np.stack([draw("cloth", 0, "train", i, 64)[0] for i in range(4)]).astype(float)
    means = images.mean(axis=(1, 2))
    assert 1 < np.ptp(means, axis=0).max() < 40
    assert np.abs(images[0] - images[1]).mean() > 5
