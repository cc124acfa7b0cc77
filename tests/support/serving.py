"""serve.py as a process, and its clients."""

import contextlib
import http.client
import io
import json
import signal
import threading
import time

import numpy as np
from PIL import Image

from tests.support.programs import start

GREYS = {"good": 0, "defective": 255}  # what the model of `bright_is_defective` calls so


def picture(grey, size=(48, 40), kind="PNG"):
    """A picture of one colour as a file's content."""
    file = io.BytesIO()
    Image.fromarray(np.full((size[1], size[0], 3), grey, np.uint8)).save(file, kind)
    return file.getvalue()


class Server:
    """serve.py, running."""

    def __init__(self, model, *arguments, http="127.0.0.1:0"):
        given = ("--http", http) if http else ()
        self.process = start("serve.py", "--model", model, *given, *arguments)
        self.lines, self.errors = [], []
        self._readers = [
            threading.Thread(target=into.extend, args=(stream,), daemon=True)
            for into, stream in ((self.lines, self.process.stdout), (self.errors, self.process.stderr))
        ]
        for reader in self._readers:
            reader.start()
        ready = self.wait_for_line("answering on" if http else "watching")
        self.port = int(ready.rpartition(":")[2]) if http else None

    def wait_for_line(self, text, seconds=120):
        """The first line of its output that holds a text."""
        found = wait_for(lambda: [line for line in self.lines if text in line] or self.process.poll(), seconds)
        assert isinstance(found, list), (found, self.lines, self.errors)
        return found[0]

    def ask(self, method, path, body=None, **headers):
        """Status, headers and content (JSON: its value) of the answer to a request."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)) as connection:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            answer = connection.getresponse()
            content = answer.read()
        if answer.headers["content-type"] == "application/json":
            content = json.loads(content)
        return answer.status, answer.headers, content

    def figure(self, name):
        """A figure of /metrics."""
        lines = self.ask("GET", "/metrics")[2].decode().splitlines()
        return float(next(line for line in lines if line.startswith(f"{name} ")).rpartition(" ")[2])

    def end(self, number=signal.SIGTERM):
        """Send a signal; the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(60)
        for reader in self._readers:
            reader.join(10)
        return status


def wait_for(condition, seconds=60):
    """What a condition gives once it is true."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.05)
    return value
