"""A report's HTML: nothing in it comes from elsewhere, nothing that was put in is markup, and what is known is said."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from src.report.gallery import Gallery
from src.report.page import write_index, write_report
from tests.support.reports import EMOJI, HOSTILE, JUDGE, LONG, QUOTES, add, labelled

RESULT = {
    "category": f"nut {HOSTILE}",
    "checkpoint": "fastflow_nut.ckpt",
    "gt_protocol": "nearest",
    "metrics": {"pixel_auc": 0.98765, "image_auc": None, "image_threshold_f1_max": -0.47},
    "absent": ["no good test pictures: no image-level figures"],
    "per_defect": {"cut": {"pictures": 3, "pixel_auc": 0.5}, HOSTILE: {"pictures": 2, "pixel_auc": None}},
    "errors": {"missed": 2, "defective_pictures": 4, "false_alarms": 1, "good_pictures": 3},
    "options": {"im_resize": 64, "category": HOSTILE, "bit_depth": None},
    "versions": {"python": "3.11"},
}
COURSE = {"losses": [5.0, 4.0], "history": [{"epoch": 2, "pixel_auc": 0.9, "image_auc": None}]}


class Reader(HTMLParser):
    """A page's elements with their attributes, and its text outside of style and script."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.text, self._within = [], [], ""
        self.feed(html)
        self.text = re.sub(r"\s+", " ", "".join(self.text))

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self._within = tag

    def handle_endtag(self, tag):
        self._within = ""

    def handle_data(self, data):
        if self._within not in ("style", "script"):
            self.text.append(data)

    def attributes(self, name):
        return [attributes[name] for _, attributes in self.elements if name in attributes]

    def count(self, tag):
        return sum(name == tag for name, _ in self.elements)


def report(folder, gallery, result=RESULT, course=COURSE, program="eval"):
    write_report(folder / "report.html", program, result, gallery, course)
    return (folder / "report.html").read_text(encoding="utf-8")


def test_nothing_is_fetched_and_only_the_pages_own_style_and_script_are_applied(tmp_path):
    html = report(tmp_path, labelled())
    page = Reader(html)
    assert html.startswith('<!DOCTYPE html>\n<!-- fastflow_mindspore -->\n<html lang="en">')
    assert all(
        address.startswith(("data:image/webp;base64,", "#"))
        for address in page.attributes("src") + page.attributes("href")
    )
    assert (page.count("script"), page.count("style"), page.count("link")) == (1, 1, 0)
    assert not page.attributes("style")
    assert not [name for _, found in page.elements for name in found if name.startswith("on")]
    (policy,) = (found["content"] for tag, found in page.elements if "http-equiv" in found)
    assert policy.startswith("default-src 'none'; img-src data:; ")
    for tag in ("style", "script"):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
        assert "http" not in text
        assert "url(" not in text


def test_names_are_text_and_never_markup(tmp_path):
    page = Reader(report(tmp_path, labelled()))
    result = RESULT | {
        "per_defect": {kind.replace(HOSTILE, "z.png"): row for kind, row in RESULT["per_defect"].items()}
    }
    plain = Reader(report(tmp_path, labelled("z.png", "a.png", "b.png", "c.png"), result))
    assert [tag for tag, _ in page.elements] == [tag for tag, _ in plain.elements]
    titles = page.attributes("title")
    for name in (f"cut/{HOSTILE}", f"good/{QUOTES}", EMOJI, LONG):
        assert name in titles
        assert name in page.text
        assert f"heat map of {name}" in page.attributes("aria-label")
    assert f"cannot read {HOSTILE}: truncated" in page.text
    assert f"nut {HOSTILE}" in page.text


def test_control_characters_and_broken_letters_are_shown_as_codes(tmp_path):
    gallery = Gallery(JUDGE.pixel, JUDGE)
    add(gallery, "a\nb\u202ec\udcff", -0.2)
    page = Reader(report(tmp_path, gallery, {}, None))
    assert "a\\nb\\u202ec\\udcff" in page.attributes("title")


def test_what_an_evaluation_knows_is_said(tmp_path):
    page = Reader(report(tmp_path, labelled()))
    for text in (
        "2 of 4 defective pictures missed, 1 of 3 good pictures called defective.",
        "pixel AUROC0.9877",
        "no good test pictures: no image-level figures",
        "50.0 % of the defective pictures are found",
        "from a score of -0.5000",
        "The thresholds are from 21 held-out good pictures, chosen so that at most 1 %",
        "21 held-out good pictures allow no less than 4.5 % false alarms",
        "image threshold of the best F1 -0.4700",
        "Training loss",
        "--im_resize",
        "mask of the defect",
    ):
        assert text in page.text
    assert "image AUROC" not in page.text.replace("image AUROC 0", "")  # it is not defined here
    assert page.count("article") == 8
    assert page.count("circle") == 3  # two losses, and one figure
    assert (
        len([found for _, found in page.elements if "wrong" in (found.get("class") or "").split() and "x" in found])
        == 3
    )


def test_what_is_not_known_is_left_out(tmp_path):
    gallery = Gallery(JUDGE.pixel, None)
    gallery.add({"file": "a.png", "score": 0.25, "sharpness": 1.5, "regions": [{"box": [1, 2, 30, 40], "area": 7}]})
    place = {"x": 5, "y": 6, "width": 70, "height": 80, "area": 9, "peak": 0.5}
    unknown = {"anomaly": None, "verdict": None, "margin": None}
    gallery.add({"name": "b", "score": 0.125, "regions": [place], "largest_area": 9, "milliseconds": 3.25, **unknown})
    gallery.add({"name": "c", "score": 0.1, "regions": None, "largest_area": None, "error": None, **unknown})
    page = Reader(report(tmp_path, gallery, {}, None, "predict"))
    assert "Prediction" in page.text
    assert "the model knows no good pictures, so there are no verdicts" in page.text
    for text in ("Training", "Defect types", "Verdicts against the truth", "mask of the defect", "Thresholds"):
        assert text not in page.text
    for text in (
        "sharpness1.5000",
        "1, 2: 30 x 407 px",
        "5, 6: 70 x 809 px, peak 0.5000",
        "largest area9",
        "picture3.2",
    ):
        assert text in page.text
    assert "None" not in page.text
    assert "data-tag" not in [name for _, found in page.elements for name in found]


def test_an_empty_gallery_is_a_page(tmp_path):
    page = Reader(report(tmp_path, Gallery(None, JUDGE), {}, None, "predict"))
    assert "0 of 0 pictures called defective." in page.text


def test_more_pictures_than_are_shown_are_named(tmp_path):
    gallery = Gallery(JUDGE.pixel, JUDGE, most=2)
    for number in range(5):
        add(gallery, str(number), -0.2)
    assert "2 of 5 pictures are shown" in Reader(report(tmp_path, gallery, {}, None)).text


def test_a_report_that_fails_leaves_the_earlier_one(tmp_path):
    before = report(tmp_path, labelled())
    with pytest.raises(TypeError):
        report(
            tmp_path,
            labelled(),
            RESULT | {"errors": {"missed": 1, "false_alarms": 0, "good_pictures": None, "defective_pictures": 2}},
        )
    assert (tmp_path / "report.html").read_text() == before
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_a_picture_of_noise_costs_less_than_30_kb(tmp_path):
    rng, sizes = np.random.default_rng(0), []
    gallery = Gallery(JUDGE.pixel, JUDGE)
    for count in (0, 4):
        for number in range(count):
            image = rng.integers(0, 256, (256, 256, 3), dtype=np.uint8)
            anomaly_map, mask = -rng.random((256, 256), dtype=np.float32), rng.random((256, 256)) < 0.5
            said = {"name": f"{number}{LONG}", **JUDGE.of_picture(-0.2), "truth": "defective", "defect": "noise"}
            gallery.add(said, image, anomaly_map, mask)
        sizes.append(len(report(tmp_path, gallery, {}, None).encode()))
    assert (sizes[1] - sizes[0]) / 4 < 29_000


def table(**changes):
    said = {
        "columns": {"image_auc": "image AUROC"},
        "rows": {"nut": {"image_auc": "0.9000 ± 0.0100"}, f"a b {HOSTILE}": {"image_auc": "-"}},
        "mean": {"image_auc": "0.9000"},
        "remarks": ["Masks: nearest."],
        "failed": {"bolt": f"train.py: error: {HOSTILE}"},
        "errors": {"nut": RESULT["errors"], f"a b {HOSTILE}": None},
    }
    return said | changes


def test_the_index_has_the_table_and_leads_to_the_reports(tmp_path):
    folder = tmp_path / "results"
    odd = folder / "seed_2" / "a b?#" / "report.html"
    reports = {"nut": {None: folder / "nut/report.html"}, f"a b {HOSTILE}": {1: Path("/elsewhere/report.html"), 2: odd}}
    write_index(folder / "index.html", table(), reports)
    page = Reader((folder / "index.html").read_text())
    assert page.attributes("href")[0] == "nut/report.html"
    assert page.attributes("href")[1].endswith("../elsewhere/report.html")
    assert page.attributes("href")[2] == "seed_2/a%20b%3F%23/report.html"
    for text in ("0.9000 ± 0.0100", "2 of 4", "1 of 3", "Masks: nearest.", f"bolt: train.py: error: {HOSTILE}"):
        assert text in page.text
    assert page.count("script") == 1


def test_an_index_without_rows_says_so(tmp_path):
    write_index(tmp_path / "index.html", table(rows={}, errors={}, mean={}), {})
    assert "No category is finished." in Reader((tmp_path / "index.html").read_text()).text
