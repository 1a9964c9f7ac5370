"""The site in a real browser under the platform's headers: no error, search, theme."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, Page

from backend.api import app as application
from backend.api.documentation import ADDRESS
from backend.contract.settings import Settings

PAGES = ("", "tutorial/first-run/", "explanation/four-steps/", "reference/configuration/")


@pytest.fixture(scope="module")
def address(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the site is served, with the headers of the whole platform; no database is opened."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(application, "find_documentation", lambda: site)
        app = application.create_app(Settings(home=tmp_path_factory.mktemp("home")))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.02)
    (socket,) = server.servers[0].sockets
    yield f"http://127.0.0.1:{socket.getsockname()[1]}{ADDRESS}/"
    server.should_exit = True
    thread.join(timeout=20)


def open_page(browser: Browser, width: int, faults: list[str]) -> Page:
    page = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme="light"
    ).new_page()
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("requestfailed", lambda request: faults.append(request.url))
    return page


@pytest.mark.parametrize("width", [1440, 390])
def test_pages_show_without_an_error_and_without_the_network(
    address: str, browser: Browser, width: int
) -> None:
    faults: list[str] = []
    page = open_page(browser, width, faults)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for path in PAGES:
        page.goto(address + path, wait_until="networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    assert faults == []
    assert all(url.startswith((address, "data:", "blob:")) for url in asked)


def test_a_field_is_found_by_its_name(address: str, browser: Browser) -> None:
    faults: list[str] = []
    page = open_page(browser, 1440, faults)
    page.goto(address)
    page.keyboard.press("s")
    page.keyboard.type("clip_low")
    found = page.locator(".md-search-result__link").first
    found.wait_for()
    found.click()
    page.wait_for_url("**/reference/configuration/**")
    assert faults == []


def test_dashboard_and_documentation_have_one_theme(address: str, browser: Browser) -> None:
    page = open_page(browser, 1440, [])
    page.goto(address)
    assert page.evaluate("document.body.dataset.mdColorScheme") == "default"
    page.evaluate("localStorage.setItem('maye-theme', 'dark')")
    page.reload()
    assert page.evaluate("document.body.dataset.mdColorScheme") == "slate"
    # A choice made here stays, and is the dashboard's too.
    page.get_by_title("Use the light theme").click()
    page.reload()
    assert page.evaluate("document.body.dataset.mdColorScheme") == "default"
    assert page.evaluate("localStorage.getItem('maye-theme')") == "light"
