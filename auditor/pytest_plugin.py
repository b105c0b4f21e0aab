"""Plug-in of pytest: ``pytest --audit-results audit/`` makes each verdict a test.

Without the flag it does nothing. It imports the rest of auditor when results are read, and never a model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from auditor.api.outcome import Results
    from auditor.results.verification import Audited
    from auditor.types import Verdict

UNDECIDED = ("fail", "skip")
"""What an undecided verdict may be."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the flags."""
    group = parser.getgroup("auditor", "audit of a language model")
    group.addoption("--audit-results", metavar="DIR", help="make each verdict of this results folder a test")
    group.addoption("--audit-policy", metavar="FILE", help="the policy.toml to judge by (default: the audit's)")
    group.addoption(
        "--audit-undecided",
        choices=UNDECIDED,
        default="fail",
        help="what an undecided or missing measurement is (default: fail)",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add the tests of a results folder, before ``-k`` and ``-m`` select.

    Raises pytest.UsageError in one line for a folder that holds no results, or changed ones.
    """
    folder = config.getoption("--audit-results")
    if folder is not None:
        own: list[pytest.Item] = list(_items(session, Path(folder), config.getoption("--audit-policy")))
        # What is not reported as collected would be missing from the count.
        session.ihook.pytest_collectreport(report=pytest.CollectReport(str(folder), "passed", None, [*own]))
        items.extend(own)


@pytest.fixture(scope="session")
def audit_results(request: pytest.FixtureRequest) -> Results:
    """The verified results of ``--audit-results``.

    They are those that ``auditor.load`` returns, with waivers judged today. Without the flag the test is skipped.
    """
    folder = request.config.getoption("--audit-results")
    if folder is None:
        pytest.skip("no results given (--audit-results DIR)")
    from auditor.api.loading import load
    from auditor.verdicts import waiving

    return load(folder, policy=request.config.getoption("--audit-policy"), on=waiving.today())


class AuditItem(pytest.Item):
    """A verdict as a test."""

    def __init__(self, *, outcome: str, lines: list[str], **given: Any) -> None:
        super().__init__(**given)
        self._outcome, self._lines = outcome, lines

    def runtest(self) -> None:
        """Fail or skip as the verdict does."""
        if self._outcome == "skip":
            pytest.skip(self._lines[0])
        if self._outcome == "fail":
            raise HeldError("\n".join(self._lines))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return the reason and the next step, without a traceback."""
        if isinstance(excinfo.value, HeldError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Return the results folder and the verdict."""
        return self.path, None, self.name


class HeldError(Exception):
    """A verdict that does not let the model pass."""


def _items(session: pytest.Session, folder: Path, policy: str | None) -> Iterator[AuditItem]:
    from auditor.errors import AuditError, one_line
    from auditor.results import verification
    from auditor.verdicts import advice, waiving

    try:
        # A waiver that was in force on the day of the audit may be no more.
        audited = verification.load(folder, None if policy is None else Path(policy), on=waiving.today())
    except AuditError as error:
        raise pytest.UsageError(error.line) from None
    undecided = session.config.getoption("--audit-undecided")
    steps = advice.next_steps(audited.results, str(folder))
    parent = _Folder.from_parent(session, name=folder.name, path=folder, nodeid=one_line(folder.as_posix()))
    names: Counter[str] = Counter()

    def item(name: str, outcome: str, *lines: str) -> AuditItem:
        names[name] += 1
        own = name if names[name] == 1 else f"{name} ({names[name]})"
        shown = [one_line(line) for line in lines]
        made: AuditItem = AuditItem.from_parent(parent, name=one_line(own), path=folder, outcome=outcome, lines=shown)
        return made

    for place, verdict in enumerate(audited.decision.verdicts):
        step = [f"→ {steps[place]}"] if place in steps else []
        yield item(*_of_verdict(audited, verdict, undecided), *step)
    for record in audited.records:
        if record.status == "failed":
            yield item(f"{record.model}: {record.probe}", "fail", f"the probe crashed: {record.reason}")
    decision = audited.decision
    outcome = "pass" if decision.release else undecided if decision.exit_code == 3 else "fail"
    yield item("decision", outcome, decision.headline)


class _Folder(pytest.Collector):
    """The results folder, as the parent of its tests."""

    def collect(self) -> list[pytest.Item]:
        """Nothing: the tests are added at the end of the collection."""
        return []


def _of_verdict(audited: Audited, verdict: Verdict, undecided: str) -> tuple[str, str, str]:
    """Return name, outcome and reason of a verdict's test."""
    from auditor.types import in_words
    from auditor.verdicts import reasons

    rule = audited.policy.rules[verdict.rule]
    place = f" [{in_words(verdict.slice)}]" if verdict.slice else ""
    name = f"{rule.probe} {rule.metric}{place}"
    line = f"{name}: {verdict.reason}" if rule.limit is None else reasons.line(audited.policy, verdict)
    outcome = {"pass": "pass", "fail": "fail", "not_applicable": "skip"}.get(verdict.outcome, undecided)
    if rule.required == "never" and outcome == "fail":
        outcome, line = "skip", f"advisory: {line}"
    if verdict.waiver is not None:
        return name, "skip" if verdict.waiver.state == "in force" else "fail", f"{verdict.waiver.text}: {line}"
    return name, outcome, line
