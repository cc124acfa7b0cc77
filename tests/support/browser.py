"""A browser without a window, Debian's Chromium, in which pages are opened as a user opens them."""

import base64
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from tests.support.runner_toolchain import unavailable

PROGRAMS = ("chromium", "chromedriver")
MOUSE = "primaryHoverType=2,availableHoverTypes=2,primaryPointerType=4,availablePointerTypes=4"  # as a desktop has one
OPTIONS = (
    f"--blink-settings={MOUSE}",
    "--headless=new",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
)


class Browser:
    """A window of 1280 x 900 pixels; `driver` is Selenium's."""

    def __init__(self) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which(PROGRAMS[0])
        for text in (*OPTIONS, *(["--no-sandbox"] if os.geteuid() == 0 else [])):
            options.add_argument(text)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(shutil.which(PROGRAMS[1])))

    def open(self, page: Path, scheme: str = "light", width: int = 1280, touch: bool = False) -> None:
        """Open a file, for a user with this colour scheme ("light", "dark"), at this width, with or without a mouse."""
        self.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": touch}
        self.command("Emulation.setDeviceMetricsOverride", **metrics)
        self.command("Emulation.setTouchEmulationEnabled", enabled=touch)
        self.driver.get(page.absolute().as_uri())

    def command(self, name: str, **values: object) -> dict:
        """A command of Chrome's DevTools protocol."""
        return self.driver.execute_cdp_cmd(name, values)

    def all(self, selector: str) -> list[WebElement]:
        """The elements that a CSS selector names."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        """The first of them; there must be one."""
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def shown(self, selector: str) -> list[WebElement]:
        """Those of them that are displayed."""
        return [element for element in self.all(selector) if element.is_displayed()]

    def style(self, element: WebElement, name: str) -> str:
        """What a CSS property of an element is in the end."""
        return self.driver.execute_script("return getComputedStyle(arguments[0])[arguments[1]]", element, name)

    def hover(self, element: WebElement) -> None:
        """Move the mouse over an element."""
        ActionChains(self.driver).move_to_element(element).perform()

    def run(self, script: str, *values: object) -> object:
        """Run JavaScript in the page; what it returns."""
        return self.driver.execute_script(script, *values)

    def complaints(self) -> list[str]:
        """What the browser's console has said since it was asked last: errors, refused scripts and addresses."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def printed(self) -> bytes:
        """The page as a PDF of A4 paper."""
        data = self.command("Page.printToPDF", printBackground=True, paperWidth=8.27, paperHeight=11.69)["data"]
        return base64.b64decode(data)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for all tests of a process; skipped, or failed with CI set, where there is none."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        unavailable(f"{', '.join(missing)} not found; run scripts/install_browser.sh")
    found = Browser()
    yield found
    found.driver.quit()
