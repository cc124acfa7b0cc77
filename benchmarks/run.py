"""Measure this project against PyTorch, the 2022 way and anomalib, and write tables and a picture.

    python benchmarks/run.py
    python benchmarks/run.py --backbones resnet18 --measure step inference --rounds 3
    python benchmarks/run.py --anomalib OTHER_VENV/bin/python

Writes results.json, results.md and results.png. All of it takes hours on two cores; the options choose.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parent.parent)  # the project's root in the place of benchmarks/

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from benchmarks import chart, contestants, measurements, memory, scaling
from benchmarks.contestants import CONTESTANTS
from benchmarks.processes import Process, Settings, Team
from benchmarks.results import Table, document, gather_facts
from benchmarks.workers.worker import CONV3X3_ONLY
from src.config import Parser
from src.option import network_size
from src.runtime.program import run_program
from src.utils import UserError, atomic_path, check_writable, log, write_json

MEASURES = ("convolution", "step", "epoch", "inference", "evaluation", "memory", "scaling")


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The options.

    Raises:
        UserError: an unknown option or value.
    """
    parser = Parser(
        prog="benchmarks/run.py",
        description=__doc__,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    usual = ["wide_resnet50_2", "resnet18", "efficientnet_lite0"]
    add("--backbones", nargs="+", choices=CONV3X3_ONLY, default=usual, help=f"encoders (default: {' '.join(usual)})")
    add("--measure", nargs="+", choices=MEASURES, default=list(MEASURES), help="measurements (default: all)")
    add("--contestants", nargs="+", metavar="NAME", help=f"of {', '.join(CONTESTANTS)} (default: all)")
    add("--rounds", type=int, default=5, help="measurements of each contestant, in turn (default: 5)")
    add("--im_resize", type=int, default=256, help="picture size (default: 256)")
    add("--batch", type=int, default=8, help="pictures per training step and per evaluation batch (default: 8)")
    add("--pictures", type=int, default=209, help="training pictures of an epoch (default: 209, as MVTec AD's bottle)")
    add("--test_pictures", type=int, default=83, help="test pictures of an evaluation (default: 83, as bottle)")
    add("--conv_size", type=int, default=64, help="pixels per side of the single convolution's input (default: 64)")
    add("--anomalib", metavar="PYTHON", help="an interpreter that has anomalib; without it anomalib is left out")
    add("--output", type=Path, default=Path("results/benchmarks"), help="folder (default: results/benchmarks)")
    options = parser.parse_args(argv)
    for name, low in (("rounds", 1), ("batch", 1), ("pictures", 1), ("test_pictures", 8), ("conv_size", 1)):
        if getattr(options, name) < low:
            raise UserError(f"--{name} {getattr(options, name)}: must be {low} or more")
    if options.pictures < options.batch:
        raise UserError(f"--pictures {options.pictures}: must be at least --batch {options.batch}")
    if wrong := network_size.problem(options.im_resize):
        raise UserError(f"--im_resize {options.im_resize}: {wrong}")
    return options


def measure(options: argparse.Namespace) -> None:
    """Measure what the options ask for. The files are written anew after every measurement.

    Raises:
        UserError: something missing or wrong, or a contestant that failed; what was measured before it is written.
    """
    names = contestants.choose(options.contestants, options.anomalib)
    check_writable(options.output / "results.json")
    logs = options.output / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    for old in logs.glob("*.log"):
        old.unlink()
    settings = Settings(
        size=options.im_resize,
        batch=options.batch,
        pictures=options.pictures,
        test_pictures=options.test_pictures,
        rounds=options.rounds,
        conv_size=options.conv_size,
        anomalib=options.anomalib,
        python=sys.executable,
        logs=logs,
    )
    facts = gather_facts(vars(options), _more_versions(settings, names))
    tables: list[Table] = []
    for table in _tables(settings, options, names):
        tables.append(table)
        log.info("\n%s\n", table.markdown())
        write_json(options.output / "results.json", facts | {"tables": [asdict(table) for table in tables]})
        with atomic_path(options.output / "results.md") as path:
            path.write_text(document(tables, facts), encoding="utf-8")
        chart.draw(options.output / "results.png", tables, facts)
    if not tables:
        raise UserError("none of the --contestants takes part in any of the --measure; choose others")


def _more_versions(settings: Settings, names: list[str]) -> dict[str, str]:
    """Versions of the CPU kernels and of anomalib, where they are used."""
    versions = {}
    if kernels := contestants.kernels_version(names):
        versions["CPU kernels"] = kernels
    if settings.anomalib:
        with Process("anomalib", settings.anomalib, CONTESTANTS["anomalib"].worker, settings.logs) as process:
            found = process.call("versions")
        versions["anomalib"] = f"{found['anomalib']} (torch {found['torch']}, numpy {found['numpy']})"
    return versions


def _tables(settings: Settings, options: argparse.Namespace, names: list[str]) -> Iterator[Table]:
    """Every table that is asked for and has a contestant, measured when it is taken."""
    asked = options.measure
    if "convolution" in asked:
        yield measurements.convolution(settings)
    for backbone in options.backbones:
        taking = {measure: contestants.taking_part(names, measure, backbone) for measure in MEASURES}
        pictures = settings.pictures if "epoch" in asked else settings.batch
        with Team(settings, backbone, pictures) as team:
            if "step" in asked and taking["step"]:
                yield measurements.step(team, taking["step"])
            if "epoch" in asked and taking["epoch"]:
                yield measurements.epoch(team, taking["epoch"])
            if "inference" in asked and taking["inference"]:
                yield from measurements.inference(team, taking["inference"])
            if "evaluation" in asked and taking["evaluation"] and backbone in measurements.WHOLE_BACKBONES:
                yield measurements.whole_evaluation(team, taking["evaluation"])
        if "memory" in asked and taking["memory"]:
            yield memory.with_network(settings, backbone, taking["memory"])
        if "scaling" in asked:
            for name in taking["scaling"]:
                yield from scaling.scaling(settings, backbone, name)
    scoring = contestants.without_network(names)
    if "evaluation" in asked and scoring:
        yield measurements.evaluation(settings, scoring)
    if "memory" in asked and scoring:
        yield memory.without_network(settings, scoring)


def main() -> None:
    options = parse()
    measure(options)
    log.info("results: %s/results.{md,json,png}", options.output)


if __name__ == "__main__":
    run_program(main)
