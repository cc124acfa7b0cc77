"""Tables of results, as JSON and as Markdown."""

from dataclasses import dataclass, field

Row = dict[str, float | None]


@dataclass(frozen=True)
class Table:
    """A measurement's results.

    Attributes:
        measure: which one.
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
        parts = [f"### {self.title}", "\n".join(f"| {' | '.join(line)} |" for line in lines), *self.remarks]
        return "\n\n".join(parts if self.rows else [parts[0], *self.remarks])


def shown(column: str, value: float | None) -> str:
    """A number for reading: three digits that mean something, ratios with their sign."""
    if value is None:
        return "-"
    digits = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3 if value >= 0.1 else 4
    return f"{value:.{digits}f}{' x' if column.startswith('ratio') else ''}"


def document(tables: list[Table], facts: dict) -> str:
    """All tables under a description of the machine and of how it was measured."""
    machine = facts["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    head = [
        "# Benchmarks",
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gb']:.0f} GB; {machine['system']}; "
        f"{facts['date']}. {versions}.",
        f"`{facts['command']}`",
        facts["method"],
    ]
    return "\n\n".join([*head, *(table.markdown() for table in tables)]) + "\n"
