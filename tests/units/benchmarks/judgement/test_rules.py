"""Map and score rules: today's is the network's own, smoothing is SciPy's, a picture wrong everywhere scores high."""

import numpy as np
import pytest
from mindspore import Tensor

from benchmarks.judgement.rules import (
    MAP_RULES,
    ORIGINAL,
    REFERENCE_SIZE,
    SCORE_RULES,
    MapRule,
    deviation_or_level,
    top_share,
)
from src.anomaly_map import AnomalyMap, ImageScore, LogEnergy

SIZE = 32
SIZES = (8, 4, 2)


def latents(seed=0, count=3):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((count, 6, size, size)).astype(np.float32) for size in SIZES]


def energies(seed=0, count=3):
    return [0.5 * (z * z).mean(1) for z in (*latents(seed, count), *latents(seed + 10, count))]


def test_todays_rules_are_the_networks():
    network = AnomalyMap(SIZES, SIZE)
    wanted = network(tuple(map(Tensor, latents())))
    maps = ORIGINAL(energies(), energies(1), SIZE)
    np.testing.assert_allclose(maps, wanted.asnumpy()[:, 0], atol=1e-5)
    np.testing.assert_allclose(SCORE_RULES["maximum"](maps, maps), ImageScore()(wanted).asnumpy(), atol=1e-5)


@pytest.mark.parametrize(("sigma", "temperature"), [(0.0, 2.0), (3.0, 1.0), (2.0, 0.5)])
def test_smoothed_maps_and_their_scores_are_the_networks(sigma, temperature):
    network, score = AnomalyMap(SIZES, SIZE, sigma, temperature), ImageScore("deviation")
    rule = MapRule("exp", sigma * REFERENCE_SIZE / SIZE, temperature)
    maps, good = (rule(energies(seed), energies(1), SIZE) for seed in (0, 1))
    score.level.set_data(Tensor(good.mean((1, 2)).max(keepdims=True)))
    wanted = network(tuple(map(Tensor, latents())))
    np.testing.assert_allclose(maps, wanted.asnumpy()[:, 0], atol=1e-5)
    np.testing.assert_allclose(deviation_or_level(maps, good), score(wanted).asnumpy(), atol=1e-5)


def test_a_calibrated_map_is_0_and_1_at_the_quantiles():
    good = [np.linspace(0, 1, 16 * size * size, dtype=np.float32).reshape(16, size, size) for size in 2 * SIZES]
    low, high = ([np.full((1, size, size), value, np.float32) for size in 2 * SIZES] for value in (0.9, 0.995))
    rule = MapRule("calibrated")
    np.testing.assert_allclose(rule(low, good, SIZE), 0, atol=1e-4)
    np.testing.assert_allclose(rule(high, good, SIZE), 1, atol=1e-4)


def test_weighted_logarithms_are_the_networks():
    good, network = energies(1), LogEnergy(SIZES, weighted=True)
    inverse = np.array([1 / np.log(q).var() for q in good[:3]])
    for weight, value in zip(network.weights, inverse / inverse.mean()):
        weight.value.set_data(Tensor(np.full((1, 1, 1), value, np.float32)))
    wanted = network(tuple(map(Tensor, latents()))).asnumpy()[:, 0]
    maps = MapRule("weighted log")(energies(), good, SIZES[0])
    np.testing.assert_allclose(maps - maps.mean(), wanted - wanted.mean(), atol=1e-5)  # q is half of the energy


def test_every_rule_has_a_name_of_its_own():
    assert len({str(rule) for rule in MAP_RULES}) == len(MAP_RULES)


def test_the_mean_of_the_highest_pixels():
    maps = np.arange(100.0).reshape(1, 10, 10)
    assert top_share(maps, 0.03) == pytest.approx([98.0])
    assert top_share(maps, 0.001) == pytest.approx([99.0])


def test_a_picture_that_is_wrong_everywhere_scores_high_by_the_level_only():
    rng = np.random.default_rng(0)
    good = (-0.8 + 0.02 * rng.random((20, SIZE, SIZE))).astype(np.float32)
    flat = np.full((1, SIZE, SIZE), -0.1, np.float32)
    for name, found in (("standard deviation", False), ("deviation or level", True), ("maximum", True)):
        score = SCORE_RULES[name]
        assert (score(flat, good) > score(good, good).max()).all() == found, name


def test_a_gaussians_share_is_the_networks():
    network = AnomalyMap(SIZES, SIZE)
    flow, gaussian = (network(tuple(map(Tensor, latents(seed)))).asnumpy()[:, 0] for seed in (0, 10))
    maps = MapRule("exp", gaussian=0.25)(energies(), energies(1), SIZE)
    np.testing.assert_allclose(maps, 0.75 * flow + 0.25 * gaussian, atol=1e-5)
