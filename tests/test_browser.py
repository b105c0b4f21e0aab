"""Pages in headless Chromium: width, requests, errors, accessibility, contrast, print."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import browser as browsers
import pytest
from browser import A4, DESKTOP, PHONE, chromium, cut, opened, overflowing, violations
from test_api import sentences, token_checkpoint, written

import auditor
from auditor.verdicts import advice
from reports import comparison as compared
from reports import scorecard

ROOT = Path(__file__).resolve().parent.parent
RESULTS: dict[str, Any] = json.loads((ROOT / "fixtures" / "results" / "results.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as launched:
        yield launched


def texts() -> str:
    return scorecard.render(RESULTS, advice.next_steps(RESULTS))


def comparison() -> str:
    return (ROOT / "fixtures" / "results" / "comparison.html").read_text(encoding="utf-8")


def chinese() -> str:
    return scorecard.render(RESULTS, advice.next_steps(RESULTS), language="zh")


def chinese_comparison() -> str:
    recorded = json.loads((ROOT / "fixtures" / "results" / "comparison.json").read_text(encoding="utf-8"))
    return compared.render(recorded, "zh")


def checkpoints() -> str:
    """A folder of ten: copies of the second one under names as long as users give."""
    content = copy.deepcopy(RESULTS)
    second = next(model for model in content["models"] if not model["candidate"])
    for number in range(8):
        name = f"distilled_from_a_larger_checkpoint_with_learning_rate_2e-5_{number}"
        content["models"].append({**second, "name": name})
        own = [record for record in content["records"] if record["model"] == second["name"]]
        content["records"] += [{**record, "model": name} for record in own]
        content["comparisons"] += [
            {**comparison, "against": name}
            for comparison in content["comparisons"]
            if comparison["against"] == second["name"]
        ]
    return scorecard.render(content)


def classes() -> str:
    """150 classes: a number and a skipped slice for each."""
    content = copy.deepcopy(RESULTS)
    labels = [f"a_rather_long_name_of_an_intent_{number}" for number in range(150)]
    content["task"]["labels"] = labels
    for model in content["models"]:
        model["labels"] = labels
    for record in content["records"]:
        for measurement in list(record["measurements"]):
            if record["probe"] == "quality":
                record["measurements"] += [
                    {**measurement, "metric": "recall", "slice": {"class": label}} for label in labels
                ]
                break
        if record["probe"] == "quality":
            metric = next(metric for metric in record["metrics"] if metric["name"] == "accuracy")
            record["metrics"].append({**metric, "name": "recall", "title": "recall by class"})
            record["skipped"] += [
                {"slice": {"class": label}, "reason": "too few rows", "applies": True} for label in labels
            ]
    return scorecard.render(content)


def entities(folder: Path) -> str:
    model = token_checkpoint(folder / "words")
    rows = written(sentences(40, "test"), folder / "test.jsonl")
    found = auditor.audit(model, rows, probes=["quality", "noise", "bias", "repeatability"], budget=20, fixed=True)
    return found.html()


@pytest.fixture(
    scope="module",
    params=["texts", "comparison", "chinese", "chinese comparison", "checkpoints", "classes", "entities"],
)
def page_file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    browsers.executable()  # before the work of a page that nothing would look at
    folder = tmp_path_factory.mktemp(request.param)
    made: dict[str, Callable[[], str]] = {
        "texts": texts,
        "comparison": comparison,
        "chinese": chinese,
        "chinese comparison": chinese_comparison,
        "checkpoints": checkpoints,
        "classes": classes,
        "entities": lambda: entities(folder),
    }
    file = folder / "page.html"
    file.write_text(made[request.param](), encoding="utf-8")
    return file


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_nothing_is_wider_than_the_page_nothing_fails_and_no_request_leaves_the_file(
    browser: Any, page_file: Path, width: int
) -> None:
    with opened(browser, page_file, viewport={"width": width, "height": 800}) as (page, heard):
        assert overflowing(page) == []
        page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
        assert overflowing(page) == []
        assert heard.errors == []
        assert heard.requests == [page_file.as_uri()]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_calls_nothing_serious_in_either_theme(browser: Any, page_file: Path, scheme: str) -> None:
    with opened(browser, page_file, color_scheme=scheme, bypass_csp=True) as (page, _):
        assert violations(page) == []


def test_without_scripts_everything_is_there(browser: Any, page_file: Path) -> None:
    with opened(browser, page_file, java_script_enabled=False) as (page, heard):
        assert page.locator("main h2").first.inner_text().strip() != ""
        if page.locator("summary").count():  # what is folded opens without a script
            page.locator("summary").first.click()
            assert page.locator("details[open]").count() == 1
        assert heard.errors == []


def test_in_print_no_table_is_cut_and_every_page_is_written(browser: Any, page_file: Path) -> None:
    with opened(browser, page_file, viewport={"width": A4, "height": 970}) as (page, _):
        page.emulate_media(media="print")
        assert cut(page) == []
        assert overflowing(page) == []
        assert page.pdf(format="A4", prefer_css_page_size=True).startswith(b"%PDF")


def test_the_keyboard_reaches_the_content_and_every_table_that_scrolls(browser: Any, page_file: Path) -> None:
    with opened(browser, page_file, viewport={"width": PHONE, "height": 800}) as (page, _):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") in ("Skip to the content", "跳到正文")
        unreachable = page.evaluate(
            "[...document.querySelectorAll('.scroll')].filter(part => part.scrollWidth > part.clientWidth + 1"
            " && part.tabIndex !== 0).length"
        )
        assert unreachable == 0
