"""What several tests of the benchmarks share."""

import pytest

from benchmarks import processes
from benchmarks.processes import Process, Settings, Team


@pytest.fixture
def team(monkeypatch, tmp_path):
    """A team on ResNet-18 that starts no process: whatever a worker is asked is noted in `team.asked`.

    Workers of this project answer with 2 seconds, all others with 4; a first step takes 10 seconds more.
    """
    asked = []

    class Noting(Process):
        def __init__(self, name, python, worker, logs):
            self.worker = worker
            asked.append((worker, "started", python))

        def call(self, method, **arguments):
            variant = [arguments["variant"]] if "variant" in arguments else []
            asked.append((self.worker, method, *variant))
            seconds = 2.0 if self.worker.startswith("this") else 4.0
            encoding = {"encoding": 3.0} if variant == ["cached"] else {}
            answers = {"begin": encoding | {"first_step": seconds + 10}, "export": "detector.onnx"}
            return answers.get(method, seconds)

        def __exit__(self, *_):
            asked.append((self.worker, "ended"))

    monkeypatch.setattr(processes, "Process", Noting)
    settings = Settings(
        size=32,
        batch=2,
        pictures=5,
        test_pictures=8,
        rounds=2,
        conv_size=8,
        anomalib="other python",
        python="this python",
        logs=tmp_path,
    )
    team = Team(settings, "resnet18", pictures=5)
    team.asked = asked
    return team
