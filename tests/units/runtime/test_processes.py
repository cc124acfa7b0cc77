"""Processes that train together: their devices, and that they keep in step. Without any other process."""

import threading

import pytest

from src.runtime import processes
from src.utils import UserError


def test_processes_with_unequal_work_meet_again():
    """Threads stand for the processes; where one waits for another in vain, its wait is broken off."""
    meeting, values = threading.Barrier(2, timeout=5), [0.0, 0.0]

    class Process(processes.Group):
        def total(self, value):
            values[self.rank] = value
            meeting.wait()
            both = sum(values)
            meeting.wait()
            return both

    def work(rank, items):
        process = Process(rank, 2)
        done[rank] = (list(process.together(items)), process.total(rank + 1), process.each(rank + 5))

    for counts in ((2, 1), (0, 3), (2, 2)):
        done = {}
        threads = [threading.Thread(target=work, args=(rank, range(count))) for rank, count in enumerate(counts)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert done == {rank: (list(range(count)), 3, [5, 6]) for rank, count in enumerate(counts)}


def test_a_process_takes_the_device_that_msrun_gives_it(monkeypatch):
    monkeypatch.setenv("MS_ROLE", "MS_WORKER")
    monkeypatch.setenv("DEVICE_ID", "3")
    assert processes.local_device(True, "Ascend", 0) == 3
    assert processes.local_device(True, "CPU", 0) == 0
    with pytest.raises(UserError, match="give --device_target too"):
        processes.local_device(True, None, 0)
