"""The order of the training pictures: all are seen equally, a run can begin anywhere, processes share the batches."""

import numpy as np
import pytest

from src.order import Order, effective_batch_size
from src.runtime.processes import ALONE, Group
from src.utils import UserError

SIZES = [(60, 32, 1), (209, 32, 1), (7, 3, 1), (8, 4, 1), (5, 5, 1), (3, 1, 1), (13, 4, 2), (21, 8, 4), (11, 6, 3)]


def seen(order, step):
    """The pictures of a step's batch."""
    return order.pictures[order.batch(step)]


def test_one_shard_is_one_shuffle_of_all_pictures_after_another():
    shuffles = [np.random.default_rng([3, round_]).permutation(11) for round_ in range(5)]
    order = Order(11, 4, seed=3)
    np.testing.assert_array_equal(order.pictures, np.arange(11))
    np.testing.assert_array_equal(
        np.concatenate([seen(order, step) for step in range(13)]), np.concatenate(shuffles)[: 13 * 4]
    )


@pytest.mark.parametrize(("count", "batch", "shards"), SIZES)
def test_batches_take_equal_shares_and_use_the_pictures_of_a_shard_equally(count, batch, shards):
    order, used = Order(count, batch, 1, shards), np.zeros(count, int)
    for step in range(order.steps_before(11)):
        pictures = seen(order, step)
        np.testing.assert_array_equal(pictures % shards, np.repeat(np.arange(shards), batch // shards))
        np.add.at(used, pictures, 1)
        assert all(np.ptp(used[shard::shards]) <= 1 for shard in range(shards))
    assert used.min() >= 9


@pytest.mark.parametrize(("count", "batch", "shards"), SIZES)
def test_epochs_are_as_long_as_they_can_be_equal(count, batch, shards):
    order = Order(count, batch, 1, shards)
    starts = [order.steps_before(epoch) for epoch in range(12)]
    assert starts[0] == 0
    assert set(np.diff(starts)) <= {count // batch, -(-count // batch)}
    assert [order.epochs_in(start) for start in starts] == list(range(12))
    assert [order.epochs_in(start - 1) for start in starts[1:]] == list(range(11))


def test_shuffles_follow_seed_round_and_shard():
    whole = [Order(60, 60, seed, shards).batch(step) for seed, shards, step in ((3, 1, 0), (3, 1, 1), (4, 1, 0))]
    first, second = np.split(Order(60, 60, 3, 2).batch(0), 2)
    assert len({tuple(batch) for batch in whole}) == 3
    assert not np.array_equal(first, second - 30)


@pytest.mark.parametrize(("shards", "world"), [(2, 2), (4, 2), (8, 4), (6, 1)])
@pytest.mark.parametrize("count", [24, 29])
def test_processes_together_have_the_pictures_and_batches_of_one(count, shards, world):
    alone = Order(count, 24, 0, shards)
    together = [Order(count, 24, 0, shards, Group(rank, world)) for rank in range(world)]
    held = [order.pictures for order in together]
    np.testing.assert_array_equal(np.concatenate(held), alone.pictures)
    np.testing.assert_array_equal(np.sort(alone.pictures), np.arange(count))
    assert all(len(order.batch(0)) == 24 // world for order in together)
    for step in range(9):
        np.testing.assert_array_equal(np.concatenate([seen(order, step) for order in together]), seen(alone, step))


def test_small_category_reduces_the_batch():
    assert effective_batch_size(209, 32) == 32
    assert effective_batch_size(10, 32) == 10
    assert effective_batch_size(11, 32, shards=2) == 10
    assert len(Order(11, 10, 0, 2).batch(0)) == 10


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ((10, 0, 1, 1), "a batch of 0 pictures; give 1 or more"),
        ((100, 9, 2, 1), r"a batch of 9 does not divide by 2 shards \(processes\); give a multiple"),
        ((100, 12, 3, 2), "--shards 3 for 2 processes; give a multiple of 2, or start fewer"),
        ((100, 12, 1, 2), "--shards 1 for 2 processes; give a multiple of 2, or start fewer"),
        ((1, 2, 2, 1), r"1 training pictures for 2 shards \(processes\); use fewer"),
    ],
)
def test_what_does_not_divide_is_the_users_mistake(given, text):
    with pytest.raises(UserError, match=text):
        effective_batch_size(*given)


@pytest.mark.parametrize(("count", "batch", "shards"), [(10, 11, 1), (11, 12, 2)])
def test_a_batch_larger_than_the_shards_allow_is_refused(count, batch, shards):
    with pytest.raises(ValueError, match=f"a batch of {batch} from {count} pictures"):
        Order(count, batch, 0, shards, ALONE)
