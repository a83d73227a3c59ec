"""What a person sees who opens the printed address: signed in, and the description of the API, in a real browser."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

LONG_SECONDS = 60


@dataclass
class Opened:
    """A browser, the address that was printed, and the server's own."""

    browser: Chrome
    login: str
    base: str

    def complaints(self) -> list[str]:
        """Return what the console says since the last call: what the content policy kept out is told there, too."""
        return [str(line["message"]) for line in self.browser.get_log("browser")]  # type: ignore[no-untyped-call]

    def wait_for(self, css: str, least: int = 1) -> list[WebElement]:
        """Return the elements that a selector finds, once there are so many."""
        found: list[WebElement] = []

        def there(browser: Chrome) -> bool:
            found[:] = browser.find_elements(By.CSS_SELECTOR, css)
            return len(found) >= least

        WebDriverWait(self.browser, LONG_SECONDS).until(there, f"there are fewer than {least} of {css}")
        return found


@pytest.fixture
def opened(tmp_path: Path) -> Generator[Opened]:
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("chromium or its driver is missing: apt-get install chromium chromium-driver")
    options = Options()
    options.binary_location = chromium
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        f"--user-data-dir={tmp_path}/browser",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    server = subprocess.Popen(
        [sys.executable, "-m", "whenthen", "serve", "--port", "0", "--data", str(tmp_path / "data")],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    login = server.stdout.readline().split()[-1]
    browser = Chrome(options=options, service=Service(driver))
    browser.set_page_load_timeout(LONG_SECONDS)
    yield Opened(browser, login, login.partition("/login")[0])
    browser.quit()
    server.terminate()
    server.communicate(timeout=LONG_SECONDS)


def test_the_printed_address_leads_to_a_page_that_works_and_asks_nobody_else(opened: Opened) -> None:
    # Seen to fail with "script-src 'none'" in the page's policy, and with a jsonSchemaDialect in the document, which
    # Swagger UI answers with a warning in red.
    opened.browser.get(opened.login)
    operations = opened.wait_for(".opblock", least=50)
    assert opened.browser.current_url == f"{opened.base}/docs/"
    assert opened.browser.find_elements(By.CSS_SELECTOR, ".errors-wrapper, .version-pragma__message--ambiguous") == []
    assert "Warning" not in opened.browser.find_element(By.CSS_SELECTOR, ".information-container").text
    elsewhere = "return performance.getEntriesByType('resource').map(e => e.name)"
    assert [url for url in opened.browser.execute_script(elsewhere) if not url.startswith(opened.base)] == []

    (registering,) = [one for one in operations if one.get_attribute("id") == "operations-device-post_api_devices"]
    registering.find_element(By.CSS_SELECTOR, ".opblock-summary").click()
    opened.wait_for(".try-out__btn")[0].click()
    opened.wait_for("textarea.body-param__text")
    opened.wait_for(".execute")[0].click()
    opened.wait_for(".live-responses-table .response-col_status")
    answered = opened.browser.find_element(By.CSS_SELECTOR, ".live-responses-table tbody .response-col_status").text
    assert answered.split()[0] == "201"  # with the example as it stands there
    assert opened.complaints() == []


def test_an_address_that_was_used_says_where_to_get_another(opened: Opened) -> None:
    opened.browser.get(opened.login)
    opened.wait_for(".opblock")
    opened.browser.get(opened.login)

    assert "whenthen login-url" in opened.browser.find_element(By.TAG_NAME, "body").text
