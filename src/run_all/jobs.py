"""Work on a category as child processes: training, then evaluation; several categories at once, each on its device."""

import ctypes
import re
import shlex
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from src import ROOT
from src.report.console import STEP_PATTERN
from src.trust.lock import locked

_SET_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of <linux/prctl.h>
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Stage:
    """One program to run for a category, and how to see that it has been done already."""

    program: str
    arguments: list[str]
    is_done: Callable[[], bool]


@dataclass
class Job:
    """A category's stages, one after the other, with one log. `failed` says why it was given up.

    `seed` is that of this run, where the category is trained with several.
    """

    category: str
    stages: list[Stage]
    log: Path
    seed: int | None = None
    failed: str | None = None
    process: subprocess.Popen | None = field(default=None, repr=False)
    _number: int = 0
    _start: int = 0

    @property
    def name(self) -> str:
        """What the run is called: its category, and its seed where there are several."""
        return self.category if self.seed is None else f"{self.category}, seed {self.seed}"

    @property
    def done(self) -> bool:
        """Whether all stages are."""
        return self._number == len(self.stages)

    def begin(self, device_id: int, lock: int) -> bool:
        """Start the next stage that is not done; False when there is none.

        Args:
            device_id: where it is to compute.
            lock: the folder's lock; the child keeps it while it lives.
        """
        while not self.done and self.stages[self._number].is_done():
            self._number += 1
        if self.done:
            return False
        stage = self.stages[self._number]
        command = [sys.executable, "-u", str(ROOT / stage.program), *stage.arguments]
        command.append(f"--device_id={device_id}")
        with self.log.open("ab") as file:
            file.write(f"$ {shlex.join(command)}\n".encode())
            self._start = file.tell()
        with self.log.open("ab") as file:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C on the terminal reaches it through us, once
                pass_fds=(lock,),
                preexec_fn=_end_with_parent if _LIBC else None,
            )
        return True

    def ended(self) -> bool:
        """Whether the stage's process has ended; a status other than 0 fails the job."""
        status = self.process.poll()
        if status is None:
            return False
        if status:
            ending = f"ended by signal {-status}" if status < 0 else f"exit status {status}"
            self.failed = f"{self.stages[self._number].program}: {self._last_error() or ending}"
        else:
            self._number += 1
        return True

    def _said(self) -> bytes:
        """The end of what this stage wrote to the log."""
        with self.log.open("rb") as file:
            file.seek(max(self._start, self.log.stat().st_size - 8192))
            return file.read()

    def _last_error(self) -> str | None:
        errors = re.findall(rb"^(?:error: |\w*Error: |interrupted).*$", self._said(), re.M)
        return errors[-1].decode(errors="replace") if errors else None

    def progress(self) -> tuple[float, str]:
        """The share of the training that is done (as far as the log says), and in words what is going on."""
        if self.stages[self._number].program != "train.py":
            return 1, f"{self.name}: evaluating"
        found = STEP_PATTERN.findall(self._said())
        if not found:
            return 0, f"{self.name}: starting"
        epoch, epochs, loss, left = (text.decode() for text in found[-1])
        return (int(epoch) - 1) / int(epochs), f"{self.name}: epoch {epoch}/{epochs}, loss {loss}, {left} left"


def _end_with_parent() -> None:
    """In the child: be asked to stop (SIGTERM: train.py saves its state) when the parent dies, by SIGKILL too."""
    _LIBC.prctl(_SET_DEATH_SIGNAL, signal.SIGTERM)


def lock_folder(folder: Path, patience: float = 120.0) -> AbstractContextManager[int]:
    """Hold `<folder>/.run_all.lock`, so that no two run_all work in one folder; gives its file descriptor.

    The children of a run_all that was killed hold it until they have saved their state: they are waited for.

    Raises:
        UserError: the lock is not free after `patience` seconds.
    """
    busy = f"another run_all is at work in {folder}; wait for it, or give another --ckpt_dir"
    return locked(folder / ".run_all.lock", busy, patience)


def run_jobs(
    jobs: list[Job],
    devices: list[int],
    lock: int,
    stop: Callable[[], bool],
    changed: Callable[[list[Job], list[Job]], None],
) -> bool:
    """Work off the jobs, at most one per entry of `devices` at a time; a job that fails does not stop the others.

    Args:
        devices: a device number per place; a number that stands there twice computes two categories at once.
        lock: what the children keep open (see `lock_folder`).
        stop: asked all the time; once true, the children are told to save and end, and nothing new is begun.
        changed: told (running, finished) jobs twice a second.

    Returns:
        False if it was stopped.
    """
    waiting, free, running, finished = deque(jobs), list(devices)[::-1], {}, []
    told = False
    try:
        while running or (waiting and not stop()):
            while waiting and free and not stop():
                job, device = waiting.popleft(), free.pop()
                if job.begin(device, lock):
                    running[device, job.name] = job
                else:
                    finished.append(job)
                    free.append(device)
            if stop() and not told:
                told = True
                for job in running.values():
                    job.process.terminate()
            changed(list(running.values()), finished)
            for (device, name), job in list(running.items()):
                if job.ended() and (told or job.failed or not job.begin(device, lock)):
                    if told:  # it ended because we asked it to
                        job.failed = None
                    finished.append(running.pop((device, name)))
                    free.append(device)
            time.sleep(0.5 if running else 0)
        changed([], finished)
    finally:  # also at a second Ctrl-C
        for job in running.values():
            if job.process.poll() is None:
                job.process.kill()
                job.process.wait()
    return not (told or stop())
