"""The map's smoothing and the score's rules; that the map is PyTorch's is tested with the whole network."""

import numpy as np
import pytest
import torch
from mindspore import Tensor
from scipy.ndimage import gaussian_filter1d

from src.anomaly_map import AnomalyMap, ImageScore, LogEnergy, gaussian_matrix
from src.network_options import SCORES


@pytest.mark.parametrize("size", [5, 32])
@pytest.mark.parametrize("sigma", [0.5, 1.0, 3.0, 7.0])
def test_smoothing_is_scipys(size, sigma):
    values = np.random.default_rng(0).standard_normal(size)
    wanted = gaussian_filter1d(values, sigma, mode="reflect")
    np.testing.assert_allclose(gaussian_matrix(size, sigma) @ values, wanted, atol=1e-6)


def test_no_smoothing_changes_nothing():
    np.testing.assert_array_equal(gaussian_matrix(4, 0), np.eye(4))


def test_a_smoothed_map_of_equal_latents_is_the_same_everywhere():
    z = Tensor(np.full((1, 3, 4, 4), 1.0, np.float32))
    found = AnomalyMap((4,), 32, sigma=5.0, temperature=2.0)((z,)).asnumpy()
    np.testing.assert_allclose(found, -np.exp(-1.0), atol=1e-6)


@pytest.mark.parametrize("rule", SCORES)
def test_scores(rule):
    rng = np.random.default_rng(0)
    maps = (-0.8 + 0.1 * rng.random((4, 1, 16, 16))).astype(np.float32)
    maps[1, :, 4:8, 4:8] = -0.1  # a defect
    maps[2] = -0.1  # wrong everywhere
    score = ImageScore(rule)
    if rule != "maximum":
        score.level.set_data(Tensor(np.array([-0.75], np.float32)))
        wanted = [*maps[:2].std((1, 2, 3)), 0.65, maps[3].std()]
    else:
        wanted = maps.max((1, 2, 3))
    found = score(Tensor(maps)).asnumpy()
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    assert min(found[1], found[2]) > 1.5 * max(found[0], found[3]) or rule == "maximum"


def test_before_good_images_are_known_a_flat_high_map_scores_high():
    maps = np.stack([np.full((1, 8, 8), value, np.float32) for value in (-0.9, -0.1)])
    found = ImageScore("deviation")(Tensor(maps)).asnumpy()
    np.testing.assert_allclose(found, [1.1, 1.9], atol=1e-6)


def test_log_energy_is_the_mean_of_the_logarithms_at_the_first_scales_size():
    rng = np.random.default_rng(0)
    latents = [rng.normal(size=(2, 5, size, size)).astype(np.float32) for size in (16, 8)]
    found = LogEnergy((16, 8))(tuple(map(Tensor, latents))).asnumpy()
    fine, coarse = (torch.log(torch.from_numpy(z).square().mean(1, keepdim=True)) for z in latents)
    coarse = torch.nn.functional.interpolate(coarse, size=16, mode="bilinear", align_corners=False)
    np.testing.assert_allclose(found, 0.5 * (fine + coarse), atol=1e-5)


def test_weights_are_factors_of_the_scales():
    latents = [
        np.random.default_rng(s).normal(size=(2, 5, size, size)).astype(np.float32) for s, size in ((0, 16), (1, 8))
    ]
    energy = LogEnergy((16, 8), weighted=True)
    for weight, value in zip(energy.weights, (0.5, 1.5)):
        weight.value.set_data(Tensor(np.full((1, 1, 1), value, np.float32)))
    found = energy(tuple(map(Tensor, latents))).asnumpy()
    fine, coarse = (torch.log(torch.from_numpy(z).square().mean(1, keepdim=True)) for z in latents)
    coarse = torch.nn.functional.interpolate(coarse, size=16, mode="bilinear", align_corners=False)
    np.testing.assert_allclose(found, 0.25 * fine + 0.75 * coarse, atol=1e-5)


def test_a_factor_on_all_energies_moves_the_log_deviation_by_nothing():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(1, 5, 16, 16)).astype(np.float32)
    z[:, :, 4:8, 4:8] *= 3  # a defect
    energy, score = LogEnergy((16,)), ImageScore("log_deviation")
    score.level.set_data(Tensor(np.array([10], np.float32)))
    once, brighter = (score(energy((Tensor(factor * z),))).asnumpy() for factor in (1, 2))
    np.testing.assert_allclose(once, brighter, atol=1e-5)


def test_latents_of_zeros_have_finite_scores():
    zeros = (Tensor(np.zeros((1, 3, 4, 4), np.float32)),)
    assert np.isfinite(ImageScore("log_deviation")(LogEnergy((4,))(zeros)).asnumpy()).all()


def test_an_oblong_map_is_as_pytorch_resizes_it():
    latents = [np.random.default_rng(s).standard_normal((2, 5, 4 * s, 6 * s)).astype(np.float32) for s in (2, 1)]
    found = AnomalyMap(((8, 12), (4, 6)), (32, 48))(tuple(map(Tensor, latents))).asnumpy()
    wanted = 0
    for z in latents:
        one = torch.from_numpy(-np.exp(-0.5 * (z * z).mean(1, keepdims=True)))
        wanted = wanted + torch.nn.functional.interpolate(one, (32, 48), mode="bilinear") / 2
    np.testing.assert_allclose(found, wanted.numpy(), atol=1e-5)
