"""The operations with gradients of their own: values and gradients against those of the plain expressions."""

import numpy as np
import pytest
from mindspore import Tensor, nn, ops

from src.kernels.operations import ChannelSplit, PermutedAffine, PictureSum, plain

PERMUTATION = np.random.default_rng(0).permutation(6).astype(np.int32)


class DerivedSplit(nn.Cell):
    def construct(self, x):
        return x[:, :4], x[:, 4:]


class DerivedSum(nn.Cell):
    def construct(self, x):
        return x.sum((1, 2, 3))


class DerivedAffine(nn.Cell):
    def construct(self, y, scale, offset, permutation):
        return ops.gather(y * scale + offset, permutation, 1)


class Weighted(nn.Cell):
    """One number, in which every output value has a weight of its own, so that no gradient cancels another."""

    def __init__(self, operation):
        super().__init__()
        self.operation = operation

    def construct(self, *inputs):
        outputs = self.operation(*inputs)
        total = 0
        for output in outputs if isinstance(outputs, tuple) else (outputs,):
            total = total + (output * ops.sin(ops.arange(output.size).astype("float32")).reshape(output.shape)).sum()
        return total


def drawn(*shape):
    return Tensor(np.random.default_rng(1).standard_normal(shape).astype(np.float32))


@pytest.mark.parametrize(
    ("written", "derived", "inputs", "differentiable"),
    [
        (ChannelSplit(4), DerivedSplit(), (drawn(2, 6, 3, 5),), (0,)),
        (PictureSum(), DerivedSum(), (drawn(2, 6, 3, 5),), (0,)),
        (
            PermutedAffine(),
            DerivedAffine(),
            (drawn(2, 6, 3, 5), drawn(1, 6, 1, 1), drawn(1, 6, 1, 1) + 2, Tensor(PERMUTATION)),
            (0, 1, 2),
        ),
    ],
    ids=["split", "sum", "permuted affine"],
)
def test_value_and_gradients_are_those_of_the_plain_expression(written, derived, inputs, differentiable):
    results = [ops.value_and_grad(Weighted(operation), differentiable)(*inputs) for operation in (written, derived)]
    (value, gradients), (expected, expected_gradients) = results
    assert float(value) == pytest.approx(float(expected), rel=1e-5)
    for got, right in zip(_as_tuple(gradients), _as_tuple(expected_gradients)):
        assert got.shape == right.shape
        np.testing.assert_allclose(got.asnumpy(), right.asnumpy(), rtol=1e-5, atol=1e-5)


def test_for_export_the_arithmetic_broadcasts():
    affine = PermutedAffine()
    inputs = (drawn(2, 6, 3, 5), drawn(1, 6, 1, 1), drawn(1, 6, 1, 1), Tensor(PERMUTATION))
    expected = DerivedAffine()(*inputs).asnumpy()
    with plain(affine):
        assert affine.spread.plain
        np.testing.assert_allclose(affine(*inputs).asnumpy(), expected, rtol=1e-6)
    assert not affine.spread.plain


def _as_tuple(gradients):
    return gradients if isinstance(gradients, tuple) else (gradients,)
