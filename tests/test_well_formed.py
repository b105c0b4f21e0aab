"""What a probe yields that no results file can hold is refused in one line, before anything is made of it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from fakes import GOOD
from test_runner import run

from auditor import metrics
from auditor.evaluation.well_formed import check
from auditor.models.fake import keyword_model
from auditor.types import Audit, Case, Edit, Example, Measurement, Metric, ProbeDefaults, Skipped, Task

EXAMPLE = Example("home:1", {"text": "a b"}, "good")


def number(**slice_: Any) -> Measurement:
    return Measurement("m", slice_, 0.5, 0.0, 1.0, 1, 1, "words")


WRONG: dict[str, tuple[Any, str]] = {
    "number in a case's slice": (
        Case(EXAMPLE, {"marks": 0}),  # type: ignore[dict-item]
        "probe p: a slice holds 'marks': 0 (keys and values are words: 'marks': '0')",
    ),
    "number as a key": (
        Case(EXAMPLE, {3: "x"}),  # type: ignore[dict-item]
        "probe p: a slice holds 3: 'x' (keys and values are words: '3': 'x')",
    ),
    "None in a gap's slice": (
        Skipped({"marks": None}, "why"),  # type: ignore[dict-item]
        "probe p: a slice holds 'marks': None (keys and values are words: 'marks': 'None')",
    ),
    "number in a measurement's slice": (
        number(marks=1.5),
        "probe p: a slice holds 'marks': 1.5 (keys and values are words: 'marks': '1.5')",
    ),
    "a word as a slice": (
        Case(EXAMPLE, "typos"),  # type: ignore[arg-type]
        'probe p: a slice is \'typos\' (such as {"family": "typos"})',
    ),
    "truth as a fact": (
        Case(EXAMPLE, {}, facts={"removable": False}),
        "probe p: the fact 'removable' of a case is False (use 0)",
    ),
    "NaN as a fact": (
        Case(EXAMPLE, {}, facts={"n": math.nan}),
        "probe p: the fact 'n' of a case is nan (use a word or a finite number)",
    ),
    "a list as a fact": (
        Case(EXAMPLE, {}, facts={"n": ["x"]}),  # type: ignore[dict-item]
        "probe p: the fact 'n' of a case is ['x'] (use a word or a finite number)",
    ),
    "edits of a field that is not there": (
        Case(EXAMPLE, {}, {"txt": (Edit(0, 1, ("x",)),)}),
        "probe p: edits the text field 'txt' (the example has: 'text')",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_results_cannot_hold_is_one_line(name: str) -> None:
    item, line = WRONG[name]
    with pytest.raises(Exception, match=r"^probe p: ") as caught:
        check(item, "p")
    assert str(caught.value) == line


def test_words_and_numbers_pass() -> None:
    facts: dict[str, float | str] = {"n": 3, "share": 0.5, "group": "x", "none": 0}
    check(Case(EXAMPLE, {"a": "x"}, {"text": (Edit(0, 1, ("x",)),)}, facts=facts), "p")
    check(Skipped({}, "why"), "p")
    check(number(a="x"), "p")


@dataclass(frozen=True)
class Settings:
    """None."""


@dataclass
class Yielding(ProbeDefaults):
    """Yields one thing from ``cases`` or from ``measure``."""

    item: Any
    late: bool = False
    name = "p"
    limitation = "noise"
    settings = Settings()

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        return (metrics.task_metric(task),)

    def cases(self, audit: Audit) -> Iterator[Any]:
        del audit
        if not self.late:
            yield self.item

    def measure(self, cases: Any, audit: Audit) -> Iterator[Any]:
        del cases, audit
        if self.late:
            yield self.item


@pytest.mark.parametrize("name", WRONG)
def test_the_probe_fails_with_that_line_and_no_other_does(name: str) -> None:
    item, line = WRONG[name]
    probe = Yielding(item, late=not isinstance(item, Case))
    _, (record,) = run(keyword_model(GOOD), [probe], n=4)
    assert record.status == "failed"
    assert line in str(record.reason)
