"""Whitening and pooling of features, and a Gaussian's share of the map."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from mindspore import Tensor, ops

from src import whitening
from src.config import parse
from src.dataset import normalize
from src.detector import Architecture, Detector
from src.encoder import ENCODERS, MeanPool
from src.features import EncodedPictures
from src.utils import UserError
from src.whitening import DOUBTED, LEAST_VARIANCE, Moments, whitening_matrix

TINY = Architecture("efficientnet_lite0", im_resize=64, flow_step=1, hidden_ratio=0.2, norm_affine=False)
IMAGES = np.random.default_rng(0).integers(0, 256, (5, 64, 64, 3), np.uint8)


def test_moments_are_numpys_over_all_positions():
    features = np.random.default_rng(1).normal(3, 2, (5, 4, 6, 7)).astype(np.float32)
    moments = Moments(4, 6, 7)
    moments.add(features[:2])
    moments.add(features[2:])
    values = features.transpose(1, 0, 2, 3).reshape(4, -1)
    mean, covariance = moments.mean_and_covariance()
    np.testing.assert_allclose(mean, values.mean(1), rtol=1e-6)
    np.testing.assert_allclose(covariance, np.cov(values, bias=True), rtol=1e-5, atol=1e-6)


def test_means_at_positions_are_drawn_to_the_mean_of_all():
    rng = np.random.default_rng(5)
    features = rng.normal(size=(6, 3, 2, 4)) + 3 * rng.normal(size=(3, 2, 4))
    moments = Moments(3, 2, 4)
    moments.add(features)
    means, covariance = moments.position_means_and_covariance()
    overall = features.mean((0, 2, 3))[:, None, None]
    wanted = overall + 6 / (6 + DOUBTED) * (features.mean(0) - overall)
    np.testing.assert_allclose(means, wanted)
    rest = (features - wanted).transpose(1, 0, 2, 3).reshape(3, -1)
    np.testing.assert_allclose(rest.mean(1), 0, atol=1e-12)
    np.testing.assert_allclose(covariance, np.cov(rest, bias=True))


def test_the_matrix_whitens_and_is_symmetric():
    rng = np.random.default_rng(2)
    values = (np.eye(3) + 0.3 * rng.normal(size=(3, 3))) @ rng.normal(size=(3, 5000)) + 4
    mean, covariance = values.mean(1), np.cov(values, bias=True)
    matrix, offset = whitening_matrix(mean, covariance)
    white = matrix @ values + offset[:, None]
    floor = LEAST_VARIANCE * np.linalg.eigvalsh(covariance).mean()
    assert np.linalg.eigvalsh(covariance).min() > floor
    np.testing.assert_allclose(np.cov(white, bias=True), np.eye(3), atol=1e-8)
    np.testing.assert_allclose(white.mean(1), 0, atol=1e-8)
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-12)


def test_directions_without_variance_are_not_spread():
    matrix, _ = whitening_matrix(np.zeros(2), np.diag([2.0, 0.0]))
    np.testing.assert_allclose(matrix, np.diag([1 / np.sqrt(2), 1 / np.sqrt(LEAST_VARIANCE)]))


@pytest.mark.parametrize("window", [3, 5])
def test_pooling_is_pytorchs_mean_of_what_is_there(window):
    x = np.random.default_rng(3).normal(size=(2, 3, 8, 8)).astype(np.float32)
    pool = torch.nn.AvgPool2d(window, 1, window // 2, count_include_pad=False)
    np.testing.assert_allclose(MeanPool(8, window)(Tensor(x)).asnumpy(), pool(torch.from_numpy(x)), atol=1e-6)


def test_fitted_features_are_white_and_without_options_nothing_changes(pynative):
    plain, white = Detector(TINY).encoder, Detector(replace(TINY, whitening=True)).encoder
    for name, parameter in plain.backbone.parameters_and_names():
        dict(white.backbone.parameters_and_names())[name].set_data(parameter)
    spec = ENCODERS[TINY.backbone]
    batch = Tensor(normalize(IMAGES, spec.mean, spec.std))
    for one, other in zip(plain(batch), white(batch)):
        np.testing.assert_allclose(one.asnumpy(), other.asnumpy(), atol=1e-5)
    whitening.fit(white, EncodedPictures(white, IMAGES, TINY.backbone))
    for before, after in zip(plain(batch), white(batch)):
        moments = Moments(*before.shape[1:])
        moments.add(before.asnumpy())
        matrix, offset = whitening_matrix(*moments.mean_and_covariance())
        wanted = np.einsum("oc,nchw->nohw", matrix, before.asnumpy()) + offset[:, None, None]
        np.testing.assert_allclose(after.asnumpy(), wanted, atol=1e-3)


def test_a_picture_is_compared_with_the_good_ones_place_by_place(pynative):
    half = IMAGES.copy()
    half[:, :, 32:] = 128 + half[:, :, 32:] // 16  # products whose right half is plain
    spec, (whole, placed) = (
        ENCODERS[TINY.backbone],
        (Detector(replace(TINY, whitening=True, position_mean=by_position)).encoder for by_position in (False, True)),
    )
    for name, parameter in whole.backbone.parameters_and_names():
        dict(placed.backbone.parameters_and_names())[name].set_data(parameter)
    for encoder in (whole, placed):
        whitening.fit(encoder, EncodedPictures(encoder, half, TINY.backbone))
    mirrored = Tensor(normalize(half[:, :, ::-1], spec.mean, spec.std))
    batch = Tensor(normalize(half, spec.mean, spec.std))
    for features in placed(batch):
        np.testing.assert_allclose(features.asnumpy().mean((0, 2, 3)), 0, atol=1e-3)
    energies = [[(encoder(images)[0] ** 2).mean() for images in (batch, mirrored)] for encoder in (whole, placed)]
    rise = [float(after / before) for before, after in energies]
    assert rise[0] == pytest.approx(1, abs=0.2)
    assert rise[1] > 1.5


def test_a_gaussians_share_of_the_map_and_none_of_the_score(pynative):
    batch = Tensor(np.random.default_rng(4).normal(size=(2, 3, 64, 64)).astype(np.float32))
    architecture = replace(TINY, whitening=True, feature_pooling=3, score="deviation")
    detectors = [Detector(replace(architecture, gaussian_weight=weight)) for weight in (0.0, 0.25, 1.0)]
    for other in detectors[1:]:
        for name, parameter in detectors[0].parameters_and_names():
            dict(other.parameters_and_names())[name].set_data(parameter)
    (flow, score), (mixed, mixed_score), (gaussian, _) = (detector(batch) for detector in detectors)
    np.testing.assert_allclose(mixed.asnumpy(), 0.75 * flow.asnumpy() + 0.25 * gaussian.asnumpy(), atol=1e-6)
    np.testing.assert_array_equal(mixed_score.asnumpy(), score.asnumpy())
    of_features = [-ops.exp(-0.5 * (f * f).mean(1)).asnumpy() for f in detectors[2].encoder(batch)]
    assert min(map(np.min, of_features)) - 1e-6 <= gaussian.asnumpy().min() <= max(map(np.max, of_features))


@pytest.mark.parametrize("option", [("--gaussian_weight", "0.5"), ("--position_mean", "true")])
def test_some_options_need_whitening(option):
    given = ["--dataset_path", "d", "--pre_ckpt_path", "w", "--category", "nut", "--no-whitening", *option]
    with pytest.raises(UserError, match=rf"{option[0]}: .* --whitening"):
        Architecture.from_options(parse("train", "", given))


def test_moments_of_what_is_seen_are_of_nothing_else():
    """Where all is seen they are those of all; hidden features of any size change nothing."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((6, 5, 4, 3))
    masks = np.float32(rng.random((6, 1, 4, 3)) < 0.7)
    masks[:, :, 0, 0] = 0  # never seen
    whole, seen, partial, hostile = Moments(5, 4, 3), *(Moments(5, 4, 3) for _ in range(3))
    whole.add(features)
    seen.add(features, np.ones_like(masks))
    partial.add(features, masks)
    hostile.add(features + 1000 * (1 - masks), masks)
    for name in ("mean_and_covariance", "position_means_and_covariance"):
        for found, wanted in ((seen, whole), (hostile, partial)):
            for a, b in zip(getattr(found, name)(), getattr(wanted, name)()):
                np.testing.assert_allclose(a, b, atol=1e-9)
    values = features.transpose(1, 0, 2, 3)[:, masks[:, 0] > 0]
    mean, covariance = partial.mean_and_covariance()
    np.testing.assert_allclose(mean, values.mean(1))
    np.testing.assert_allclose(covariance, np.cov(values, bias=True))
    means, covariance = partial.position_means_and_covariance()
    np.testing.assert_allclose(means[:, 0, 0], mean)
    left = (features - means).transpose(1, 0, 2, 3)[:, masks[:, 0] > 0]
    np.testing.assert_allclose(covariance, left @ left.T / left.shape[1], atol=1e-9)
