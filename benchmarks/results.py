"""Results: tables of numbers, in Markdown, and the facts about the machine and the software that go with them."""

import shlex
import sys
import time
from dataclasses import dataclass, field
from importlib import metadata

from benchmarks import machine

METHOD = (
    "Contestants run in processes of their own, on all cores of the CPU, and are measured in turn, in rounds. A ratio "
    "is the median over the rounds of a contestant's time over that of the table's first row (of an epoch and of "
    "memory: of the totals): above 1 is more. Weights are random and pictures are noise, which changes no arithmetic."
)
PACKAGES = ("mindspore", "torch", "numpy", "onnxruntime", "openvino", "scikit-learn")

Row = dict[str, float | None]


@dataclass(frozen=True)
class Table:
    """The results of a measurement.

    Attributes:
        measure: which measurement.
        backbone: the encoder; None where there is none.
        title: what was measured, in words.
        rows: per contestant's title its numbers by column; the unit is in the column's name.
        remarks: sentences under the table.
        rounds: per contestant's title the seconds of every round.
    """

    measure: str
    backbone: str | None
    title: str
    rows: dict[str, Row]
    remarks: list[str] = field(default_factory=list)
    rounds: dict[str, list[float]] = field(default_factory=dict)

    def columns(self) -> list[str]:
        """Every column that a row has, in the order of their appearance."""
        return list(dict.fromkeys(column for row in self.rows.values() for column in row))

    def markdown(self) -> str:
        """Title, table and remarks."""
        lines = [["", *self.columns()], ["---"] + ["---:"] * len(self.columns())]
        for name, row in self.rows.items():
            lines.append([name, *(shown(column, row.get(column)) for column in self.columns())])
        parts = [f"### {self.title}"]
        if self.rows:
            parts.append("\n".join(f"| {' | '.join(line)} |" for line in lines))
        return "\n\n".join(parts + self.remarks)


def shown(column: str, value: float | None) -> str:
    """A number of a column for reading: three significant digits, and for a ratio an x."""
    if value is None:
        return "-"
    digits = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3 if value >= 0.1 else 4
    return f"{value:.{digits}f}{' x' if column.startswith('ratio') else ''}"


def gather_facts(options: dict, more_versions: dict[str, str]) -> dict:
    """What the files say beside the tables.

    Args:
        options: of the command line, by name.
        more_versions: versions beside those of the installed `PACKAGES`.
    """
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {
        "date": time.strftime("%Y-%m-%d"),
        "command": shlex.join(["python", *sys.argv]),
        "machine": machine.describe(),
        "versions": versions | more_versions,
        "method": METHOD,
        "settings": {name: value for name, value in options.items() if name not in ("anomalib", "output")},
    }


def document(tables: list[Table], facts: dict) -> str:
    """All tables, in Markdown, under a description of the machine and of how it was measured."""
    described = facts["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    head = [
        "# Benchmarks",
        f"{described['processor']}, {described['cores']} cores, {described['memory_gb']:.0f} GB; "
        f"{described['system']}; {facts['date']}. {versions}.",
        f"`{facts['command']}`",
        facts["method"],
    ]
    return "\n\n".join([*head, *(table.markdown() for table in tables)]) + "\n"
