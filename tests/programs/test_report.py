"""--report of the real programs: the pages that they write, opened in a browser."""

import json
import shutil

import pytest

from src.synthetic.category import make_category
from tests.support.programs import error_of, files, program, succeed, train_arguments
from tests.support.reports import EMOJI, LONG


def test_eval_writes_a_report_of_its_figures_with_the_trainings_curves(trained, data, browser, tmp_path):
    folder, _ = trained
    given = ("eval.py", "--ckpt_path", folder / "fastflow_fabric.ckpt", "--dataset_path", data, "--report")
    given += ("--output_dir", tmp_path / "out", "--result_path", tmp_path / "eval.json")
    page = tmp_path / "out/fabric/report.html"
    assert f"report: {page}" in succeed(*given)
    result = json.loads((tmp_path / "eval.json").read_text())
    browser.open(page)
    assert browser.complaints() == []
    assert browser.one("h1").text == "fabric"
    tiles = {tile.find_element("tag name", "dt").text: tile.text.split("\n")[1] for tile in browser.all(".tiles div")}
    assert tiles["pixel AUROC"] == f"{result['metrics']['pixel_auc']:.4f}"
    titles = {title.get_attribute("title"): title for title in browser.all(".card h3")}
    assert set(titles) == set(result["pictures"])
    errors = result["errors"]
    assert (
        f"{errors['missed']} of {errors['defective_pictures']} defective pictures missed" in browser.one(".lead").text
    )
    assert len(browser.all("#training figure")) == 2
    assert len(browser.all(".view path.marked")) == errors["defective_pictures"]
    assert {row.text.split()[0] for row in browser.all("#defects tbody tr")} == set(result["per_defect"])

    page.write_text("<!DOCTYPE html><p>mine")
    assert f"{page} is there and is not what would be written" in error_of(*given)
    assert page.read_text() == "<!DOCTYPE html><p>mine"


def test_predict_reports_hostile_names_and_unreadable_pictures(trained, data, browser, tmp_path):
    picture = next((data / "fabric/test/good").iterdir())
    names = ["<script>alert(1)<", 'it\'s "quoted" & <b>bold<', EMOJI.removesuffix(".png"), LONG.removesuffix(".png")]
    (tmp_path / "new" / names[0]).mkdir(parents=True)
    names[0] += "/script>"  # a "/" of a name can only be a folder's
    for name in names:
        shutil.copy(picture, tmp_path / "new" / f"{name}.png")
    (tmp_path / "new/<img src=x onerror=alert(1)>.png").write_bytes(b"x")
    given = ("--ckpt_path", trained[0] / "fastflow_fabric.ckpt", "--img_dir", tmp_path / "new")
    done = program("predict.py", *given, "--report", "--output_dir", tmp_path / "out")
    assert done.returncode == 3, done.stderr
    assert files(tmp_path / "out") == ["report.html", "scores.csv", "scores.json"]
    browser.open(tmp_path / "out/report.html")
    assert browser.complaints() == []
    cards = browser.all(".card")
    assert "cannot read the picture" in cards[0].text
    assert "<img src=x onerror=alert(1)>.png" in cards[0].text
    titles = [card.find_element("tag name", "h3").get_attribute("title") for card in cards]
    assert titles[0] == "<img src=x onerror=alert(1)>"
    assert sorted(titles[1:]) == sorted(names)
    assert browser.run("return document.scripts.length") == 1


@pytest.mark.thorough
def test_run_all_leads_to_the_reports_of_all_categories_and_seeds(weights, browser, tmp_path):
    for name in ("cloth", "weave"):
        make_category(tmp_path / "data", name, train=8, good=2, defects=4, image_size=64)
    folders = {"category": None, "output_dir": tmp_path / "out", "seeds": "1,2", "log_to": "tensorboard"}
    given = train_arguments(tmp_path / "data", weights, tmp_path / "ckpt", **folders)
    assert f"report: {tmp_path}/out/index.html" in succeed("scripts/run_all.py", *given, "--report")
    table = json.loads((tmp_path / "ckpt/table.json").read_text())
    browser.open(tmp_path / "out/index.html")
    cells = [cell.text for cell in browser.all("tbody tr:first-child td")]
    row, spread = table["rows"]["cloth"], table["standard_deviation"]["cloth"]
    assert f"{row['image_auc']:.4f} ± {spread['image_auc']:.4f}" in cells
    links = [link.get_attribute("href") for link in browser.all("tbody a")]
    assert len(links) == 4
    for link, (name, seed) in zip(links, [("cloth", 1), ("cloth", 2), ("weave", 1), ("weave", 2)]):
        assert link == (tmp_path / f"out/seed_{seed}/{name}/report.html").as_uri()
        browser.driver.get(link)
        assert browser.one("h1").text == name
        result = json.loads((tmp_path / f"ckpt/seed_{seed}/fastflow_{name}.json").read_text())
        assert result["options"]["seed"] == seed
        assert len(list((tmp_path / f"ckpt/seed_{seed}/tensorboard/{name}").iterdir())) == 1
