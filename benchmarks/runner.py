"""Measure the C++ runner in onnxruntime beside predict.py, from picture files to verdicts, as whole commands.

    python benchmarks/runner.py --model export/fastflow_bottle.onnx --pictures DATA/bottle/test

Both read the same files and write the same tables. The runner is measured twice: as it is, and with --readers 0, where
each picture is read, computed and written before the next: the ratio is what working at the same time brings. What a
command takes for one picture is its start; the rest is divided among the others.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parent.parent)  # the project's root in the place of benchmarks/

import argparse
import subprocess
import tempfile
import time
from collections.abc import Sequence
from statistics import median

from benchmarks.results import Row, Table, document, gather_facts
from benchmarks.rounds import alternate
from src import ROOT
from src.config import Parser
from src.data.listing import list_pictures
from src.runtime.program import run_program
from src.utils import UserError, atomic_path, check_writable, log

BUILT = ROOT / "ascend310_infer/build/onnxruntime/fastflow_infer"
BUILD = "bash ascend310_infer/build.sh --onnxruntime_home DIR"
RUNNER, ALONE, PREDICT = "runner", "runner, nothing overlaps", "predict.py"
INCOMPLETE = 3  # the exit status where some pictures cannot be read


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The options.

    Raises:
        UserError: an unknown option or value, no runner, or fewer than two pictures.
    """
    parser = Parser(prog="benchmarks/runner.py", description=__doc__, allow_abbrev=False)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    add("--model", type=Path, required=True, help="an ONNX file of export.py, its JSON beside it")
    add("--pictures", type=Path, required=True, help="a folder of pictures that both read")
    add("--runner", type=Path, default=BUILT, help="the program that ascend310_infer/build.sh --onnxruntime_home made")
    add("--rounds", type=int, default=5, help="measurements of each, in turn (default: 5)")
    add("--output", type=Path, default=Path("results/runner.md"), help="the table (default: results/runner.md)")
    options = parser.parse_args(argv)
    if options.rounds < 1:
        raise UserError(f"--rounds {options.rounds}: must be 1 or more")
    if not options.runner.is_file():
        raise UserError(f"--runner {options.runner}: no such program; {BUILD}")
    if not options.pictures.is_dir():
        raise UserError(f"--pictures {options.pictures}: no such folder; give one of pictures")
    return options


def command(name: str, options: argparse.Namespace, pictures: Path, output: Path) -> list[str]:
    """The command line of a contestant."""
    if name == PREDICT:
        given = {"--ckpt_path": options.model, "--img_dir": pictures, "--output_dir": output}
        start = [sys.executable, str(ROOT / "predict.py")]
    else:
        given = {"--mindir_path": options.model, "--pictures": pictures, "--output_path": output}
        start = [str(options.runner)]
        given |= {"--readers": 0} if name == ALONE else {}
    return start + [str(word) for pair in given.items() for word in pair]


def run(name: str, options: argparse.Namespace, pictures: Path) -> float:
    """Seconds of a contestant's command over a folder of pictures, or one picture.

    Raises:
        UserError: it failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        line = command(name, options, pictures, Path(folder) / "out")
        started = time.perf_counter()
        done = subprocess.run(line, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - started
    if done.returncode not in (0, INCOMPLETE):
        said = done.stderr.strip().splitlines() or ["no message"]
        raise UserError(f"{name} ended with status {done.returncode}: {said[-1]}; mend it and measure again")
    return seconds


def rows_of(whole: dict[str, list[float]], first: dict[str, list[float]], pictures: int) -> dict[str, Row]:
    """The table's rows: medians over the rounds, and ratios to the first contestant, of the time per picture.

    Args:
        whole: per contestant the seconds of each round, of all pictures; first: of one picture.
        pictures: how many there are.
    """
    rows: dict[str, Row] = {}
    each = {
        name: [(of_all - of_one) / (pictures - 1) for of_all, of_one in zip(whole[name], first[name], strict=True)]
        for name in whole
    }
    base = next(iter(each.values()))
    for name, times in each.items():
        rows[name] = {
            "all s": median(whole[name]),
            "start s": median(first[name]),
            "a picture s": median(times),
            "ratio": median(one / other for one, other in zip(times, base, strict=True)),
        }
    return rows


def measure(options: argparse.Namespace) -> Table:
    """Measure all contestants in turn.

    Raises:
        UserError: fewer than two pictures, or a contestant failed.
    """
    pictures = list_pictures(options.pictures, True)
    if len(pictures) < 2:
        raise UserError(f"--pictures {options.pictures}: fewer than two pictures; give more")
    names = [RUNNER, ALONE, PREDICT]
    first = alternate(names, options.rounds, lambda name: run(name, options, pictures[0]), "one picture")
    whole = alternate(names, options.rounds, lambda name: run(name, options, options.pictures), "all pictures")
    title = f"{len(pictures)} pictures of {options.pictures}, {options.model}, from files to verdicts"
    rows = rows_of(whole.times, first.times, len(pictures))
    return Table("runner", None, title, rows, whole.remarks(), whole.times)


def main() -> None:
    options = parse()
    check_writable(options.output)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    table = measure(options)
    with atomic_path(options.output) as path:
        path.write_text(document([table], gather_facts({"rounds": options.rounds}, {})), encoding="utf-8")
    log.info("\n%s\n", table.markdown())
    log.info("results: %s", options.output)


if __name__ == "__main__":
    run_program(main)
