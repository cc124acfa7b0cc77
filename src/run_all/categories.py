"""All categories of a data set: trained and evaluated by train.py and eval.py, several at once, and their table."""

import sys
import time
from contextlib import ExitStack
from pathlib import Path

import psutil
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from src import results
from src.config import Options
from src.data.layouts import categories
from src.data.source import SPLIT_DEFAULTS
from src.files import RunFiles
from src.option import Role
from src.options import options_of
from src.run_all.jobs import Job, Stage, lock_folder, run_jobs
from src.run_all.table import Table, table_files
from src.runtime.program import Interrupt
from src.trust.outputs import check_outputs
from src.utils import UserError, check_writable, log

GB = 1e9
SET_HERE = ("device_id", "resume", "distribute", "ckpt_path", "result_path")  # for each program that is started
STATUS_SECONDS = 60  # between status lines where there is no terminal


def run_all(options: Options) -> Table:
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
    check_outputs(table_files(folder), [options.pre_ckpt_path])
    check_writable(folder / "logs" / "category.log")
    if options.cache_limit_gb is None and len(devices) > 1:  # each would take half of the memory
        limit = psutil.virtual_memory().available / GB / 2 / len(devices)
        options = options.resolved(cache_limit_gb=round(limit, 3))
    with lock_folder(folder) as lock, Interrupt("asking the trainings to save and end", unwinds=True) as interrupt:
        jobs = [_job(options, name) for name in names]
        log.info("%d categories on %d places: %s", len(jobs), len(devices), ", ".join(names))
        watch = _Watch(len(jobs))
        try:
            whole = run_jobs(jobs, devices, lock, lambda: interrupt.requested, watch)
        finally:
            watch.close()
        table = _write_table(options, jobs)
        if not whole:
            interrupt.stop("what was trained is saved; the same command goes on with it")
    return table


def _devices(options: Options) -> list[int]:
    """A device number per place to work at."""
    try:
        devices = [int(text) for text in options.device_ids.split(",")]
    except ValueError:
        devices = [-1]
    if min(devices) < 0 or len(set(devices)) < len(devices):
        raise UserError(f"--device_ids {options.device_ids}: give different numbers with commas, such as 0,1,2")
    return devices * options.jobs


def _categories(options: Options) -> list[str]:
    """The categories asked for, else all that the data set has."""
    found = categories(options.dataset_path, options.dataset or SPLIT_DEFAULTS["dataset"])
    if options.categories is None:
        return found
    wanted = list(dict.fromkeys(name.strip() for name in options.categories.split(",")))
    missing = [name for name in wanted if name not in found]
    if missing:
        raise UserError(f"no category {missing[0]!r} in {options.dataset_path}; there are {', '.join(found)}")
    return wanted


def _given(options: Options, program: str, category: str) -> dict:
    """The options for a program on one category: those of ours that it takes and that have a value."""
    given = {name: options.values.get(name) for name in options_of(program)} | {"category": category}
    return {name: value for name, value in given.items() if value is not None}


def _files(options: Options, category: str) -> RunFiles:
    return RunFiles(Path(options.ckpt_dir), category)


def _job(options: Options, category: str) -> Job:
    """Training and evaluation of a category."""
    files = _files(options, category)
    training = _stage("train", _given(options, "train", category), files.result, files)
    training.arguments.append("--resume")
    evaluation = _stage("eval", _given(options, "eval", category), files.evaluation, files)
    evaluation.arguments.append(f"--ckpt_path={files.checkpoint}")
    evaluation.arguments.append(f"--result_path={files.evaluation}")
    return Job(category, [training, evaluation], files.log)


def _stage(program: str, given: dict, result: Path, files: RunFiles) -> Stage:
    """A program that writes `result`; it is done where that is of the same options and of the same checkpoint."""
    decisive = [name for name, option in options_of(program).items() if Role.NOT_REDONE not in option.roles]

    def is_done() -> bool:
        if not (result.is_file() and files.checkpoint.is_file()) or files.state.exists():
            return False
        try:
            before = results.read_given_options(result)
        except UserError as error:
            log.warning("%s: %s", result.name, error)
            return False
        same = all(before.get(name) == given.get(name) for name in decisive if name not in SET_HERE)
        return same and result.stat().st_mtime_ns >= files.checkpoint.stat().st_mtime_ns

    return Stage(f"{program}.py", [f"--{name}={value}" for name, value in given.items()], is_done)


def _write_table(options: Options, jobs: list[Job]) -> Table:
    """The table of what is finished, written to the checkpoints' folder."""
    found = {}
    for job in [job for job in jobs if job.done]:
        files = _files(options, job.category)
        try:
            found[job.category] = (results.read_training(files.result), results.read_evaluation(files.evaluation))
        except UserError as error:  # a category's bad file shall not cost the others their table
            job.failed = str(error)
    failed = {job.category: f"{job.failed}; log: {job.log}" for job in jobs if job.failed}
    table = Table.of(found, failed, options)
    table.write(Path(options.ckpt_dir))
    return table


class _Watch:
    """Progress over all categories: one bar on a terminal, lines elsewhere."""

    def __init__(self, count: int):
        self.known, self.spoken = 0, time.monotonic()
        terminal = sys.stderr.isatty()
        self.bar = tqdm(total=count, unit="category", disable=not terminal)
        self.redirected = ExitStack()
        if terminal:  # log lines go above the bar
            self.redirected.enter_context(logging_redirect_tqdm())

    def __call__(self, running: list[Job], finished: list[Job]) -> None:
        for job in finished[self.known :]:
            state = "done" if job.done else f"FAILED: {job.failed}; log: {job.log}" if job.failed else "stopped"
            log.info("%s: %s", job.category, state)
        self.known = len(finished)
        states = [job.progress() for job in running]
        self.bar.n = round(self.known + sum(share for share, _ in states), 2)
        self.bar.set_postfix_str("; ".join(text for _, text in states), refresh=True)
        if self.bar.disable and states and time.monotonic() - self.spoken > STATUS_SECONDS:
            self.spoken = time.monotonic()
            log.info("%.2f of %d categories; %s", self.bar.n, self.bar.total, "; ".join(text for _, text in states))

    def close(self) -> None:
        self.bar.close()
        self.redirected.close()
