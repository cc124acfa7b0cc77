"""Reports as one HTML file each, which asks for nothing else: no network, no library. Whatever is put in is escaped."""

import base64
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
from markupsafe import Markup

from src.metrics import METRICS, THRESHOLDS
from src.report.charts import Lines, curves, histogram
from src.report.gallery import FALSE_ALARM, MISSED, UNREADABLE, WRONG, Gallery
from src.trust.outputs import HTML_BEGINNING
from src.utils import atomic_path, shown
from src.verdict import DEFECTIVE, GOOD, origin

TEMPLATES = Path(__file__).parent / "templates"
TAIL = 14  # characters of a name that are shown however narrow a card is
TITLES = {metric.name: metric.title for metric in (*METRICS, *THRESHOLDS)}


def write_report(
    path: Path,
    program: str,
    result: Mapping[str, Any],
    gallery: Gallery,
    course: Mapping[str, Any] | None = None,
) -> None:
    """Write the report of one category's pictures, whole or not at all.

    Args:
        program: that makes it: "eval", "predict".
        result: what is known of all pictures together, under the names of the program's JSON; all of it may be absent.
        gallery: the pictures.
        course: the JSON of the training (`losses`, `history`), where there is one.
    """
    _write(path, report_pieces(program, result, gallery, course))


def report_pieces(
    program: str,
    result: Mapping[str, Any],
    gallery: Gallery,
    course: Mapping[str, Any] | None = None,
) -> Iterator[str]:
    """The report that `write_report` writes, piece by piece."""
    judge = gallery.judge
    return _filled_in(
        "report.html",
        program=program,
        result=result,
        gallery=gallery,
        title=result.get("category") or result.get("checkpoint") or "Pictures",
        judge=judge,
        source=judge and origin(judge.source, judge.pictures),
        remarks=judge.remarks() if judge else [],
        figures=[(name, title, (result.get("metrics") or {}).get(name)) for name, title in TITLES.items()],
        headline=[metric.name for metric in METRICS],
        histogram=histogram(gallery.scores, judge and judge.image.threshold),
        courses=_courses(course or {}),
    )


def write_index(path: Path, table: Mapping[str, Any], reports: Mapping[str, Mapping[int | None, Path]]) -> None:
    """Write the page of several categories: their table, with links to their reports.

    Args:
        table: `columns` (titles by name), `rows` (by category: texts by column), `mean` (texts by column), `remarks`,
            `failed` (by run: why), `errors` (by category: see `Judge.errors`, or None).
        reports: by category and seed (None: there is one run) the file.
    """
    links = {
        category: {seed: _link(file, path.parent) for seed, file in files.items()}
        for category, files in reports.items()
    }
    _write(path, _filled_in("index.html", program="run_all", title="All categories", table=table, links=links))


def _link(file: Path, folder: Path) -> str:
    """A file as an address from a page in a folder."""
    return quote(Path(os.path.relpath(file, folder)).as_posix())


def _courses(course: Mapping[str, Any]) -> list[Lines]:
    """The curves of a training: its loss, and its figures on the test set."""
    losses, history = course.get("losses") or [], course.get("history") or []
    figures = {
        metric.title: [
            (record["epoch"], record[metric.name]) for record in history if record.get(metric.name) is not None
        ]
        for metric in METRICS
        if metric.curve
    }
    drawn = [
        curves("Training loss (negative log-likelihood)", {"loss": list(enumerate(losses, 1))}),
        curves("Figures on the test set, for looking", figures),
    ]
    return [lines for lines in drawn if lines]


def _filled_in(template: str, **context: Any) -> Iterator[str]:
    """A filled-in template, piece by piece."""
    return _environment().get_template(template).generate(context)


def _write(path: Path, pieces: Iterable[str]) -> None:
    """Write a page, whole or not at all."""
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(pieces)


def _environment() -> jinja2.Environment:
    """The templates, and what they may use. Everything that comes from outside is escaped, and of one line."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_in_one_line,
    )
    style, gallery, script = (
        (TEMPLATES / name).read_text(encoding="utf-8") for name in ("style.css", "gallery.css", "report.js")
    )
    style += gallery
    environment.globals |= {
        "beginning": Markup(HTML_BEGINNING),
        "style": Markup(style),
        "script": Markup(script),
        "style_digest": _digest(style),
        "script_digest": _digest(script),
        "made": datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        "GOOD": GOOD,
        "DEFECTIVE": DEFECTIVE,
        "WRONG": WRONG,
        "MISSED": MISSED,
        "FALSE_ALARM": FALSE_ALARM,
        "UNREADABLE": UNREADABLE,
    }
    environment.filters |= {"parts": _parts, "number": _number, "words": lambda name: name.replace("_", " ")}
    return environment


def _in_one_line(value: Any) -> Any:
    """What is put into a page: a text without control characters and broken letters; all else as it is."""
    if not isinstance(value, str) or isinstance(value, Markup) or value.isprintable():
        return value
    return shown(value)


def _digest(text: str) -> str:
    """What a page's own policy knows a style or a script by: only these are applied, whatever else gets into it."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _parts(name: str) -> tuple[str, str]:
    """A name in two: what may be shortened, and its end."""
    name = shown(name)
    return name[:-TAIL], name[-TAIL:]


def _number(value: Any) -> str:
    """A number, shortly; any other value as it is."""
    if isinstance(value, float):
        return f"{value:.4f}" if 0.001 <= abs(value) < 1000 else f"{value:.4g}"
    return str(value)
