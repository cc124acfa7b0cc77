"""The driver's side of the protocol: a worker's process, started, asked and ended."""

import contextlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any

from src import ROOT
from src.utils import UserError

STOP_SECONDS = 20  # for a worker to end by itself


class Process:
    """A worker, as a context.

    Args:
        name: of the contestant, for messages.
        python: the interpreter; it runs in the repository's root.
        module: of `benchmarks.workers`.
        log: the file that gets what the worker prints.
        environment: variables beside the driver's; None removes one.
    """

    def __init__(
        self, name: str, python: str, module: str, log: Path, environment: dict[str, str | None] | None = None
    ):
        self.name, self.log = name, log
        variables = {**os.environ, **(environment or {})}
        command = [python, "-m", f"benchmarks.workers.{module}"]
        with log.open("a", encoding="utf-8") as output:
            try:
                self._process = subprocess.Popen(
                    command,
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
        """The result of a worker's method.

        Raises:
            UserError: the method failed, or the worker ended; the line names the contestant and its log.
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
        """End the worker: by the end of its input, and by force if it does not."""
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(STOP_SECONDS)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
