"""The order of the training pictures: which processes see them, and which of them make up each batch."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from src.runtime.processes import ALONE, Group
from src.utils import UserError


def effective_batch_size(count: int, batch_size: int, shards: int = 1, world: int = 1) -> int:
    """The batch of all processes together that `count` pictures allow: `batch_size`, or less for a small category.

    It is a multiple of `shards`, and no shard's share of it is more than the shard. The caller tells the user when
    it is not `batch_size`.

    Raises:
        UserError: a batch below 1, one that `shards` does not divide, shards that `world` (the number of processes)
            does not divide, or fewer pictures than shards.
    """
    if batch_size < 1:
        raise UserError(f"a batch of {batch_size} pictures; give 1 or more")
    if shards % world:
        raise UserError(f"--shards {shards} for {world} processes; give a multiple of {world}, or start fewer")
    if batch_size % shards:
        raise UserError(f"a batch of {batch_size} does not divide by {shards} shards (processes); give a multiple")
    if count < shards:
        raise UserError(f"{count} training pictures for {shards} shards (processes); use fewer")
    return min(batch_size, count - count % shards)


@dataclass(frozen=True)
class Order:
    """The order in which `count` pictures are trained on, and the part of it that is this process's.

    Picture i is in shard i % shards. Each shard has an endless stream of its pictures, shuffle after shuffle; a step
    takes an equal share from each, and these shares in the shards' order are its batch. So the compiled graph sees one
    shape, and no picture is dropped (drop_last loses up to batch_size - 1 per epoch): at all times, the uses of two
    pictures of a shard differ by at most 1. (Where shuffles meet, one batch may hold a picture twice.) The shards'
    sizes differ by at most 1, so a picture of a smaller shard is used slightly more often. A shuffle follows from
    seed, round and shard alone: any step can be begun without the ones before it.

    A process holds an equal number of neighbouring shards. The batches of all processes are, in the order of their
    ranks, the batch of one process with the same shards.

    Args:
        count: training pictures of the category.
        batch_size: of all processes together; an effective one (see `effective_batch_size`).
        seed: of the shuffles.
        shards: a multiple of the number of processes.
        group: the processes.

    Raises:
        ValueError: not an effective batch size.
        UserError: pictures, batch or shards that do not divide (see `effective_batch_size`).
    """

    count: int
    batch_size: int
    seed: int
    shards: int = 1
    group: Group = ALONE

    def __post_init__(self):
        if self.batch_size != effective_batch_size(self.count, self.batch_size, self.shards, self.group.world):
            raise ValueError(f"a batch of {self.batch_size} from {self.count} pictures in {self.shards} shards")

    @property
    def pictures(self) -> np.ndarray:
        """The pictures that this process holds, shard after shard: int64."""
        return np.concatenate([np.arange(shard, self.count, self.shards) for shard, _ in self._held()])

    def batch(self, step: int) -> np.ndarray:
        """This process's part of a step's batch (steps from 0), as places in `pictures`: int64 [batch_size / world]."""
        share = self.batch_size // self.shards
        before, parts = 0, []
        for shard, size in self._held():
            round_, start = divmod(step * share, size)
            shuffles = [np.random.default_rng([self.seed, r, shard]).permutation(size) for r in (round_, round_ + 1)]
            parts.append(before + np.concatenate(shuffles)[start : start + share])
            before += size
        return np.concatenate(parts)

    def steps_before(self, epoch: int) -> int:
        """How many steps precede `epoch` (from 0): ceil(epoch * count / batch_size).

        So an epoch has floor or ceil of count / batch_size steps; its last batch may reach into the next shuffle.
        """
        return -(-epoch * self.count // self.batch_size)

    def epochs_in(self, steps: int) -> int:
        """How many whole epochs `steps` steps are."""
        return steps * self.batch_size // self.count

    def _held(self) -> Iterator[tuple[int, int]]:
        """Number and size of each shard that this process holds."""
        each = self.shards // self.group.world
        for shard in range(self.group.rank * each, (self.group.rank + 1) * each):
            yield shard, len(range(shard, self.count, self.shards))
