"""MindSpore's launcher msrun as a child process: its options, the log of its first process, and how it is stopped."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from src.utils import UserError

_ENGINE = re.compile(r"^\[(?:INFO|WARNING|ERROR|CRITICAL)\] ")  # what MindSpore says to its developers


def option(arguments: list[str], name: str) -> str | None:
    """The value of `--name value` or `--name=value`, if it is given."""
    for word, after in zip(arguments, [*arguments[1:], ""]):
        if word == f"--{name}" or word.startswith(f"--{name}="):
            return after if word == f"--{name}" else word.partition("=")[2]
    return None


def complete_options(given: list[str], logs: Path) -> list[str]:
    """msrun's options: the given ones, and for one machine what makes them complete."""
    count = option(given, "worker_num") or ""
    if not count.isdigit() or int(count) < 1:
        raise UserError("--worker_num is missing or not a number; give the number of processes")
    here = option(given, "local_worker_num") or count
    defaults = {"local_worker_num": here, "log_dir": str(logs), "join": "True", "tail_worker_log": here}
    if not option(given, "master_addr"):  # one machine
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            defaults |= {"master_port": str(free.getsockname()[1]), "cluster_time_out": "120"}
    return given + [f"--{name}={value}" for name, value in defaults.items() if option(given, name) is None]


def run_processes(options: list[str], program: list[str], logs: Path, stop: Callable[[], bool]) -> int:
    """Run a program in several processes until all have ended, and print what the first one on this machine says.

    Args:
        options: msrun's, complete.
        program: a Python program and its arguments.
        logs: the folder that msrun writes the processes' logs to.
        stop: asked all the time; once true, the processes are told to save and end.

    Returns:
        msrun's exit status.
    """
    command = [sys.executable, "-m", "mindspore.parallel.cluster.run", *options, *program]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "PYTHONUNBUFFERED": "1"}
    first = int(option(options, "node_rank") or 0) * int(option(options, "local_worker_num"))
    first_log = logs / f"worker_{first}.log"
    position, told = 0, False
    with (logs / "msrun.log").open("wb") as log:
        msrun = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
        try:
            while msrun.poll() is None:
                position = _show(first_log, position)
                if stop() and not told:
                    told = True
                    for process in _workers(msrun):
                        process.send_signal(signal.SIGTERM)
                time.sleep(0.2)
        finally:  # also at a second Ctrl-C
            for process in _workers(msrun):
                process.kill()
            if msrun.poll() is None:
                msrun.kill()
        _show(first_log, position)
    return msrun.returncode


def first_error(logs: Path) -> str | None:
    """The user's mistake that a process ended with, if one did."""
    texts = [path.read_text(errors="replace") for path in sorted(logs.glob("worker_*.log"))]
    errors = [line for text in texts for line in re.findall(r"^error: (.*)$", text, re.M)]
    return errors[0] if errors else None


def _workers(msrun: subprocess.Popen) -> list[psutil.Process]:
    """The processes that train (msrun has others too: its scheduler)."""
    try:
        children = psutil.Process(msrun.pid).children()
        return [child for child in children if child.environ().get("MS_ROLE") == "MS_WORKER"]
    except psutil.Error:  # they are ending
        return []


def _show(log: Path, start: int) -> int:
    """Print what a log has from `start` on, in whole lines without the engine's own; returns where to go on."""
    if not log.exists():
        return start
    with log.open("rb") as file:
        file.seek(start)
        text = file.read()
    whole = text[: text.rfind(b"\n") + 1]
    for line in whole.decode(errors="replace").splitlines():
        if not _ENGINE.match(line):
            print(line, flush=True)
    return start + len(whole)
