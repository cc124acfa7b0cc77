"""Train with several processes: start train.py --distribute under msrun, show the first one's log, stop them together.

    python scripts/train_distributed.py --worker_num 8 [OPTIONS of msrun] -- OPTIONS of train.py

On one machine --worker_num is enough. On several, run it on each of them with the same --worker_num (of all machines
together) and --local_worker_num (of this one), --master_addr and --master_port (of the first machine), and its own
--node_rank (0, 1, ...); --ckpt_dir must be on a disk that all of them see. msrun by itself would kill the processes
at a Ctrl-C; here they save their state.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # so that it runs from any folder

from src.runtime.program import Interrupt, run_program


def main() -> None:
    """Start, show, wait, and say how it ended."""
    from src.runtime import msrun
    from src.utils import UserError, check_writable

    words = [*sys.argv[1:], "--"]
    given, training = words[: words.index("--")], words[words.index("--") + 1 : -1]
    name = (msrun.option(training, "category") or "train").replace("/", "_")
    logs = Path(msrun.option(given, "log_dir") or f"logs/workers_{name}").absolute()
    options = msrun.complete_options(given, logs)
    check_writable(logs / "worker.log")
    for old in logs.glob("*.log"):
        old.unlink()
    program = [str(ROOT / "train.py"), "--distribute", *training]
    with Interrupt("asking the processes to save and end", unwinds=True) as interrupt:
        status = msrun.run_processes(options, program, logs, stop=lambda: interrupt.requested)
    if interrupt.requested:
        interrupt.stop(f"the state is in --ckpt_dir, if training had begun: --resume goes on with it; logs: {logs}")
    if status:
        raise UserError(msrun.first_error(logs) or f"the processes failed; see the logs in {logs}")


if __name__ == "__main__":
    run_program(main)
