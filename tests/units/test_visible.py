"""The network where a part of an image is hidden: what is there reaches nothing, and the flow is of the rest."""

from dataclasses import replace

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, ops

from src import checkpoint, hidden
from src.cell import FlowLoss
from src.detector import Architecture, Detector
from src.network_options import SCORES
from src.option import SOFT_CLAMPS
from src.visible import SeenFastFlow

PLAIN = Architecture("efficientnet_lite0", im_resize="32,64", flow_step=2, feature_pooling=3, whitening=True)
RNG = np.random.default_rng(0)
IMAGE = RNG.standard_normal((2, 3, 32, 64)).astype(np.float32)
PART = IMAGE.copy()
PART[0, :, :, 40:] = hidden.INPUT  # the second image is seen whole
PART[0, :, :5] = hidden.INPUT
SEEN = PART[:, 0] != hidden.INPUT


def maps_of(detector, image):
    return [output.asnumpy() for output in detector(Tensor(image))]


@pytest.fixture(scope="module")
def detectors():
    """By rule: a network that may hide, and one with the same weights that cannot."""
    made = {}
    for rule in SCORES:
        architecture = replace(PLAIN, score=rule, gaussian_weight=0.25)
        plain, partial = Detector(architecture), Detector(replace(architecture, keep_aspect=True))
        weights = {name: value.asnumpy() for name, value in checkpoint.named_parameters(plain).items()}
        checkpoint.assign(checkpoint.named_parameters(partial), weights, "a twin")
        made[rule] = plain, partial
    return made


@pytest.mark.parametrize("rule", SCORES)
def test_where_all_is_seen_it_is_the_plain_network(detectors, rule):
    plain, partial = detectors[rule]
    for found, wanted in zip(maps_of(partial, IMAGE), maps_of(plain, IMAGE)):
        np.testing.assert_allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize("rule", SCORES)
def test_what_is_hidden_has_a_value_of_its_own_in_the_map_and_no_part_in_the_score(detectors, rule):
    found, scores = maps_of(detectors[rule][1], PART)
    assert (found[:, 0][~SEEN] == hidden.MAP).all()
    seen = found[:, 0][SEEN]
    assert (seen >= -1).all()
    assert (seen <= 0).all()
    np.testing.assert_array_equal(hidden.seen(found[:, 0]), SEEN)
    assert np.isfinite(scores).all()


def test_the_maximum_is_of_what_is_seen(detectors):
    architecture = replace(PLAIN, keep_aspect=True)
    found, scores = maps_of(Detector(architecture), PART)
    np.testing.assert_array_equal(scores, [each[0][seen].max() for each, seen in zip(found, SEEN)])


def test_the_deviation_is_of_what_is_seen(detectors):
    _, partial = detectors["deviation"]
    partial.image_score.level.set_data(Tensor([0.0], ms.float32))
    try:
        architecture = replace(partial.architecture, gaussian_weight=0.0)
        flow_only = Detector(architecture)
        weights = {name: value.asnumpy() for name, value in checkpoint.named_parameters(partial).items()}
        checkpoint.assign(checkpoint.named_parameters(flow_only), weights, "a twin")
        found, scores = maps_of(flow_only, PART)
        np.testing.assert_allclose(scores, [each[0][seen].std() for each, seen in zip(found, SEEN)], rtol=1e-3)
    finally:
        partial.image_score.level.set_data(Tensor([partial.image_score.lowest], ms.float32))


def seen_flow(soft_clamp="plain"):
    """A small flow over 4 x 4 positions, some of them hidden, away from the identity; features and mask."""
    flow = SeenFastFlow((4,), ((4, 4),), flow_step=2, norm_affine=False, soft_clamp=soft_clamp)
    for parameter in flow.trainable_params():
        noise = 0.5 * RNG.standard_normal(parameter.shape).astype(np.float32)
        parameter.set_data(Tensor(parameter.asnumpy() + noise))
    mask = np.ones((1, 1, 4, 4), np.float32)
    mask[..., 2:, 1:3] = 0
    return flow, RNG.standard_normal((1, 4, 4, 4)).astype(np.float32), mask


@pytest.mark.parametrize("soft_clamp", SOFT_CLAMPS)
def test_the_log_determinant_is_that_of_the_seen_positions(soft_clamp):
    flow, x, mask = seen_flow(soft_clamp)
    inside = np.flatnonzero(np.broadcast_to(mask > 0, x.shape))

    def latents(values):
        return flow(Tensor(values), Tensor(mask))[0][0].asnumpy().ravel()

    (z,), (log_det,) = flow(Tensor(x), Tensor(mask))
    assert (z.asnumpy().ravel()[np.setdiff1d(np.arange(x.size), inside)] == 0).all()
    jacobian, step = np.empty((len(inside), len(inside))), 1e-2
    for column, place in enumerate(inside):
        moved = [x.copy(), x.copy()]
        moved[0].ravel()[place] += step
        moved[1].ravel()[place] -= step
        high, low = map(latents, moved)
        jacobian[:, column] = (high - low)[inside] / (2 * step)
    assert float(log_det.asnumpy()[0]) == pytest.approx(np.linalg.slogdet(jacobian)[1], abs=0.05)


def test_hidden_features_have_no_part_in_latents_loss_or_gradients():
    flow, x, mask = seen_flow()
    hostile = x + 1000 * (1 - mask)
    loss = ops.value_and_grad(FlowLoss(flow), None, flow.trainable_params())
    first, others = (loss(Tensor(each), Tensor(mask)) for each in (x, hostile))
    np.testing.assert_allclose(first[0].asnumpy(), others[0].asnumpy())
    for a, b in zip(first[1], others[1]):
        assert np.isfinite(b.asnumpy()).all()
        np.testing.assert_allclose(a.asnumpy(), b.asnumpy(), rtol=1e-4, atol=1e-4)
