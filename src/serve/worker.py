"""The one thread that judges: it takes pictures from the desk and answers those who wait for them."""

import time
from typing import Any

from src.serve.desk import Desk, Failed, Job
from src.serve.model_file import ModelFile
from src.serve.recent import Recent
from src.serve.telemetry import Telemetry
from src.utils import UserError, log

TICK = 0.2  # seconds that are waited for a picture, so that signals and the model's file are looked at
LOOK = 0.5  # seconds between two looks at the model's file
STUCK = 120.0  # seconds for which a picture may take, or a model to load, until that is not well


class Worker:
    """Judges pictures. `judged` counts them."""

    def __init__(self, desk: Desk, models: ModelFile, telemetry: Telemetry, recent: Recent):
        self._desk, self._models, self._telemetry, self._recent = desk, models, telemetry, recent
        self._alive = self._looked = time.monotonic()
        self.judged = 0

    def step(self) -> None:
        """Judge one picture, if one comes soon."""
        self._alive = time.monotonic()
        if self._alive - self._looked > LOOK:
            self._models.look()
            self._looked = time.monotonic()
        job = self._desk.take(TICK)
        if job is not None:
            self._judge(job)

    def health(self) -> tuple[bool, dict[str, Any]]:
        """Whether it goes on, and what there is to say."""
        well = time.monotonic() - self._alive < STUCK
        examiner = self._models.examiner
        said = {"status": "ok" if well else "stuck", "model": examiner.file, "category": examiner.network.category}
        judges = examiner.judge is not None
        return well, {**said, "sha256": examiner.network.sha256, "verdicts": judges, "pictures": self.judged}

    def page(self) -> str:
        """The report of the last pictures."""
        return self._recent.page(self._models.examiner)

    def _judge(self, job: Job) -> None:
        try:
            found = self._models.examiner.examine(job.picture, job.name, job.file)
        except UserError as error:
            self._telemetry.unreadable(job.source)
            self._recent.add_unreadable(job.name, str(error))
            log.info("%s: %s", job.name, error)
            job.answer(error)
            return
        except Exception as error:  # whatever one picture brings up, the next one shall be judged
            self._telemetry.failed(job.source)
            log.exception("%s cannot be judged", job.name)
            job.answer(Failed(f"{job.name} cannot be judged: {type(error).__name__}; the log says more"))
            return
        self.judged += 1
        said = found.prediction
        self._telemetry.judged(job.source, said)
        self._recent.add(found)
        anomaly = "" if said.anomaly is None else f" (anomaly {said.anomaly:.3f})"
        log.info("%s: %.5f %s%s", said.name, said.score, said.verdict or "", anomaly)
        job.answer(found)
