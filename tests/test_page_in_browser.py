"""The page in headless Chromium: nothing wider than the window."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
RECORDED, DEMO = ROOT / "fixtures" / "results" / "scorecard.html", ROOT / "demo" / "audit" / "scorecard.html"
COMPARISON = RECORDED.with_name("comparison.html")
PAGES = [RECORDED, COMPARISON, *([DEMO] if DEMO.is_file() else [])]
"""The recorded pages, and the demo's own where ``make audit`` has been run."""
CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--virtual-time-budget=4000",
]
MEASURE = (
    "<script>addEventListener('load', () => { const root = document.documentElement;"
    "document.querySelectorAll('details').forEach(one => { one.open = true });"
    "parent.postMessage(root.scrollWidth + ' of ' + innerWidth, '*') })</script>"
)
FRAME = (
    "<!doctype html><title>waiting</title><body style='margin:0'>"
    "<script>addEventListener('message', found => {{ document.title = found.data }})</script>"
    "<iframe src='page.html' style='width:{width}px;height:900px;border:0'></iframe>"
)


pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")]


@pytest.mark.parametrize("source", PAGES, ids=lambda path: f"{path.parent.parent.name} {path.stem}")
def test_the_page_says_nothing_to_the_console(tmp_path: Path, source: Path) -> None:
    command = [str(CHROMIUM), *FLAGS, "--enable-logging=stderr", f"--user-data-dir={tmp_path}", "--dump-dom"]
    done = subprocess.run([*command, source.as_uri()], capture_output=True, text=True, timeout=120, check=True)
    assert "CONSOLE" not in done.stderr
    assert "</main>" in done.stdout


@pytest.mark.parametrize("source", PAGES, ids=lambda path: f"{path.parent.parent.name} {path.stem}")
@pytest.mark.parametrize("width", [1280, 360])
def test_nothing_is_wider_than_the_window_with_every_fold_open(tmp_path: Path, width: int, source: Path) -> None:
    page = source.read_text(encoding="utf-8")
    # The page's own policy forbids scripts; this copy measures itself.
    page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page).replace("</body>", f"{MEASURE}</body>")
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    (tmp_path / "frame.html").write_text(FRAME.format(width=width), encoding="utf-8")
    command = [
        str(CHROMIUM),
        *FLAGS,
        f"--user-data-dir={tmp_path / 'profile'}",
        "--window-size=1400,1000",
        "--dump-dom",
        (tmp_path / "frame.html").as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = re.search(r"<title>(\d+) of (\d+)</title>", done.stdout)
    assert found is not None, done.stdout[:500]
    scroll, inner = int(found[1]), int(found[2])
    assert inner == width
    assert scroll <= width


def printed_pages(page: str, folder: Path) -> int:
    folder.mkdir()
    (folder / "page.html").write_text(page, encoding="utf-8")
    out = folder / "page.pdf"
    command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={folder / 'profile'}", f"--print-to-pdf={out}"]
    subprocess.run([*command, (folder / "page.html").as_uri()], capture_output=True, timeout=120, check=True)
    return len(re.findall(rb"/Type\s*/Page\b", out.read_bytes()))


def test_folded_tables_are_printed_open(tmp_path: Path) -> None:
    page = RECORDED.read_text(encoding="utf-8")
    shut = page.replace("::details-content", "::no-such-part")
    opened = page.replace('<details class="table">', '<details class="table" open>')
    opened = opened.replace('<details class="tables">', '<details class="tables" open>')
    pages = {
        name: printed_pages(text, tmp_path / name) for name, text in (("as is", page), ("shut", shut), ("open", opened))
    }
    assert pages["as is"] == pages["open"] > pages["shut"] > 0
