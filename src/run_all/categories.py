"""All categories of a data set: trained and evaluated by train.py and eval.py, several at once, and their table."""

import argparse
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import psutil
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from src.data.layouts import categories
from src.options import PROGRAMS
from src.run_all.jobs import Job, Step, locked, run_jobs
from src.run_all.table import Table
from src.utils import Interrupt, UserError, check_writable, log, read_json

GB = 1e9
# What says nothing of the result: a finished category is not trained anew because one of these is another now.
_INDIFFERENT = (
    *("device_target", "num_workers", "log_interval", "save_interval", "save_best", "cache_features"),
    *("cache_limit_gb", "test_batch_size", "eval_interval"),
)
STATUS_SECONDS = 60  # between status lines where there is no terminal


def run_all(options: argparse.Namespace) -> Table:
    """Train and evaluate every category that is not finished; returns the table, which is also written.

    Raises:
        UserError: a wrong option, or no such category.
        KeyboardInterrupt: stopped by Ctrl-C or SIGTERM; the trainings have saved their states.
    """
    devices = _devices(options)
    names = _categories(options)
    if not Path(options.pre_ckpt_path).is_file():
        raise UserError(f"no encoder weights {options.pre_ckpt_path}; see train.py --help on --pre_ckpt_path")
    folder = Path(options.ckpt_dir)
    check_writable(folder / "logs" / "category.log")
    if options.cache_limit_gb is None and len(devices) > 1:  # each would take half of the memory
        options.cache_limit_gb = round(psutil.virtual_memory().available / GB / 2 / len(devices), 3)
    with locked(folder) as lock, Interrupt("asking the trainings to save and end") as interrupt:
        jobs = [_job(options, name) for name in names]
        log.info("%d categories on %d places: %s", len(jobs), len(devices), ", ".join(names))
        watch = _Watch(options, len(jobs))
        try:
            whole = run_jobs(jobs, devices, lock, lambda: interrupt.requested, watch)
        finally:
            watch.close()
        table = _write_table(options, jobs)
        if not whole:
            interrupt.stop("what was trained is saved; the same command goes on with it")
    return table


def _devices(options: argparse.Namespace) -> list[int]:
    """A device number per place to work at."""
    try:
        devices = [int(text) for text in options.device_ids.split(",")]
    except ValueError:
        devices = [-1]
    if min(devices) < 0 or len(set(devices)) < len(devices):
        raise UserError(f"--device_ids {options.device_ids}: give different numbers with commas, such as 0,1,2")
    return devices * options.jobs


def _categories(options: argparse.Namespace) -> list[str]:
    """The categories asked for, else all that the data set has."""
    found = categories(options.dataset_path, options.dataset or "mvtec")
    if options.categories is None:
        return found
    wanted = list(dict.fromkeys(name.strip() for name in options.categories.split(",")))
    missing = [name for name in wanted if name not in found]
    if missing:
        raise UserError(f"no category {missing[0]!r} in {options.dataset_path}; there are {', '.join(found)}")
    return wanted


def _arguments(options: argparse.Namespace, program: str) -> dict:
    """Those of our options that a program takes and that have a value."""
    given = {name: getattr(options, name, None) for name in PROGRAMS[program]}
    return {name: value for name, value in given.items() if value is not None}


def _results(folder: Path, category: str) -> tuple[Path, Path]:
    """The JSON of a category's training and of its evaluation."""
    return folder / f"fastflow_{category}.json", folder / f"fastflow_{category}_eval.json"


def _job(options: argparse.Namespace, category: str) -> Job:
    folder = Path(options.ckpt_dir)
    trained, evaluated = _results(folder, category)
    checkpoint = trained.with_suffix(".ckpt")
    steps = []
    for program, result, ends in (
        ("train.py", trained, ["--resume"]),
        ("eval.py", evaluated, [f"--ckpt_path={checkpoint}", f"--result_path={evaluated}"]),
    ):
        given = _arguments(options, program.removesuffix(".py")) | {"category": category}
        arguments = [f"--{name}={value}" for name, value in given.items()]
        steps.append(Step(program, arguments + ends, _done_check(result, checkpoint, given)))
    return Job(category, steps, folder / "logs" / f"{category}.log")


def _done_check(result: Path, checkpoint: Path, given: dict) -> Callable[[], bool]:
    """Whether a result is there, was made with these options, and is not older than the checkpoint."""
    state = checkpoint.with_suffix(".state.ckpt")

    def is_done() -> bool:
        if not (result.is_file() and checkpoint.is_file()) or state.exists():
            return False
        before = read_json(result).get("options", {})
        same = all(before.get(name) == value for name, value in given.items() if name not in _INDIFFERENT)
        return same and result.stat().st_mtime_ns >= checkpoint.stat().st_mtime_ns

    return is_done


def _write_table(options: argparse.Namespace, jobs: list[Job]) -> Table:
    """The table of what is finished, written to the checkpoints' folder."""
    folder = Path(options.ckpt_dir)
    results = {job.category: tuple(map(read_json, _results(folder, job.category))) for job in jobs if job.done}
    failed = {job.category: f"{job.failed}; log: {job.log}" for job in jobs if job.failed}
    table = Table.of(results, failed, options)
    table.write(folder)
    return table


class _Watch:
    """Progress over all categories: one bar on a terminal, lines elsewhere."""

    def __init__(self, options: argparse.Namespace, count: int):
        self.epochs, self.known, self.spoken = options.num_epochs, 0, time.monotonic()
        terminal = sys.stderr.isatty()
        self.bar = tqdm(total=count * self.epochs, unit="epoch", disable=not terminal)
        self.redirected = ExitStack()
        if terminal:  # log lines go above the bar
            self.redirected.enter_context(logging_redirect_tqdm())

    def __call__(self, running: list[Job], finished: list[Job]) -> None:
        for job in finished[self.known :]:
            state = "done" if job.done else f"FAILED: {job.failed}; log: {job.log}" if job.failed else "stopped"
            log.info("%s: %s", job.category, state)
        self.known = len(finished)
        states = [job.progress() for job in running]
        trained = [self.epochs if text.endswith("evaluating") else epochs for epochs, text in states]
        self.bar.n = self.known * self.epochs + sum(trained)
        self.bar.set_postfix_str("; ".join(text for _, text in states), refresh=True)
        if self.bar.disable and states and time.monotonic() - self.spoken > STATUS_SECONDS:
            self.spoken = time.monotonic()
            log.info("%d of %d epochs; %s", self.bar.n, self.bar.total, "; ".join(text for _, text in states))

    def close(self) -> None:
        self.bar.close()
        self.redirected.close()
