"""A real Chromium with a phone's screen, and the harness it looks at."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.pages import harness

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LOCALES = {"zh": "zh-CN", "en": "en-GB", "fr": "fr-FR"}


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no chromium: apt-get install chromium fonts-noto-cjk")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def server() -> Iterator[harness.Server]:
    running = harness.serve()
    yield running
    running.stop()


@pytest.fixture
def open_context(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    opened = []

    def open_(lang: str = "zh", width: int = 390, height: int = 844, **options) -> BrowserContext:
        viewport = {"width": width, "height": height}
        context = browser.new_context(viewport=viewport, has_touch=True, locale=LOCALES[lang], **options)
        opened.append(context)
        return context

    yield open_
    for context in opened:
        context.close()


@pytest.fixture
def phone(open_context: Callable[..., BrowserContext], server: harness.Server) -> Iterator[Page]:
    """A phone whose page must raise no script error and leave the origin with no request."""
    page = open_context().new_page()
    errors, requests = [], []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    yield page
    assert errors == []
    assert [url for url in requests if not url.startswith(server.address)] == []


@pytest.fixture(scope="session")
def axe() -> Path:
    path = os.environ.get("FILMPASS_AXE")
    if not path:
        pytest.skip("no axe-core: FILMPASS_AXE does not name axe.min.js")
    return Path(path)
