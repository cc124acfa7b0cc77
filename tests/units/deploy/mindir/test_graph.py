"""Side effects: additions in place are rewritten where that computes the same, and refused elsewhere."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, nn, ops

from src.deploy.mindir.graph import needed_names
from src.deploy.mindir.version1 import read_mindir, rewrite_model, rewrite_to_version_1
from src.utils import UserError
from tests.support import mindir_networks as networks


class SumInPlace(nn.Cell):
    def construct(self, x):
        total = x * 2
        total += x
        total += ops.exp(x)
        return total


class SharedInPlace(nn.Cell):
    """The changed tensor is read again: as a plain sum this would compute something else."""

    def construct(self, x):
        first = x * 2
        total = first
        total += x
        return ops.exp(first), total


def test_sums_in_place_become_plain_ones(tmp_path):
    source = networks.export(SumInPlace(), tmp_path / "new.mindir", 1, 2, 4, 4)
    assert "InplaceAddExt" in networks.operations(read_mindir(source))
    rewrite_to_version_1(source, tmp_path / "old.mindir")
    assert networks.operations(read_mindir(tmp_path / "old.mindir")).count("Add") == 2
    x = np.random.default_rng(0).standard_normal((1, 2, 4, 4)).astype(np.float32)
    result = nn.GraphCell(ms.load(str(tmp_path / "old.mindir")))(Tensor(x)).asnumpy()
    np.testing.assert_allclose(result, 3 * x + np.exp(x), rtol=1e-5)


def test_a_shared_tensor_changed_in_place_is_an_error(tmp_path):
    model = read_mindir(networks.export(SharedInPlace(), tmp_path / "new.mindir", 1, 2, 4, 4))
    with pytest.raises(UserError, match=r"InplaceAddExt .* write a = a \+ b"):
        rewrite_model(model)


def test_needed_names_are_the_output_and_all_that_it_is_computed_from():
    inputs = {"out": ["a", "b"], "a": ["c"], "unused": ["d"]}
    assert needed_names("out", inputs) == {"out", "a", "b", "c"}
