"""Verdicts as JUnit XML, for the test reports of CI systems.

The format is that of the Jenkins xunit plugin's schema, version 10.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal
from xml.etree import ElementTree

from auditor.types import Regression
from reports.checks import Check, checks, decision_words, waivers
from reports.lookup import NO_STEPS
from reports.plain import plain

SUITES = ("probes", "rules", "regressions", "decision")
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="audit"'
"""How every file begins."""


def render(
    results: Mapping[str, Any],
    regressions: Sequence[Regression] | None = None,
    next_steps: Mapping[int, str] = NO_STEPS,
    *,
    undecided: Literal["failure", "skipped"] = "failure",
) -> str:
    """Render a test case for each verdict, regression and crashed probe.

    A test fails where the verdict holds the release. Advisory and waived verdicts never do: they are skipped, with
    their outcome as the reason. ``undecided``: what a required verdict is that is inconclusive or was not measured.
    """
    every = checks(results, regressions, next_steps)
    root = ElementTree.Element("testsuites", {"name": "audit"})
    for suite in SUITES:
        own = [check for check in every if check.suite == suite]
        if own or suite == "rules":
            element = ElementTree.SubElement(root, "testsuite", {"name": suite})
            _properties(element, results, regressions)
            for check in own:
                _case(element, check, undecided)
            _count(element)
    for name in ("tests", "failures", "errors"):
        root.set(name, str(sum(int(element.get(name, "0")) for element in root)))
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _properties(
    suite: ElementTree.Element, results: Mapping[str, Any], regressions: Sequence[Regression] | None
) -> None:
    element = ElementTree.SubElement(suite, "properties")
    facts = [
        ("candidate", results["candidate"]),
        ("policy", results["policy"]["name"]),
        ("decision", decision_words(results, regressions)),
        *((f"waiver, {state}", text) for state, text in waivers(results)),
    ]
    for name, value in facts:
        ElementTree.SubElement(element, "property", {"name": name, "value": plain(value)})


def _case(suite: ElementTree.Element, check: Check, undecided: str) -> None:
    again = f" ({check.ordinal})" if check.ordinal > 1 else ""
    case = ElementTree.SubElement(suite, "testcase", {"name": f"{check.place}{again}", "classname": check.rule})
    kind = _kind(check, undecided)
    waiver = "" if check.waiver is None else f"; {check.waiver}"
    lines = [check.title, check.numbers, f"{check.words}: {check.reason}{waiver}", check.next and f"next: {check.next}"]
    text = "\n".join(line for line in lines if line)
    if kind is None:
        ElementTree.SubElement(case, "system-out").text = text
        return
    message = f"{check.words}: {check.waiver or check.reason}"
    ElementTree.SubElement(case, kind, {"type": check.outcome, "message": message}).text = text


def _kind(check: Check, undecided: str) -> str | None:
    """Return the element for how it ended; None for a pass."""
    if check.outcome == "pass":
        return None
    if check.outcome == "error":
        return "error"
    if check.is_undecided:
        return undecided
    return "failure" if check.holds else "skipped"


def _count(suite: ElementTree.Element) -> None:
    cases = suite.findall("testcase")
    counts = {"tests": len(cases)}
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        counts[name] = sum(case.find(tag) is not None for case in cases)
    for name, number in counts.items():
        suite.set(name, str(number))
