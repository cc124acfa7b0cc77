"""Data parallel: the processes that `msrun` has started, and what they must agree on."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from src.utils import UserError, log

_ROLE = "MS_ROLE"  # what msrun sets for each process


def local_device(distribute: bool, target: str | None, device_id: int) -> int:
    """The device of this process: under msrun its number on the machine (a CPU is shared), else `device_id`.

    Raises:
        UserError: msrun without --distribute (all processes would write the same files), or the other way round;
            --distribute without --device_target.
    """
    if distribute and _ROLE not in os.environ:
        raise UserError("--distribute: start train.py with scripts/run_distribute_train_<device>.sh, or with msrun")
    if not distribute and _ROLE in os.environ:
        raise UserError("msrun has started several processes; give --distribute, so that they train together")
    if not distribute:
        return device_id
    if target is None:
        raise UserError("--distribute: give --device_target too")
    return 0 if target == "CPU" else int(os.environ.get("DEVICE_ID", "0"))


@dataclass(frozen=True)
class Group:
    """The processes that train together: this one's rank among `world`. One process alone is rank 0 of 1."""

    rank: int = 0
    world: int = 1

    @classmethod
    def join(cls, distribute: bool) -> "Group":
        """Meet the other processes. From here on only rank 0 logs, the others log errors only.

        Raises:
            UserError: they did not meet in time.
        """
        if not distribute:
            return cls()
        import mindspore as ms
        from mindspore.communication import get_group_size, get_rank, init

        try:
            init()  # in msrun's scheduler this only returns when all workers have ended, by ending the process
        except (RuntimeError, ValueError) as error:
            text = " ".join(str(error).split())[:200]
            raise UserError(f"--distribute: the processes did not meet ({text}); see msrun's logs") from error
        group = cls(get_rank(), get_group_size())
        ms.set_auto_parallel_context(parallel_mode=ms.ParallelMode.DATA_PARALLEL, gradients_mean=True)
        log.info("rank %d of %d", group.rank, group.world)
        if group.rank:
            log.setLevel("ERROR")
        return group

    @property
    def leads(self) -> bool:
        """Whether this process writes and logs."""
        return self.rank == 0

    @cached_property
    def _sum(self):
        from mindspore import nn, ops

        class Sum(nn.Cell):
            """The sum over all processes."""

            def __init__(self):
                super().__init__()
                self.all_reduce = ops.AllReduce()

            def construct(self, x):
                return self.all_reduce(x)

        return Sum()

    def total(self, value: float) -> float:
        """The sum of a number over all processes (float32); every process must call it at the same point."""
        if self.world == 1:
            return value
        from mindspore import Tensor, float32

        return float(self._sum(Tensor([value], float32)).asnumpy()[0])

    def each(self, value: float) -> list[float]:
        """Every process's number (float32), in the order of the ranks; all must ask at the same point."""
        return [self.total(value if rank == self.rank else 0.0) for rank in range(self.world)]

    def any(self, flag: bool) -> bool:
        """Whether any process says yes; every process must ask at the same point."""
        return self.total(float(flag)) > 0

    def wait(self) -> None:
        """Wait for the others; on the CPU, waiting is given up after 30 seconds."""
        self.total(0.0)

    def together(self, items: Iterable) -> Iterator:
        """The items of a long piece of work. After each, a process waits for the others to finish theirs.

        Waiting once at the end of all the work could be too long: on the CPU it is given up after 30 seconds. The
        processes may have different numbers of items; one that has fewer waits until no other has more.
        """
        for item in items:
            yield item
            self.any(True)
        while self.any(False):
            pass

    def check_same(self, value: int, what: str) -> None:
        """Raise a `UserError`, in every process, unless all give the same number.

        Args:
            value: below 2^24, so that float32 holds it.
            what: what the number says, for the message.
        """
        mean = self.total(float(value)) / self.world
        if self.any(abs(mean - value) > 1e-3):
            raise UserError(f"--distribute: the processes differ in {what}; give all the same files, on a shared disk")


ALONE = Group()
