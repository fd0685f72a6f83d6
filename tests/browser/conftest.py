"""Real Chromium before a real server: people as in tests/web, whole journeys by mouse and keyboard."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright
from werkzeug.serving import make_server

from segsync.app import create_app
from tests.builders import PASSWORD
from tests.people import ada, alan, grace, max_, organization, vera, workspace  # noqa: F401 - fixtures

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium_path() -> str | None:
    """The Chromium to drive: SEGSYNC_CHROMIUM, Debian's, or None for Playwright's own."""
    return os.environ.get("SEGSYNC_CHROMIUM") or shutil.which("chromium") or None


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
        yield opened
        opened.close()


@dataclass(frozen=True)
class LiveServer:
    """A server that answers on a free port. `app` is what it serves."""

    url: str
    app: object


@pytest.fixture
def live_server(runtime) -> Iterator[LiveServer]:
    """The application as it is, forgery check and all, on a port of this test's own."""
    app = create_app(runtime)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, name="live server")
    thread.start()
    yield LiveServer(f"http://127.0.0.1:{server.server_port}", app)
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def page(browser, live_server) -> Iterator[Page]:
    """A fresh window of 1280 by 900. Any error in the console, also of our Content-Security-Policy, fails the test."""
    context = browser.new_context(base_url=live_server.url, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(10_000)
    expect.set_options(timeout=10_000)
    page = context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda message: troubles.append(message.text) if "Security Policy" in message.text else None)
    yield page
    context.close()
    assert troubles == []


@pytest.fixture
def sign_in(page) -> Callable[..., Page]:
    """Signs a person in through the page."""

    def signed_in(person, going_to: str = "/alerts") -> Page:
        page.context.clear_cookies()
        page.goto(f"/sign-in?next={going_to}")
        page.get_by_label("E-mail").fill(person.email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"**{going_to}")
        return page

    return signed_in


@pytest.fixture
def no_barriers(page) -> Callable[..., None]:
    """Fails, naming what and where, when the page shows barriers for people with assistive technology.

    Takes names of rules to look at only those.
    """
    axe = Axe()

    def check(*rules: str) -> None:
        everything = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
        found = axe.run(page, options={"runOnly": list(rules) or everything})
        assert found.violations_count == 0, found.generate_report()

    return check


@pytest.fixture
def fits(page) -> Callable[[], None]:
    """Fails when the page is wider than the window."""

    def check() -> None:
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0, f"{wide} pixels too wide"

    return check


@pytest.fixture
def screenshot(page) -> Callable[[str], None]:
    """Keeps a picture where SEGSYNC_PICTURES names a folder; does nothing otherwise."""
    folder = os.environ.get("SEGSYNC_PICTURES")

    def take(name: str) -> None:
        if folder:
            page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)

    return take
