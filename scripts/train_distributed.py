"""Train with several processes: start train.py --distribute under msrun, show the first one's log, stop them together.

    python scripts/train_distributed.py --worker_num 8 [OPTIONS of msrun] -- OPTIONS of train.py

On one machine --worker_num is enough. On several, run it on each of them with the same --worker_num (of all machines
together) and --local_worker_num (of this one), --master_addr and --master_port (of the first machine), and its own
--node_rank (0, 1, ...); --ckpt_dir must be on a disk that all of them see. msrun by itself would kill the processes
at a Ctrl-C; here they save their state.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # so that it runs from any folder

from src.utils import Interrupt, UserError, check_writable, run

_ENGINE = re.compile(r"^\[(?:INFO|WARNING|ERROR|CRITICAL)\] ")  # what MindSpore says to its developers


def option(arguments: list[str], name: str) -> str | None:
    """The value of `--name value` or `--name=value`, if it is given."""
    for word, after in zip(arguments, [*arguments[1:], ""]):
        if word == f"--{name}" or word.startswith(f"--{name}="):
            return after if word == f"--{name}" else word.partition("=")[2]
    return None


def msrun_options(given: list[str], logs: Path) -> list[str]:
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


def workers(msrun: subprocess.Popen) -> list[psutil.Process]:
    """The processes that train (msrun has others too: its scheduler)."""
    try:
        children = psutil.Process(msrun.pid).children()
        return [child for child in children if child.environ().get("MS_ROLE") == "MS_WORKER"]
    except psutil.Error:  # they are ending
        return []


def shown(log: Path, start: int) -> int:
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


def main() -> None:
    """Start, show, wait, and say how it ended."""
    words = [*sys.argv[1:], "--"]
    given, training = words[: words.index("--")], words[words.index("--") + 1 : -1]
    name = (option(training, "category") or "train").replace("/", "_")
    logs = Path(option(given, "log_dir") or f"logs/workers_{name}").absolute()
    command = [sys.executable, "-m", "mindspore.parallel.cluster.run", *msrun_options(given, logs)]
    command += [str(ROOT / "train.py"), "--distribute", *training]
    check_writable(logs)
    for old in logs.glob("*.log"):
        old.unlink()
    first = int(option(given, "node_rank") or 0) * int(option(command, "local_worker_num"))
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    position, asked = 0, False
    with Interrupt("asking the processes to save and end") as interrupt, (logs / "msrun.log").open("wb") as log:
        msrun = subprocess.Popen(
            command, stdout=log, stderr=log, env=environment | {"PYTHONUNBUFFERED": "1"}, start_new_session=True
        )
        try:
            while msrun.poll() is None:
                position = shown(logs / f"worker_{first}.log", position)
                if interrupt.requested and not asked:
                    asked = True
                    for process in workers(msrun):
                        process.send_signal(signal.SIGTERM)
                time.sleep(0.2)
        finally:
            for process in workers(msrun):
                process.kill()
            if msrun.poll() is None:
                msrun.kill()
        shown(logs / f"worker_{first}.log", position)
    if interrupt.requested:
        interrupt.stop(f"the state is in --ckpt_dir, if training had begun: --resume goes on with it; logs: {logs}")
    if msrun.returncode:
        texts = [path.read_text(errors="replace") for path in sorted(logs.glob("worker_*.log"))]
        errors = [line for text in texts for line in re.findall(r"^error: (.*)$", text, re.M)]
        raise UserError(errors[0] if errors else f"the processes failed; see the logs in {logs}")


if __name__ == "__main__":
    run(main)
