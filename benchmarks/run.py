"""Measure this project against PyTorch, the 2022 way and anomalib, and write tables and a picture.

    python benchmarks/run.py
    python benchmarks/run.py --backbones resnet18 --measure step inference --rounds 3
    python benchmarks/run.py --anomalib OTHER_VENV/bin/python

Writes results.json, results.md and results.png. All of it takes hours on two cores; the options choose.
"""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

from benchmarks import options, results
from src.utils import log, run_program


def main() -> None:
    given = options.parse(__doc__)
    results.measure(given)
    log.info("results: %s/results.{md,json,png}", given.output)


if __name__ == "__main__":
    run_program(main)
