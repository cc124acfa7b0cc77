"""A folder whose pictures are judged as they come.

The folder is listed again and again: a network share tells nobody of what other machines write to it, and whoever
starts has to list it anyway. How long a listing takes decides how often there is one.
"""

import threading
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from src.data.listing import list_pictures
from src.data.samples import Sample
from src.report.pictures import PictureFiles
from src.serve.desk import WATCH, Closed, Desk, Job
from src.serve.examiner import Finding
from src.serve.journal import Journal
from src.serve.settled import Settling, Signature, signature_of
from src.utils import UserError, log

SHARE = 10  # listing takes at most one part in so many of the time
PATIENCE = 10  # so many times `settle` an unreadable picture has for becoming readable
REST = 10.0  # seconds after results could not be written


class Watch:
    """Puts the whole, not yet judged pictures of a folder on the desk, and what was found into the journal.

    A picture is known by its path in the folder, and judged again where its file has changed since.

    Args:
        folder: that is watched.
        files: what else is written of each picture.
        settle: seconds for which a file must have stayed the same.
    """

    def __init__(self, folder: Path, desk: Desk, journal: Journal, files: PictureFiles, settle: float):
        self._folder, self._desk, self._journal, self._files = folder, desk, journal, files
        self._settle, self._settling = settle, Settling(settle)
        self._waiting: set[tuple[str, Signature]] = set()  # on the desk
        self._unreadable: dict[str, Signature] = {}  # that may become readable
        self._resting_until, self._told = 0.0, ""
        self._ended = threading.Event()

    def run(self) -> None:
        """List the folder until `stop`; in a thread of its own."""
        while not self._ended.is_set():
            started = time.monotonic()
            try:
                if started >= self._resting_until:
                    self.look()
                self._told = ""
            except Closed:
                return
            except (UserError, OSError) as error:  # a network share may come back
                if str(error) != self._told:
                    log.warning("%s; looking again", error)
                self._told = str(error)
            took = time.monotonic() - started
            self._ended.wait(max(self._settle / 4, SHARE * took))

    def stop(self) -> None:
        """Let `run` end."""
        self._ended.set()

    def look(self) -> None:
        """List the folder once.

        Raises:
            UserError, OSError: it cannot be listed.
            Closed: the program ends.
        """
        if not self._folder.is_dir():
            raise UserError(f"the folder {self._folder} is gone")
        seen = set()
        for path in list_pictures(self._folder, recursive=True):
            name, signature = path.relative_to(self._folder).as_posix(), signature_of(path)
            seen.add(name)
            if signature is None or self._journal.known.get(name) == signature or (name, signature) in self._waiting:
                continue
            needed = self._settle * (PATIENCE if self._unreadable.get(name) == signature else 1)
            if self._settling.age(name, signature) >= needed:
                self._put(name, path, signature)
        self._settling.forget_others(seen)
        self._unreadable = {name: signature for name, signature in self._unreadable.items() if name in seen}

    def _put(self, name: str, path: Path, signature: Signature) -> None:
        def answer(found: Finding | Exception) -> None:
            try:
                self._take(name, path, signature, found)
            except (OSError, UserError) as error:
                log.warning("the result for %s is not written: %s; the picture is judged again", path, error)
                self._resting_until = time.monotonic() + REST
            finally:
                self._waiting.discard((name, signature))

        self._waiting.add((name, signature))
        self._desk.put(Job(WATCH, path, name, str(path), answer))

    def _take(self, name: str, path: Path, signature: Signature, found: Finding | Exception) -> None:
        """Write what was found, if it is of the whole picture."""
        if isinstance(found, Closed) or signature_of(path) != signature:
            return
        said: dict[str, Any] = {"file": str(path)}
        if isinstance(found, Finding):
            prediction, examiner = found.prediction, found.examiner
            sample = Sample(path, 0, "unknown", None, name.removesuffix(".png"), examiner.reading)
            self._files.write(prediction, sample, found.image, found.scale, examiner.judge)
            said = {**prediction.to_json(), "model_sha256": examiner.network.sha256}
            said["threshold"] = None if examiner.judge is None else examiner.judge.image.threshold
        elif isinstance(found, UserError) and self._unreadable.get(name) != signature:
            self._unreadable[name] = signature  # it may still be written to: it has more time
            return
        else:
            said["error"] = str(found)
        self._unreadable.pop(name, None)
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        self._journal.add({"name": name, "modified_us": signature[0], "bytes": signature[1], "judged": now, **said})
