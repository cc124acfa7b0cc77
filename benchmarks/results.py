"""All measurements in their order, and the files that hold what they found."""

import argparse
import shlex
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from importlib import metadata

from benchmarks import chart, machine, measures, memory
from benchmarks.contestants import CONTESTANTS, choose, measuring, taking_part
from benchmarks.process import Process
from benchmarks.tables import Table, document
from benchmarks.team import Settings, Team
from src.kernels import library
from src.utils import UserError, atomic_path, check_writable, log, write_json

METHOD = (
    "Contestants run in processes of their own, on all cores of the CPU, and are measured in turn, in rounds. A ratio "
    "is the median over the rounds of a contestant's time over that of the table's first row (of an epoch and of "
    "memory: of the totals): above 1 is more. Weights are random and pictures are noise, which changes no arithmetic."
)
PACKAGES = ("mindspore", "torch", "numpy", "onnxruntime", "scikit-learn")


def measure(options: argparse.Namespace) -> list[Table]:
    """Run what the options ask for; the files are written anew after every measurement.

    Raises:
        UserError: something missing or wrong, or a contestant that failed; what was measured before it is written.
    """
    names = choose(options.contestants, options.anomalib)
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
        logs=logs,
        python=sys.executable,
    )
    facts = _facts(options, settings, names)
    tables: list[Table] = []
    for table in _tables(settings, options, names):
        tables.append(table)
        log.info("\n%s\n", table.markdown())
        _write(options, facts, tables)
    if not tables:
        raise UserError("none of the --contestants takes part in any of the --measure; choose others")
    return tables


def _tables(settings: Settings, options: argparse.Namespace, names: list[str]) -> Iterator[Table]:
    """Every table that is asked for and has a contestant."""
    asked = options.measure
    if "convolution" in asked:
        yield measures.convolution(settings)
    for backbone in options.backbones:
        taking = {measure: taking_part(names, measure, backbone) for measure in asked}
        pictures = settings.pictures if "epoch" in asked else settings.batch
        with Team(settings, backbone, pictures) as team:
            for name in ("step", "epoch"):
                if taking.get(name):
                    yield getattr(measures, name)(team, taking[name])
            if taking.get("inference"):
                yield from measures.inference(team, taking["inference"])
            whole = [name for name in taking.get("evaluation", ()) if name != "scikit_learn"]
            if whole and backbone in measures.WHOLE_BACKBONES:
                yield measures.whole_evaluation(team, whole)
        training = [name for name in taking.get("memory", ()) if name != "scikit_learn"]
        if training:
            yield memory.with_network(settings, backbone, training)
    without_network = measuring(names)
    if without_network and "evaluation" in asked:
        yield measures.evaluation(settings, without_network)
    if without_network and "memory" in asked:
        yield memory.of_measuring(settings, without_network)


def _facts(options: argparse.Namespace, settings: Settings, names: list[str]) -> dict:
    """What the files say beside the tables."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    if any(CONTESTANTS[name].kernels for name in names):
        versions["CPU kernels"] = library.path().stem
    if options.anomalib:
        with Process("anomalib", settings.anomalib, "anomalib_model", settings.logs / "anomalib_model.log") as process:
            found = process.call("versions")
        versions["anomalib"] = f"{found['anomalib']} (torch {found['torch']}, numpy {found['numpy']})"
    return {
        "date": time.strftime("%Y-%m-%d"),
        "command": shlex.join(["python", *sys.argv]),
        "machine": machine.describe(),
        "versions": versions,
        "method": METHOD,
        "settings": {name: value for name, value in vars(options).items() if name not in ("anomalib", "output")},
    }


def _write(options: argparse.Namespace, facts: dict, tables: list[Table]) -> None:
    """results.json, results.md and results.png, each atomically."""
    write_json(options.output / "results.json", facts | {"tables": [asdict(table) for table in tables]})
    with atomic_path(options.output / "results.md") as path:
        path.write_text(document(tables, facts), encoding="utf-8")
    chart.draw(options.output / "results.png", tables, facts)
