"""The processes of the contestants of one encoder, started when first needed and ended together."""

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.contestants import CONTESTANTS
from benchmarks.process import Process


@dataclass(frozen=True)
class Settings:
    """What the command line says of the measurements.

    Attributes:
        size: pixels per side; batch: pictures per step; pictures: of an epoch; test_pictures: of an evaluation.
        rounds: of each measurement.
        conv_size: pixels per side of the single convolution.
        anomalib: the Python that has it, or None.
        logs: folder for what the workers print.
        python: the interpreter of all other workers.
    """

    size: int
    batch: int
    pictures: int
    test_pictures: int
    rounds: int
    conv_size: int
    anomalib: str | None
    logs: Path
    python: str


class Team:
    """As a context: what the contestants of an encoder are asked.

    Args:
        settings: of the measurements.
        backbone: the encoder.
        pictures: how many pictures the training set has.
    """

    def __init__(self, settings: Settings, backbone: str, pictures: int):
        self.settings, self.backbone, self.pictures = settings, backbone, pictures
        self.once: dict[str, dict[str, float]] = {}
        self._processes: dict[str, Process] = {}
        self._exported: set[int] = set()
        self._stack = ExitStack()

    def __enter__(self) -> "Team":
        self.folder = self._stack.enter_context(tempfile.TemporaryDirectory())
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def process(self, name: str) -> Process:
        """A contestant's process, with its network built."""
        contestant = CONTESTANTS[name]
        if contestant.worker not in self._processes:
            settings = self.settings
            python = settings.anomalib if name == "anomalib" else settings.python
            process = Process(name, python, contestant.worker, settings.logs / f"{contestant.worker}.log")
            self._processes[contestant.worker] = self._stack.enter_context(process)
            process.call(
                "open",
                backbone=self.backbone,
                size=settings.size,
                batch=settings.batch,
                pictures=self.pictures,
                folder=self.folder,
            )
        return self._processes[contestant.worker]

    def call(self, name: str, method: str, **arguments: Any) -> Any:
        """Ask a contestant."""
        return self.process(name).call(method, **arguments)

    def begin(self, name: str) -> dict[str, float]:
        """Seconds of what a contestant does once before it trains, done at the first time of asking.

        A first step counts only for the first contestant of a worker: the others find the graph compiled.
        """
        if name not in self.once:
            contestant = CONTESTANTS[name]
            compiled = any(CONTESTANTS[other].worker == contestant.worker for other in self.once)
            self.once[name] = self.call(name, "begin", variant=contestant.variant)
            if compiled:
                del self.once[name]["first_step"]
        return self.once[name]

    def step(self, name: str) -> float:
        """Seconds of a contestant's training step."""
        return self.call(name, "step", variant=CONTESTANTS[name].variant)

    def infer(self, name: str, batch: int) -> float:
        """Seconds per picture of a contestant's inference."""
        if name == "this_onnx" and batch not in self._exported:
            self._exported.add(batch)
            self.call(name, "load", batch=batch, file=self.call("this_mindspore", "export", batch=batch))
        return self.call(name, "infer", variant=CONTESTANTS[name].infers, batch=batch, at_least=0.5) / batch
