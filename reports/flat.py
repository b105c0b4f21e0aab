"""Measurements as flat rows, for dashboards: JSON and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from auditor.types import Regression
from reports.checks import Check, checks, decision_words, exit_code
from reports.plain import cell, json_text, plain, slice_key

COLUMNS = (
    *("kind", "model", "probe", "metric", "slice", "value", "low", "high", "unit", "n", "n_cases", "status"),
    *("outcome", "required", "limit", "waiver"),
)
"""``n``: clusters, which are the unit. ``outcome``: of the rule that reads the number; empty where none does."""
HEAD_CSV = ",".join(COLUMNS)
HEAD_JSON = '{\n  "decision": '
"""How every file begins."""


def as_json(results: Mapping[str, Any], regressions: Sequence[Regression] | None = None) -> str:
    """Return the decision and a row for each measurement, as JSON.

    A number that does not exist is null, and so is an infinite end of an interval.
    """
    rows = [{name: row.get(name) for name in COLUMNS} for row in _rows(results, regressions)]
    facts = {"decision": decision_words(results, regressions), "exit_code": exit_code(results, regressions)}
    return json_text({**facts, "candidate": plain(results["candidate"]), "rows": rows})


def as_csv(results: Mapping[str, Any], regressions: Sequence[Regression] | None = None) -> str:
    """Return a row for each measurement, as CSV with a header.

    Numbers are written whole; a text that a spreadsheet program would compute begins with an apostrophe.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([_cell(row.get(name)) for name in COLUMNS] for row in _rows(results, regressions))
    return text.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return cell(value) if isinstance(value, str) else repr(value)


def _rows(results: Mapping[str, Any], regressions: Sequence[Regression] | None) -> Iterator[dict[str, Any]]:
    verdicts, _, changes = _by_suite(checks(results, regressions))
    by_place: dict[tuple[str, str, str], list[Check]] = {}
    for verdict, check in zip(results["decision"]["verdicts"], verdicts, strict=True):
        if verdict["slice"] is not None:
            by_place.setdefault((verdict["probe"], verdict["metric"], slice_key(verdict["slice"])), []).append(check)
    for record in results["records"]:
        units = {metric["name"]: metric["unit"] for metric in record["metrics"]}
        for measured in record["measurements"]:
            key = (record["probe"], measured["metric"], slice_key(measured["slice"]))
            own = by_place.get(key, []) if record["model"] == results["candidate"] else []
            yield {
                "kind": "measurement",
                **{name: plain(record[name]) for name in ("model", "probe")},
                **{name: plain(measured[name]) for name in ("metric", "status")},
                "slice": key[2],
                **{name: measured[name] for name in ("value", "low", "high", "n_cases")},
                "unit": units.get(measured["metric"], "count"),
                "n": measured["n_clusters"],
                **_judged(own),
            }
    for change, check in zip(regressions or (), changes, strict=True):
        yield {
            "kind": "regression",
            "model": plain(results["candidate"]),
            **{name: plain(getattr(change, name)) for name in ("probe", "metric")},
            "slice": slice_key(change.slice),
            **{name: getattr(change, name) for name in ("value", "low", "high")},
            "unit": check.unit,
            **_judged([check]),
        }


def _by_suite(every: Sequence[Check]) -> tuple[list[Check], list[Check], list[Check]]:
    rules, probes, changes = (
        [check for check in every if check.suite == suite] for suite in ("rules", "probes", "regressions")
    )
    return rules, probes, changes


_SEVERITY = ("fail", "inconclusive", "not_measured", "pass", "not_applicable")


def _judged(own: Sequence[Check]) -> dict[str, Any]:
    """Return the worst outcome of the rules on a number.

    Required ones come first.
    """
    if not own:
        return {}
    worst = min(own, key=lambda check: (not check.required, _SEVERITY.index(check.outcome)))
    return {name: getattr(worst, name) for name in ("outcome", "required", "limit", "waiver")}
