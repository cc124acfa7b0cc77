"""The table of several categories: as Markdown, CSV and JSON, with the mean and the published figures."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from src.config import Options
from src.metrics import METRICS
from src.run_all import published
from src.utils import atomic_path, shown, write_json

BEST = {"pixel_auc": "best pixel AUROC", "image_auc": "image AUROC there", "epoch": "at epoch"}
NOTE = (
    "Figures are the last epoch's. The columns from `best` on are of the evaluation that was best on the test set: "
    "chosen on it, so better than a user can expect."
)


@dataclass(frozen=True)
class Table:
    """Rows by category and what is said of them.

    rows: per category its figures by column name, None where one is not defined; mean: the same over all rows,
    where every row has one; remarks: sentences under the table; failed: per category why it has no row.
    """

    rows: dict[str, dict]
    mean: dict
    remarks: list[str]
    failed: dict[str, str]

    @classmethod
    def of(cls, results: dict[str, tuple[dict, dict]], failed: dict[str, str], options: Options) -> "Table":
        """From the JSON of training and of evaluation per category, and the options of all of them."""
        others = published.differences(options)
        rows = {name: _row(name, *result, not others) for name, result in sorted(results.items())}
        remarks = [NOTE, f"Masks: {options.gt_protocol}."]
        if others:
            remarks.append(f"The 2022 README's figures are not shown: they are for another protocol; here {others[0]}.")
        else:
            remarks.append(f"Published: {published.SOURCE}; {published.PROTOCOL}.")
        return cls(rows, _mean(list(rows.values())), remarks, failed)

    def markdown(self) -> str:
        """The table and its remarks, for reading."""
        if not self.rows:
            return "No category is finished.\n" + self._failures()
        names = self._columns()
        lines = [["category", *names.values()], ["---"] + ["---:"] * len(names)]
        for category, row in [*self.rows.items(), ("**mean**", self.mean)]:
            lines.append([_cell(category), *(_shown(name, row.get(name)) for name in names)])
        text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        return "\n\n".join([text, *self.remarks]) + "\n" + self._failures()

    def csv(self) -> str:
        """A row per category and one of means; empty where a figure is not defined."""
        names = list(self._columns())
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["category", *names])
        for category, row in [*self.rows.items(), ("mean", self.mean)]:
            writer.writerow([shown(category), *(row.get(name) for name in names)])
        return text.getvalue()

    def write(self, folder: Path) -> None:
        """table.md, table.csv and table.json, each atomically."""
        markdown, comma_separated, json = table_files(folder)
        for file, text in ((markdown, self.markdown()), (comma_separated, self.csv())):
            with atomic_path(file) as path:
                path.write_text(text, encoding="utf-8")
        write_json(
            json,
            {"rows": self.rows, "mean": self.mean, "remarks": self.remarks, "failed": self.failed},
        )

    def _columns(self) -> dict[str, str]:
        names = (
            {metric.name: metric.title for metric in METRICS}
            | {"seconds": "seconds"}
            | {f"best_{name}": title for name, title in BEST.items()}
        )
        if any("published_pixel_auc" in row for row in self.rows.values()):
            names |= {"published_pixel_auc": "pixel AUROC, 2022"}
        return names

    def _failures(self) -> str:
        return "".join(f"\nfailed: {_cell(name)}: {_cell(reason)}\n" for name, reason in self.failed.items())


def table_files(folder: Path) -> list[Path]:
    """The files of a table in a folder: Markdown, CSV and JSON."""
    return [folder / f"table.{ending}" for ending in ("md", "csv", "json")]


def _cell(text: str) -> str:
    """A text from outside in a Markdown table, where a line or a bar would end the cell."""
    return shown(text).replace("|", "\\|")


def _row(category: str, trained: dict, evaluated: dict, comparable: bool) -> dict:
    """One category's figures; the best on the test set only where training used the evaluation's mask protocol."""
    best = trained["best_on_test"] if trained["gt_protocol"] == evaluated["gt_protocol"] else None
    row = {metric.name: evaluated["metrics"].get(metric.name) for metric in METRICS} | {"seconds": trained["seconds"]}
    row |= {f"best_{name}": (best or {}).get(name) for name in BEST}
    if comparable and category in published.PIXEL_AUC:
        row["published_pixel_auc"] = published.PIXEL_AUC[category]
    return row


def _mean(rows: list[dict]) -> dict:
    """The mean of every figure that all rows have."""
    names = [name for name in (rows[0] if rows else {}) if all(row.get(name) is not None for row in rows)]
    return {name: sum(row[name] for row in rows) / len(rows) for name in names if name != "best_epoch"}


def _shown(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if name in ("seconds", "best_epoch") else f"{value:.4f}"
