"""The model in use, which is exchanged when its file changes."""

import threading
from pathlib import Path

from src.config import Options
from src.files import description_of
from src.serve.examiner import Examiner
from src.serve.settled import Settling, Signature, signature_of
from src.serve.telemetry import Telemetry
from src.utils import UserError, log


class ModelFile:
    """The model of `--model`. A changed file is loaded once it is whole; until then, and where it is damaged, the old
    one stays in use.

    An ONNX file is loaded beside the work. MindSpore does both in one thread, so there the work waits meanwhile.
    """

    def __init__(self, options: Options, telemetry: Telemetry):
        self._options, self._telemetry = options, telemetry
        self._path = Path(options.model)
        self._settling = Settling(options.settle)
        self._known = self._signature()  # before it is read: what is changed meanwhile is read again
        self._loading: threading.Thread | None = None
        self.examiner = Examiner.load(options)
        telemetry.loaded(self.examiner)

    def look(self) -> None:
        """Take note of the file; call it from time to time."""
        signature = self._signature()
        waits = signature == self._known or signature[0] is None or (self._loading and self._loading.is_alive())
        if waits or not self._settling.is_whole(self._path, signature):
            return
        self._known = signature
        if self._path.suffix == ".onnx":
            self._loading = threading.Thread(target=self._load, name="model", daemon=True)
            self._loading.start()
        else:
            self._load()

    def _signature(self) -> tuple[Signature | None, Signature | None]:
        """Of the file, and of the description beside it."""
        return signature_of(self._path), signature_of(description_of(self._path))

    def _load(self) -> None:
        try:
            examiner = Examiner.load(self._options)
        except (UserError, OSError) as error:
            self._telemetry.refused_model()
            log.warning("the changed %s is not used, the old one stays: %s", self._path, error)
            return
        self.examiner = examiner
        self._telemetry.loaded(examiner)
        log.info("now with the changed %s (%s)", self._path, examiner.network.sha256[:12])
