"""The workers' processes, as the driver sees them: started when first needed, asked, and ended."""

import contextlib
import json
import os
import subprocess
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.contestants import CONTESTANTS
from src import ROOT
from src.utils import UserError

STOP_SECONDS = 20  # that a worker has to end by itself


@dataclass(frozen=True)
class Settings:
    """What the command line says of all measurements.

    Attributes:
        size: pixels per side of a picture.
        batch: pictures per training step and per batch of an evaluation.
        pictures: training pictures of an epoch.
        test_pictures: pictures of an evaluation.
        rounds: of each measurement.
        conv_size: pixels per side of the single convolution's input.
        anomalib: the Python that has anomalib, or None.
        python: the Python of all other workers.
        logs: the folder for what the workers print.
    """

    size: int
    batch: int
    pictures: int
    test_pictures: int
    rounds: int
    conv_size: int
    anomalib: str | None
    python: str
    logs: Path


class Process:
    """A worker's process, ended when the context is left.

    Args:
        name: of the contestant, for messages.
        python: the interpreter. It runs in the repository's root.
        worker: as `Contestant.worker` says it.
        logs: the folder whose file `<worker>.log` gets what the worker prints.
        environment: variables that are set beside the driver's; None removes one.

    Raises:
        UserError: the interpreter cannot be started.
    """

    def __init__(
        self, name: str, python: str, worker: str, logs: Path, environment: dict[str, str | None] | None = None
    ):
        self.name, self.log = name, logs / f"{worker.replace(' ', '_')}.log"
        variables = {**os.environ, **(environment or {})}
        with self.log.open("a", encoding="utf-8") as output:
            try:
                self._process = subprocess.Popen(
                    [python, "-m", *f"benchmarks.workers.{worker}".split()],
                    cwd=ROOT,
                    env={key: value for key, value in variables.items() if value is not None},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=output,
                    text=True,
                )
            except OSError as error:
                raise UserError(
                    f"contestant {name}: cannot start {python}: {error.strerror}; check its path"
                ) from error

    def call(self, method: str, **arguments: Any) -> Any:
        """Call a method of the worker; its result.

        Raises:
            UserError: the method failed, or the worker ended. The line names the contestant and its log.
        """
        request = json.dumps({"call": method, "arguments": arguments})
        try:
            self._process.stdin.write(request + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            status = self._process.wait()
            self._fail(f"it ended with status {status} in `{method}`")
        answer = json.loads(line)
        if "error" in answer:
            self._fail(answer["error"])
        return answer["result"]

    def _fail(self, what: str) -> None:
        raise UserError(f"contestant {self.name}: {what}; see {self.log}, mend it or leave it out of --contestants")

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: object) -> None:
        """End the worker by ending its input, and by force if that does not help."""
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(STOP_SECONDS)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


class Team:
    """The contestants' processes for one encoder, ended together when the context is left.

    Args:
        settings: of the measurements.
        backbone: the encoder.
        pictures: size of the training set.
    """

    def __init__(self, settings: Settings, backbone: str, pictures: int):
        self.settings, self.backbone, self.pictures = settings, backbone, pictures
        self.once: dict[str, dict[str, float]] = {}  # by contestant, what `begin` returned
        self._processes: dict[str, Process] = {}  # by worker
        self._exported: dict[int, str] = {}  # by batch size, the file for the workers of exported files
        self._loaded: set[tuple[str, int]] = set()  # which of them have taken it
        self._stack = ExitStack()

    def __enter__(self) -> "Team":
        self.folder = self._stack.enter_context(tempfile.TemporaryDirectory())
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def process(self, name: str) -> Process:
        """A contestant's process, with its network built."""
        worker = CONTESTANTS[name].worker
        if worker not in self._processes:
            settings = self.settings
            python = settings.anomalib if name == "anomalib" else settings.python
            process = self._stack.enter_context(Process(name, python, worker, settings.logs))
            process.call(
                "open",
                backbone=self.backbone,
                size=settings.size,
                batch=settings.batch,
                pictures=self.pictures,
                folder=self.folder,
            )
            self._processes[worker] = process
        return self._processes[worker]

    def call(self, name: str, method: str, **arguments: Any) -> Any:
        """Call a method of a contestant's worker; its result."""
        return self.process(name).call(method, **arguments)

    def begin(self, name: str) -> dict[str, float]:
        """Let a contestant do what it does once before training, unless it has; the seconds of each part.

        Only the first contestant of a worker has a `first_step`: the others find the graph compiled.
        """
        if name not in self.once:
            contestant = CONTESTANTS[name]
            compiled = any(CONTESTANTS[other].worker == contestant.worker for other in self.once)
            self.once[name] = self.call(name, "begin", variant=contestant.trains)
            if compiled:
                del self.once[name]["first_step"]
        return self.once[name]

    def step(self, name: str) -> float:
        """Seconds of a contestant's training step."""
        return self.call(name, "step", variant=CONTESTANTS[name].trains)

    def infer(self, name: str, batch: int) -> float:
        """Seconds per picture of a contestant's inference on batches of `batch` pictures."""
        worker = CONTESTANTS[name].worker
        if worker.startswith("exported ") and (worker, batch) not in self._loaded:
            if batch not in self._exported:
                self._exported[batch] = self.call("this_mindspore", "export", batch=batch)
            self.call(name, "load", batch=batch, file=self._exported[batch])
            self._loaded.add((worker, batch))
        return self.call(name, "infer", variant=CONTESTANTS[name].infers, batch=batch, at_least=0.5) / batch

    def evaluate(self, name: str, file: str) -> float:
        """Seconds of a contestant's evaluation, network included, of the test set in a file."""
        return self.call(name, "evaluate", file=file)
