"""Headless Chromium for tests that look at pages."""

from __future__ import annotations

import functools
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

REQUIRED = "AUDIT_CHROMIUM"
"""Variable that makes a missing Chromium a failure; CI sets it."""
NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ("--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update")
PHONE, DESKTOP, A4 = 360, 1280, 688
"""Widths in CSS pixels; A4 is its width without the page's margins of 14 mm."""
LEVELS = ("serious", "critical")


@functools.cache
def executable() -> str:
    """Path of Chromium; the test is skipped, or fails where CI needs it, without."""
    path = next((path for name in NAMES if (path := shutil.which(name))), None)
    if path is None:
        missing = "no Chromium: apt-get install chromium"
        if os.environ.get(REQUIRED):
            pytest.fail(missing)
        pytest.skip(missing)
    return path


@dataclass
class Heard:
    """What a page did while it was open."""

    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser; closed at the end."""
    path = executable()
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", *FLAGS])
        yield browser
        browser.close()


@contextmanager
def opened(browser: Any, file: Path, **options: Any) -> Iterator[tuple[Any, Heard]]:
    """A page of a file, and what it does; ``options``: of the browser's context."""
    context = browser.new_context(**options)
    page, heard = context.new_page(), Heard()
    page.on("console", lambda message: heard.errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: heard.errors.append(str(error)))
    page.on("request", lambda request: heard.requests.append(request.url))
    page.goto(file.as_uri())
    yield page, heard
    context.close()


def overflowing(page: Any) -> list[str]:
    """Elements that reach beyond the page's width, but for those inside a part that scrolls."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll("body *")].filter(element => {
          const box = element.getBoundingClientRect();
          return box.width > 0 && !element.closest(".scroll, .skip") && box.right > innerWidth + 1;
        }).slice(0, 5).map(element => `${element.tagName} ${element.className} ${element.textContent.slice(0, 40)}`)"""
    )
    wider: int = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return [*found, *([f"the page is {wider} pixels too wide"] if wider > 0 else [])]


def cut(page: Any) -> list[str]:
    """Captions of tables that are wider than their place; what is folded away has no place."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll("table")].filter(table => table.offsetParent !== null &&
          table.getBoundingClientRect().right > innerWidth + 1).map(table => table.caption.textContent)"""
    )
    return found


@functools.cache
def _axe() -> str:
    return resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")


def violations(page: Any) -> list[str]:
    """What axe-core calls serious or critical: rule, and the first element."""
    page.evaluate(_axe())
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [
        f"{violation['id']} ({len(violation['nodes'])}): {violation['nodes'][0]['html'][:200]}"
        f" {violation['nodes'][0].get('failureSummary', '')[:200]}"
        for violation in found
        if violation["impact"] in LEVELS
    ]
