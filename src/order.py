"""The order of the training pictures: which processes see them, and which of them make up each batch."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from src.runtime.processes import ALONE, Group
from src.utils import UserError


def effective_batch_size(count: int, batch_size: int, shards: int = 1, world: int = 1) -> int:
    """The batch size, of all processes together, that `count` pictures allow: less than asked for in a small category.

    The result is a multiple of `shards`, and no shard gives more pictures to a batch than it has. Where the result is
    less than `batch_size`, the caller tells the user.

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
    """The order in which `count` pictures are trained on, and this process's part of it.

    The pictures are dealt out to shards: picture i is in shard i % shards. Each shard is an endless stream of its
    pictures, one shuffle of all of them after another. A step takes an equal number of pictures from each shard, and
    these, in the order of the shards, are its batch.

    - All batches have one size, so the training step is compiled once; no picture is dropped at the end of an epoch.
    - At any time, two pictures of a shard have been used equally often, or one of them once more. Where one shuffle
      ends and the next begins, a batch may hold a picture twice. The sizes of the shards differ by at most 1, so a
      picture of a smaller shard is used slightly more often.
    - A shuffle depends only on the seed, its number and the shard. So a resumed training can begin at any step.
    - A process holds an equal number of neighbouring shards. The parts of all processes, in the order of their ranks,
      are together the batch of one process with the same number of shards.

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
