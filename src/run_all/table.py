"""The table of several categories: as Markdown, CSV, JSON and a page, with the mean and the published figures."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from src.config import Options
from src.metrics import METRICS
from src.report.page import write_index
from src.run_all import published
from src.run_all.rows import BEST, Row, mean, row_of, row_of_all, spread, spread_of_means
from src.utils import atomic_path, shown, write_json

NOTE = (
    "Figures are the last epoch's. The columns from `best` on are of the evaluation that was best on the test set: "
    "chosen on it, so better than a user can expect."
)
SEEDS = "Means and standard deviations (with n - 1) over the seeds {}."
Results = Mapping[
    int | None, tuple[dict, dict]
]  # by seed (None: there is one run): the JSON of training and evaluation


@dataclass(frozen=True)
class Table:
    """Rows by category and what is said of them.

    Attributes:
        rows: per category its figures by column name, None where one is not defined; with several seeds their means.
        mean: the same over all rows, where every row has one.
        remarks: sentences under the table.
        failed: per run why it has no figures.
        errors: per category how many pictures are called wrongly (see `Judge.errors`), over all seeds; None where that
            is not known.
        seeds: the seeds, if there are several runs of each category.
        by_seed: with seeds, per category and seed its figures.
        spread: with seeds, per category the standard deviation of each figure; mean_spread: of the mean.
    """

    rows: dict[str, Row]
    mean: Row
    remarks: list[str]
    failed: dict[str, str]
    errors: dict[str, dict | None] = field(default_factory=dict)
    seeds: tuple[int, ...] = ()
    by_seed: dict[str, dict[int, Row]] = field(default_factory=dict)
    spread: dict[str, Row] = field(default_factory=dict)
    mean_spread: Row = field(default_factory=dict)

    @classmethod
    def of(
        cls, results: Mapping[str, Results], failed: dict[str, str], options: Options, seeds: tuple[int, ...] = ()
    ) -> "Table":
        """From the results of the runs that are finished, and the options of all of them.

        A category has a row where all its runs are finished.
        """
        others = published.differences(options)
        runs = {
            name: {seed: row_of(name, *result, not others) for seed, result in found.items()}
            for name, found in sorted(results.items())
            if found
        }
        whole = [name for name, found in runs.items() if len(found) == max(1, len(seeds))]
        rows = {name: row_of_all(list(runs[name].values())) for name in whole}
        remarks = [NOTE, f"Masks: {options.gt_protocol}."]
        if others:
            remarks.append(f"The 2022 README's figures are not shown: they are for another protocol; here {others[0]}.")
        else:
            remarks.append(f"Published: {published.SOURCE}; {published.PROTOCOL}.")
        errors = {name: _added([evaluated for _, evaluated in results[name].values()]) for name in whole}
        if not seeds:
            return cls(rows, mean(list(rows.values())), remarks, failed, errors)
        remarks.append(SEEDS.format(", ".join(map(str, seeds))))
        spreads = {name: spread(list(runs[name].values())) for name in whole}
        of_mean = spread_of_means([runs[name][seed] for name in whole] for seed in seeds)
        return cls(rows, mean(list(rows.values())), remarks, failed, errors, seeds, runs, spreads, of_mean)

    def markdown(self) -> str:
        """The table and its remarks, for reading."""
        if not self.rows:
            return "No category is finished.\n" + self._failures()
        names = self._columns()
        lines = [["category", *names.values()], ["---"] + ["---:"] * len(names)]
        lines += [[_cell(category), *texts.values()] for category, texts in self._texts().items()]
        lines.append(["**mean**", *self._mean_texts().values()])
        text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        return "\n\n".join([text, *self.remarks]) + "\n" + self._failures()

    def csv(self) -> str:
        """A row per category and one of means; empty where a figure is not defined. With seeds, each figure that has a
        standard deviation is followed by it."""
        names = list(self._columns())
        varying = {name for row in (*self.spread.values(), self.mean_spread) for name in row}
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        both = [(name, ending) for name in names for ending in (("", "_std") if name in varying else ("",))]
        writer.writerow(["category", *(name + ending for name, ending in both)])
        rows = [(category, row, self.spread.get(category, {})) for category, row in self.rows.items()]
        for category, row, spreads in [*rows, ("mean", self.mean, self.mean_spread)]:
            values = {"": row, "_std": spreads}
            writer.writerow([shown(category), *(values[ending].get(name) for name, ending in both)])
        return text.getvalue()

    def write(self, folder: Path) -> None:
        """table.md, table.csv and table.json, each atomically."""
        markdown, comma_separated, json = table_files(folder)
        for file, text in ((markdown, self.markdown()), (comma_separated, self.csv())):
            with atomic_path(file) as path:
                path.write_text(text, encoding="utf-8")
        said = {"rows": self.rows, "mean": self.mean, "remarks": self.remarks, "failed": self.failed}
        if self.seeds:
            said |= {"seeds": self.seeds, "by_seed": self.by_seed, "standard_deviation": self.spread}
            said["standard_deviation_of_mean"] = self.mean_spread
        write_json(json, said)

    def write_page(self, path: Path, reports: Mapping[str, Mapping[int | None, Path]]) -> None:
        """The table as a page that leads to the reports, by category and seed."""
        said = {"columns": self._columns(), "rows": self._texts(), "mean": self._mean_texts()}
        write_index(path, said | {"remarks": self.remarks, "failed": self.failed, "errors": self.errors}, reports)

    def _columns(self) -> dict[str, str]:
        names = (
            {metric.name: metric.title for metric in METRICS}
            | {"seconds": "seconds"}
            | {f"best_{name}": title for name, title in BEST.items()}
        )
        if any("published_pixel_auc" in row for row in self.rows.values()):
            names |= {"published_pixel_auc": "pixel AUROC, 2022"}
        return names

    def _texts(self) -> dict[str, dict[str, str]]:
        """Per category the texts of its cells by column name."""
        return {category: self._texts_of(row, self.spread.get(category, {})) for category, row in self.rows.items()}

    def _mean_texts(self) -> dict[str, str]:
        return self._texts_of(self.mean, self.mean_spread)

    def _texts_of(self, row: Row, spreads: Row) -> dict[str, str]:
        return {name: _shown(name, row.get(name), spreads.get(name)) for name in self._columns()}

    def _failures(self) -> str:
        return "".join(f"\nfailed: {_cell(name)}: {_cell(reason)}\n" for name, reason in self.failed.items())


def table_files(folder: Path) -> list[Path]:
    """The files of a table in a folder: Markdown, CSV and JSON."""
    return [folder / f"table.{ending}" for ending in ("md", "csv", "json")]


def _added(evaluations: list[dict]) -> dict | None:
    """The errors of several evaluations together."""
    found = [evaluated.get("errors") for evaluated in evaluations]
    return {name: sum(errors[name] for errors in found) for name in found[0]} if all(found) else None


def _cell(text: str) -> str:
    """A text from outside in a Markdown table, where a line or a bar would end the cell."""
    return shown(text).replace("|", "\\|")


def _shown(name: str, value: float | None, deviation: float | None = None) -> str:
    if value is None:
        return "-"
    places = 0 if name in ("seconds", "best_epoch") else 4
    return f"{value:.{places}f}" + ("" if deviation is None else f" ± {deviation:.{places}f}")
