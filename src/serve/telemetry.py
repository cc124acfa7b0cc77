"""What is counted while pictures are judged, for Prometheus."""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

from src.prediction import Prediction
from src.serve.examiner import Examiner

TYPE = "text/plain; version=0.0.4; charset=utf-8"  # of the text format
SECONDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
ANOMALY = tuple(i / 10 for i in range(1, 11))


class Telemetry:
    """The counters of one process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        made = {"namespace": "fastflow", "registry": self._registry}
        self._pictures = Counter("pictures", "Pictures by source and verdict", ["source", "verdict"], **made)
        self._seconds = Histogram("picture_seconds", "From reading a picture to its result", buckets=SECONDS, **made)
        self._anomaly = Histogram("anomaly", "Anomaly of pictures, 0.5 at the threshold", buckets=ANOMALY, **made)
        self._requests = Counter("requests", "HTTP requests by status", ["status"], **made)
        self._waiting = Gauge("waiting", "Requests in work or waiting", **made)
        self._loads = Counter("model_loads", "Models loaded, and changed ones refused", ["result"], **made)
        self._model = Info("model", "The model in use", **made)
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        for result in ("loaded", "refused"):
            self._loads.labels(result)

    def judged(self, source: str, prediction: Prediction) -> None:
        """A picture was judged; `source` is "http" or "watch"."""
        self._pictures.labels(source, prediction.verdict or "none").inc()
        self._seconds.observe(prediction.milliseconds / 1000)
        if prediction.anomaly is not None:
            self._anomaly.observe(prediction.anomaly)

    def unreadable(self, source: str) -> None:
        """A picture could not be read."""
        self._pictures.labels(source, "unreadable").inc()

    def failed(self, source: str) -> None:
        """A picture could not be judged, for another reason."""
        self._pictures.labels(source, "failed").inc()

    def answered(self, status: int) -> None:
        """A request was answered with an HTTP status."""
        self._requests.labels(str(status)).inc()

    def waits(self, count: int) -> None:
        """So many requests are in work or wait."""
        self._waiting.set(count)

    def loaded(self, examiner: Examiner) -> None:
        """A model was loaded."""
        self._loads.labels("loaded").inc()
        said = {"file": examiner.file, "category": examiner.network.category, "sha256": examiner.network.sha256}
        self._model.info({key: value or "" for key, value in said.items()})

    def refused_model(self) -> None:
        """A changed model could not be loaded."""
        self._loads.labels("refused").inc()

    def text(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self._registry)
