"""All categories of a data set: trained and evaluated by train.py and eval.py, several at once, and their table."""

import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import psutil
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from src import results
from src.config import Options
from src.data.layouts import categories
from src.data.source import SPLIT_DEFAULTS
from src.files import INDEX, REPORT, RESULTS, RunFiles, category_folder
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
    options = options.resolved(output_dir=options.output_dir or str(RESULTS / "eval"))
    devices = _numbers(options, "device_ids", "device_id") * options.jobs  # a number per place to work at
    seeds = tuple(_numbers(options, "seeds", "seed")) if options.seeds is not None else ()
    names = _categories(options)
    if not Path(options.pre_ckpt_path).is_file():
        raise UserError(f"no encoder weights {options.pre_ckpt_path}; see train.py --help on --pre_ckpt_path")
    folder = Path(options.ckpt_dir)
    if options.cache_limit_gb is None and len(devices) > 1:  # each would take half of the memory
        limit = psutil.virtual_memory().available / GB / 2 / len(devices)
        options = options.resolved(cache_limit_gb=round(limit, 3))
    jobs = [_job(options, name, seed) for name in names for seed in seeds or (None,)]
    pages = [index_of(options)] if options.report else []
    check_outputs([*table_files(folder), *pages], [options.pre_ckpt_path])
    check_writable(*(job.log for job in jobs))
    with lock_folder(folder) as lock, Interrupt("asking the trainings to save and end", unwinds=True) as interrupt:
        log.info("%d categories on %d places: %s", len(names), len(devices), ", ".join(names))
        watch = _Watch(len(jobs))
        try:
            whole = run_jobs(jobs, devices, lock, lambda: interrupt.requested, watch)
        finally:
            watch.close()
        table = _write_table(options, jobs, seeds)
        if not whole:
            interrupt.stop("what was trained is saved; the same command goes on with it")
    return table


def index_of(options: Options) -> Path:
    """The page that leads to the reports of all categories."""
    return Path(options.output_dir or RESULTS / "eval") / INDEX


def _numbers(options: Options, name: str, single: str) -> list[int]:
    """The numbers of an option that names several, each as train.py's option `single` takes it."""
    check = options_of("train")[single].check
    try:
        numbers = [int(text) for text in options.values[name].split(",")]
    except ValueError:
        numbers = [-1]
    if any(map(check.problem, numbers)) or len(set(numbers)) < len(numbers):
        raise UserError(f"--{name} {options.values[name]}: give different numbers with commas, such as 0,1,2")
    return numbers


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


def _of_seed(options: Options, seed: int | None) -> Options:
    """The options of the runs with one of several seeds: its files have folders of their own."""
    if seed is None:
        return options
    folders = {name: str(Path(options.values[name]) / f"seed_{seed}") for name in ("ckpt_dir", "output_dir")}
    return options.resolved(seed=seed, **folders)


def _files(options: Options, category: str) -> RunFiles:
    return RunFiles(Path(options.ckpt_dir), category)


def _report(options: Options, category: str) -> Path:
    """eval.py's report of a run with these options."""
    return category_folder(options.output_dir, "eval", category) / REPORT


def _job(options: Options, category: str, seed: int | None = None) -> Job:
    """Training and evaluation of a category, with a seed of its own if there are several."""
    options = _of_seed(options, seed)
    files = _files(options, category)
    training = _stage("train", _given(options, "train", category), files.result, files)
    training.arguments.append("--resume")
    pages = [_report(options, category)] if options.report else []
    evaluation = _stage("eval", _given(options, "eval", category), files.evaluation, files, pages)
    evaluation.arguments.append(f"--ckpt_path={files.checkpoint}")
    evaluation.arguments.append(f"--result_path={files.evaluation}")
    return Job(category, [training, evaluation], files.log, seed)


def _stage(program: str, given: dict, result: Path, files: RunFiles, pages: Sequence[Path] = ()) -> Stage:
    """A program that writes `result` and `pages`; it is done where the first is of the same options and checkpoint."""
    decisive = [name for name, option in options_of(program).items() if Role.NOT_REDONE not in option.roles]

    def is_done() -> bool:
        if not all(path.is_file() for path in (result, files.checkpoint, *pages)) or files.state.exists():
            return False
        try:
            before = results.read_given_options(result)
        except UserError as error:
            log.warning("%s: %s", result.name, error)
            return False
        same = all(before.get(name) == given.get(name) for name in decisive if name not in SET_HERE)
        return same and result.stat().st_mtime_ns >= files.checkpoint.stat().st_mtime_ns

    return Stage(f"{program}.py", [f"--{name}={value}" for name, value in given.items()], is_done)


def _write_table(options: Options, jobs: list[Job], seeds: tuple[int, ...] = ()) -> Table:
    """The table of what is finished, written to the checkpoints' folder; with --report, also as a page of links."""
    found, reports = defaultdict(dict), defaultdict(dict)
    for job in [job for job in jobs if job.done]:
        own = _of_seed(options, job.seed)
        files = _files(own, job.category)
        try:
            pair = results.read_training(files.result), results.read_evaluation(files.evaluation)
            found[job.category][job.seed] = pair
            reports[job.category][job.seed] = _report(own, job.category)
        except UserError as error:  # a category's bad file shall not cost the others their table
            job.failed = str(error)
    failed = {job.name: f"{job.failed}; log: {job.log}" for job in jobs if job.failed}
    table = Table.of(found, failed, options, seeds)
    table.write(Path(options.ckpt_dir))
    if options.report:
        table.write_page(index_of(options), reports)
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
            log.info("%s: %s", job.name, state)
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
