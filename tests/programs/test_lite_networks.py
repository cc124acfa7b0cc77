"""Every combination of the options that shape the network, in MindSpore Lite: it builds it and gives the same.

Lite changes a graph before it builds it, and what it makes of operations depends on their neighbours.
"""

from itertools import product

import numpy as np
import pytest
from mindspore import Tensor

from src import checkpoint
from src.deploy.trial import random_images
from tests.support.exported_files import export_random

FEATURES = {
    "as they are": {},
    "pooled": {"feature_pooling": 3},
    "whitened": {"whitening": True},
    "pooled, whitened": {"feature_pooling": 3, "whitening": True},
    "centred, whitened": {"position_mean": True, "whitening": True},
    "pooled, centred, whitened": {"feature_pooling": 3, "position_mean": True, "whitening": True},
}
FLOWS = {"affine": {"norm_affine": True}, "no affine": {"norm_affine": False}}
SEEN = {"whole": {}, "in part": {"keep_aspect": True}}
JUDGED = {  # what comes behind the latents
    "maximum": {},
    "deviation": {"score": "deviation", "map_sigma": 1.0, "map_temperature": 2.0},
    "log_deviation": {"score": "log_deviation", "map_sigma": 0.5},
    "weighted_log_deviation": {"score": "weighted_log_deviation"},
}
BACKBONES = ("resnet18", "efficientnet_lite0")  # that standardise their features, and that do not
COMBINATIONS = list(product(BACKBONES, FEATURES, FLOWS, SEEN))
PLACES = range(len(COMBINATIONS))
# A score rule for each, in turn; for every kind of features it begins with another one, so that each meets all.
RULES = [list(JUDGED)[(place + place // (len(FLOWS) * len(SEEN))) % len(JUDGED)] for place in PLACES]


@pytest.mark.slow
@pytest.mark.parametrize(("combination", "rule"), [*zip(COMBINATIONS, RULES)], ids=map(", ".join, COMBINATIONS))
def test_lite_gives_the_same(combination, rule, runner, tmp_path):
    backbone, features, flow, seen = combination
    options = FEATURES[features] | FLOWS[flow] | SEEN[seen] | JUDGED[rule]
    if "whitening" in options:
        options["gaussian_weight"] = 0.5
    shape = {"backbone": backbone, "im_resize": "32,64", "flow_step": 2}
    _, file = export_random(tmp_path, mindir_version=1, batch_size=1, **shape, **options)
    detector, _ = checkpoint.load_detector(file.parent.parent / "random.ckpt")
    image = random_images(1, (32, 64), detector.architecture.hides)
    wanted = [output.asnumpy() for output in detector.set_train(False)(Tensor(image))]
    pictures, results = tmp_path / "pictures", tmp_path / "results"
    pictures.mkdir()
    image.tofile(pictures / "p.bin")
    done = runner.infer(file, pictures, results)
    assert done.returncode == 0, done.stderr
    for name, right in zip(("anomaly_map", "score"), wanted, strict=True):
        found = np.fromfile(results / f"p_{name}.bin", np.float32).reshape(right.shape)
        assert np.ptp(right) > 0 or name == "score"
        np.testing.assert_allclose(found, right, atol=1e-4)
