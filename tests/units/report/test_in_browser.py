"""A report in a real browser: filters, order, heat maps by mouse, key and finger, hostile names, colours, size."""

import time

import numpy as np
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from src.report.gallery import Gallery
from src.report.page import write_index, write_report
from tests.support.reports import EMOJI, HOSTILE, JUDGE, LONG, QUOTES, add, labelled, picture, record
from tests.units.report.test_page import COURSE, RESULT, table

VIEW = "#gallery .view:not(.none)"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("a report") / "report.html"
    write_report(path, "eval", RESULT, labelled(), COURSE)
    return path


def names(browser):
    """The names of the cards that are displayed, in their order."""
    return [card.find_element(By.TAG_NAME, "h3").get_attribute("title") for card in browser.shown(".card")]


def choose(browser, name, text):
    Select(browser.one(f"[name={name}]")).select_by_visible_text(text)


def chip(browser, tag):
    browser.run("arguments[0].click()", browser.one(f"[name=tag][value='{tag}']"))


def opacity(browser, view):
    """How much of the heat map of a picture is seen, once it has come or gone."""
    heat, deadline, seen = view.find_element(By.CSS_SELECTOR, ".heat"), time.monotonic() + 3, None
    while time.monotonic() < deadline:
        before, seen = seen, float(browser.style(heat, "opacity"))
        if seen in (0, 1) and seen == before:
            break
        time.sleep(0.15)
    return seen


def test_nothing_of_a_name_runs_and_nothing_is_refused(browser, page):
    browser.open(page)
    assert browser.complaints() == []
    assert browser.run("return document.scripts.length") == 1
    assert {f"cut/{HOSTILE}", f"good/{QUOTES}", EMOJI, LONG} <= set(names(browser))
    long = next(title for title in browser.all(".card h3") if title.get_attribute("title") == LONG)
    assert long.text.replace("\n", "") == LONG
    assert browser.run("return arguments[0].scrollWidth <= arguments[0].clientWidth", long)
    widths = browser.run("return Array.from(document.images, (image) => image.naturalWidth)")
    assert len(widths) == 14
    assert browser.run("return document.querySelector('.picture').complete")


def test_a_script_that_gets_into_the_page_is_refused(browser, page, tmp_path):
    worse = tmp_path / "report.html"
    html = page.read_text(encoding="utf-8").replace("<footer>", "<script>document.title = 'run'</script><footer>")
    worse.write_text(
        html.replace("<footer>", "<img src='https://example.org/a.png' onerror=\"document.title = 'run'\">")
    )
    browser.open(worse)
    assert "run" not in browser.driver.title
    complaints = browser.complaints()
    assert any("script" in text and "Content Security Policy" in text for text in complaints)
    assert any("example.org" in text and "Content Security Policy" in text for text in complaints)


def test_filters_by_verdict_type_and_name(browser, page):
    browser.open(page)
    assert len(names(browser)) == 8
    chip(browser, "wrong")
    assert names(browser) == [EMOJI, "good/false", "cut/missed"]
    assert browser.one("#count").text == "3 of 8 pictures."
    chip(browser, "missed")
    assert names(browser) == [EMOJI, "cut/missed"]
    choose(browser, "kind", "cut (3)")
    assert names(browser) == ["cut/missed"]
    chip(browser, "unreadable")
    assert names(browser) == ["cut/torn"]
    assert f"cannot read {HOSTILE}: truncated" in browser.shown(".card")[0].text
    chip(browser, "")
    choose(browser, "kind", f"{HOSTILE} (2)")
    assert names(browser) == [EMOJI, LONG]
    browser.one("[name=name]").send_keys("ÄRGER")
    assert names(browser) == [EMOJI]
    browser.one("[name=name]").send_keys("x")
    assert names(browser) == []
    browser.one("#reset").click()
    assert len(names(browser)) == 8


def test_the_tables_lead_to_the_pictures(browser, page):
    browser.open(page)
    browser.one(".confusion [data-tag='false alarm']").click()
    assert names(browser) == ["good/false"]
    browser.one("#defects [data-kind]").click()
    assert names(browser) == ["cut/missed", "cut/torn", f"cut/{HOSTILE}"]
    assert Select(browser.one("[name=kind]")).first_selected_option.text == "cut (3)"


def test_orders(browser, page):
    browser.open(page)
    before = names(browser)
    choose(browser, "order", "score, highest first")
    assert names(browser)[:3] == [f"cut/{HOSTILE}", "good/false", LONG]
    choose(browser, "order", "score, lowest first")
    assert names(browser)[1:4] == ["good/000", EMOJI, f"good/{QUOTES}"]
    choose(browser, "order", "name")
    assert names(browser)[0] == EMOJI
    assert names(browser)[-4:] == ["good/000", "good/false", f"good/{QUOTES}", LONG]
    choose(browser, "order", "wrong first, then by margin")
    assert names(browser) == before


def test_the_heat_map_comes_with_the_mouse_and_goes(browser, page):
    browser.open(page)
    first, second = browser.all(VIEW)[:2]
    browser.hover(first)
    assert opacity(browser, first) == 1
    assert opacity(browser, second) == 0
    assert browser.style(first.find_element(By.CSS_SELECTOR, ".found"), "visibility") == "visible"
    browser.hover(browser.one("h1"))
    assert opacity(browser, first) == 0
    assert browser.style(first.find_element(By.CSS_SELECTOR, ".found"), "visibility") == "hidden"


def test_the_heat_map_comes_with_the_keyboard_and_stays_when_asked(browser, page):
    browser.open(page)
    browser.one("[name=lines]").send_keys(Keys.TAB)
    first = browser.driver.switch_to.active_element
    assert first.get_attribute("aria-label") == f"heat map of {EMOJI}"
    assert opacity(browser, first) == 1
    first.send_keys(Keys.ENTER)
    first.send_keys(Keys.TAB)
    assert first.get_attribute("aria-pressed") == "true"
    assert opacity(browser, first) == 1
    browser.one("[name=heat]").click()
    assert all(opacity(browser, view) == 1 for view in browser.all(VIEW))


def test_a_finger_shows_the_heat_map_and_hides_it(browser, page):
    browser.open(page, width=390, touch=True)
    view = browser.all(VIEW)[0]
    browser.run("arguments[0].scrollIntoView({block: 'center'})", view)
    place = browser.run(
        "const r = arguments[0].getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]", view
    )
    for wanted in (1, 0):
        point = {"x": place[0], "y": place[1]}
        browser.command("Input.dispatchTouchEvent", type="touchStart", touchPoints=[point])
        browser.command("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
        time.sleep(0.4)
        assert opacity(browser, view) == wanted


def test_the_mask_is_outlined_until_outlines_are_switched_off(browser, page):
    browser.open(page)
    outline = browser.one(".view path.marked")
    box = browser.run("const r = arguments[0].getBoundingClientRect(); return [r.width, r.height]", outline)
    view = browser.run("return arguments[0].closest('.view').clientWidth", outline)
    assert box[0] == pytest.approx(view * 20 / 64, abs=view * 0.03)  # the defect is 21 pixels of 64 wide
    browser.one("[name=lines]").click()
    assert not browser.one(".view svg").is_displayed()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out_from_what_they_are_on(browser, page, scheme):
    """WCAG 2.1, AA: a contrast of 4.5 to 1."""
    browser.open(page, scheme=scheme)
    contrasts = browser.run(
        """
        const light = (colour) => {
          const part = colour.match(/[\\d.]+/g).slice(0, 3).map((value) => value / 255)
            .map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
          return 0.2126 * part[0] + 0.7152 * part[1] + 0.0722 * part[2];
        };
        const ground = (element) => {
          const colour = getComputedStyle(element).backgroundColor;
          return colour.endsWith(", 0)") && element.parentElement ? ground(element.parentElement) : colour;
        };
        return Array.from(document.querySelectorAll("main *, header *"))
          .filter((element) => !(element instanceof SVGElement))
          .filter((element) => Array.from(element.childNodes).some((node) => node.nodeType === 3 && node.data.trim()))
          .map((element) => {
            const [a, b] = [light(getComputedStyle(element).color), light(ground(element))].sort((x, y) => y - x);
            return [element.outerHTML.slice(0, 60), (a + 0.05) / (b + 0.05)];
          });
        """
    )
    assert len(contrasts) > 80
    assert [each for each in contrasts if each[1] < 4.5] == []
    dark = browser.run("return getComputedStyle(document.body).backgroundColor") == "rgb(17, 20, 25)"
    assert dark == (scheme == "dark")


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_the_page_is_never_wider_than_the_window(browser, page, width):
    browser.open(page, width=width, touch=width < 700)
    assert browser.run("return document.documentElement.scrollWidth") == width


def test_printed_it_has_all_pictures_with_their_heat_and_no_controls(browser, page):
    browser.open(page)
    browser.command("Emulation.setEmulatedMedia", media="print")
    assert not browser.one(".controls").is_displayed()
    assert all(opacity(browser, view) == 1 for view in browser.all(VIEW))
    assert browser.style(browser.one("body"), "backgroundColor") == "rgb(255, 255, 255)"
    browser.command("Emulation.setEmulatedMedia", media="")
    assert browser.printed().startswith(b"%PDF")


def test_the_index_opens_a_report(browser, page, tmp_path):
    folder = tmp_path / "results"
    odd = folder / "a b?#%" / "report.html"
    odd.parent.mkdir(parents=True)
    odd.write_bytes(page.read_bytes())
    write_index(folder / "index.html", table(), {"nut": {None: odd}})
    browser.open(folder / "index.html")
    assert browser.complaints() == []
    browser.one("tbody a").click()
    assert browser.one("h1").text == RESULT["category"]


@pytest.mark.thorough
def test_1000_pictures_are_below_30_mb_and_there_at_once(browser, tmp_path):
    gallery, rng = Gallery(JUDGE.pixel, JUDGE), np.random.default_rng(0)
    for number in range(1000):
        bad = number % 2 == 1
        image, anomaly_map, mask = picture(
            256, (rng.integers(40, 200), rng.integers(40, 200), 20) if bad else None, number
        )
        said = record(f"{number:04}{LONG[8:]}", rng.normal(-0.3 if bad else -0.8, 0.15), "defective" if bad else "good")
        gallery.add(said, image, anomaly_map, mask)
    path = tmp_path / "report.html"
    write_report(path, "eval", {}, gallery)
    assert path.stat().st_size < 30e6
    started = time.monotonic()
    browser.open(path)
    assert time.monotonic() - started < 10
    assert browser.run("return performance.getEntriesByName('first-contentful-paint')[0].startTime") < 2000
    assert len(browser.all(".card")) == 1000
    seconds = browser.run(
        """
        const start = performance.now();
        document.querySelector("[name=tag][value=wrong]").click();
        document.body.offsetHeight;
        return (performance.now() - start) / 1000;
        """
    )
    assert seconds < 1
    assert len(names(browser)) == gallery.tags["wrong"]


def test_a_gallery_without_truth_has_no_filters_that_find_nothing(browser, tmp_path):
    gallery = Gallery(JUDGE.pixel, JUDGE)
    add(gallery, "a", -0.2)
    add(gallery, "b", -0.8)
    write_report(tmp_path / "report.html", "predict", {}, gallery)
    browser.open(tmp_path / "report.html")
    values = [each.get_attribute("value") for each in browser.all("[name=tag]")]
    assert values == ["", "defective", "good"]
    assert browser.all("[name=kind]") == []
    chip(browser, "good")
    assert names(browser) == ["b"]


def test_a_wide_table_fits_on_paper(browser, tmp_path):
    columns = {str(number): f"pixel figure {number}" for number in range(12)}
    row = dict.fromkeys(columns, "0.9000 ± 0.0100")
    write_index(tmp_path / "index.html", table(columns=columns, rows={"metal_nut": row}, mean=row), {})
    browser.open(tmp_path / "index.html", width=718)  # A4 between its margins
    browser.command("Emulation.setEmulatedMedia", media="print")
    assert browser.run("return document.querySelector('table').scrollWidth") <= 718
    browser.command("Emulation.setEmulatedMedia", media="")
