"""Records, policies and decisions as ``results.json`` holds them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date
from typing import Any

from auditor.errors import PolicyError, ResultsError
from auditor.results.canonical_json import plain, slice_text
from auditor.types import (
    Decision,
    Measurement,
    Metric,
    ProbeRecord,
    Rows,
    Rule,
    Skipped,
    Span,
    Table,
    TextPair,
    Waivers,
    WeightedText,
    WeightedWord,
    WorstCase,
)
from auditor.verdicts import waiving
from auditor.verdicts.policy import Policy, rule_of

RESULTS = "results.json"
AGAIN = "changed since it was written? run the audit again"


def record_dict(record: ProbeRecord) -> dict[str, Any]:
    """Convert a record to results.json form, without functions and rows."""
    metric_keys = ("name", "title", "kind", "unit", "low", "high", "better", "ratio", "comparable")
    kept = ("model", "probe", "status", "reason", "missing", "limitation", "description", "settings", "counts")
    role = {} if record.role is None else {"role": record.role}
    return {
        **{key: plain(getattr(record, key)) for key in kept},
        **role,
        "metrics": [{key: plain(getattr(metric, key)) for key in metric_keys} for metric in record.metrics],
        "measurements": [_measurement(measurement) for measurement in record.measurements],
        "skipped": [_gap(gap) for gap in record.skipped],
        "worst": [_worst(case) for case in record.worst],
        **({"pairs": [plain(asdict(pair)) for pair in record.pairs]} if record.pairs else {}),
        **({"tables": [plain(asdict(table)) for table in record.tables]} if record.tables else {}),
        **(
            {"weighted_texts": [plain(asdict(text)) for text in record.weighted_texts]} if record.weighted_texts else {}
        ),
    }


def _measurement(measurement: Measurement) -> dict[str, Any]:
    kept = ("metric", "slice", "value", "low", "high", "n_cases", "n_clusters", "method", "status", "vacuous")
    shown = {key: plain(getattr(measurement, key)) for key in kept}
    if measurement.available is not None:
        shown["available"] = measurement.available
    if measurement.cluster_unit is not None:
        shown["cluster_unit"] = measurement.cluster_unit
    shown |= {key: value for key in ("look", "looks") if (value := getattr(measurement, key)) > 1}
    return {**shown, "detail": measurement.detail} if measurement.detail else shown


def _gap(gap: Skipped) -> dict[str, Any]:
    entry = {"slice": plain(gap.slice), "reason": gap.reason}
    return entry if gap.applies else {**entry, "applies": False}


def policy_dict(policy: Policy) -> dict[str, Any]:
    """Convert a policy to its form in results.json.

    Limits keep all their digits, because verdicts are judged again by them.
    """
    rules = [_rule(rule) for rule in policy.rules]
    return {"name": policy.name, "sha256": policy.sha256, "rules": rules}


def _rule(rule: Rule) -> dict[str, Any]:
    exact = {"max": rule.max, "min": rule.min, "margin": rule.margin, "text": rule.text}
    entry = {**plain(asdict(rule)), **exact}
    return entry if rule.margin else {key: value for key, value in entry.items() if key != "margin"}


def policy_of(results: Mapping[str, Any]) -> Policy:
    """Return the recorded policy; raise ResultsError for an invalid rule."""
    recorded = results["policy"]
    rules = []
    for number, table in enumerate(recorded["rules"], start=1):
        given = {key: value for key, value in table.items() if key != "text" and value is not None}
        try:
            rules.append(rule_of(given, f"policy.rules.{number}"))
        except PolicyError as error:
            raise ResultsError(error.message, where=f"{RESULTS}: policy: rule {number}", hint=AGAIN) from None
    return Policy(recorded["name"], recorded["sha256"], tuple(rules))


def decision_dict(decision: Decision, policy: Policy) -> dict[str, Any]:
    """Convert a decision to its form in results.json.

    Each verdict names its probe, metric, slice, value, bounds, limit and margin.
    """
    verdicts = []
    for verdict in decision.verdicts:
        rule = policy.rules[verdict.rule]
        limit = {key: value for key in ("max", "min") if (value := getattr(rule, key)) is not None}
        named = {"rule": verdict.rule, "probe": rule.probe, "metric": rule.metric, "required": rule.required}
        zone = {"margin": rule.margin} if rule.margin else {}
        judged = {key: value for key, value in plain(asdict(verdict)).items() if key != "waiver" or value}
        verdicts.append({**named, "limit": limit or None, **zone, **judged})
    summary = {"exit_code": decision.exit_code, "release": decision.release, "headline": decision.headline}
    uses = {"waivers": [asdict(use) for use in decision.waivers]} if decision.waivers else {}
    return {**summary, "reasons": list(decision.reasons), "verdicts": verdicts, **uses}


def judged_dict(decision: Decision, policy: Policy, waivers: Waivers | None) -> dict[str, Any]:
    """Return the parts of results.json that judge the records.

    ``waivers`` is absent where none were given.
    """
    judged = {"policy": policy_dict(policy), "decision": decision_dict(decision, policy)}
    return judged if waivers is None or not waivers.entries else {"waivers": _waivers(waivers), **judged}


def _waivers(waivers: Waivers) -> dict[str, Any]:
    entries = [
        {
            "rule": f"{entry.probe} {entry.metric}",
            "slice": dict(entry.slice),
            **{"reason": entry.reason, "owner": entry.owner, "expires": entry.expires.isoformat()},
        }
        for entry in waivers.entries
    ]
    return {"name": waivers.name, "sha256": waivers.sha256, "on": waivers.on.isoformat(), "entries": entries}


def waivers_of(results: Mapping[str, Any]) -> Waivers | None:
    """Return the recorded waivers, if any; raise ResultsError for an invalid one."""
    recorded = results.get("waivers")
    if recorded is None:
        return None
    where = f"{RESULTS}: waivers"
    try:
        entries = tuple(
            waiving.entry_of({**entry, "expires": date.fromisoformat(entry["expires"])}, where)
            for entry in recorded["entries"]
        )
        return Waivers(recorded["name"], recorded["sha256"], date.fromisoformat(recorded["on"]), entries)
    except (PolicyError, ValueError) as error:
        message = error.message if isinstance(error, PolicyError) else str(error)
        raise ResultsError(message, where=where, hint=AGAIN) from None


def record_of(recorded: Mapping[str, Any], rows: Mapping[tuple[str, str, str, str], Rows]) -> ProbeRecord:
    """Return the record that an entry of ``results.json`` and its rows describe.

    ``rows``: model, probe, metric and slice in words → rows.
    """

    def measured(item: Mapping[str, Any]) -> Measurement:
        key = (recorded["model"], recorded["probe"], item["metric"], slice_text(item["slice"]))
        return Measurement(**{**item, "rows": rows.get(key, ())})

    metrics = tuple(
        Metric(**{**item, "low": _bound(item["low"], -math.inf), "high": _bound(item["high"], math.inf)})
        for item in recorded["metrics"]
    )
    return ProbeRecord(
        **{
            **recorded,
            "missing": tuple(recorded["missing"]),
            "metrics": metrics,
            "measurements": tuple(measured(item) for item in recorded["measurements"]),
            "skipped": tuple(Skipped(**item) for item in recorded["skipped"]),
            "worst": tuple(_shown(case) for case in recorded["worst"]),
            "pairs": tuple(TextPair(**pair) for pair in recorded.get("pairs", ())),
            "tables": tuple(table_of(table) for table in recorded.get("tables", ())),
            "weighted_texts": tuple(map(_weighted, recorded.get("weighted_texts", ()))),
        }
    )


def _worst(case: WorstCase) -> Any:
    """Convert a worst case to JSON; marks only where it has any."""
    written = asdict(case)
    return plain(written if case.marks else {name: value for name, value in written.items() if name != "marks"})


def _shown(case: Mapping[str, Any]) -> WorstCase:
    marks = {
        name: {field: tuple(Span(*span) for span in spans) for field, spans in fields.items()}
        for name, fields in case.get("marks", {}).items()
    }
    return WorstCase(**{**case, "marks": marks})


def _weighted(text: Mapping[str, Any]) -> WeightedText:
    return WeightedText(**{**text, "words": tuple(WeightedWord(*word) for word in text["words"])})


def _bound(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value


def _without_texts(record: ProbeRecord) -> ProbeRecord:
    """Return the record without the user's texts."""
    return replace(record, worst=(), pairs=(), weighted_texts=(), tables=tuple(map(_textless, record.tables)))


def published(records: Sequence[ProbeRecord], *, texts: bool) -> tuple[ProbeRecord, ...]:
    """Return the records as the results keep them.

    Every table has a name of its own: the second ``review`` becomes ``review_2``. ``texts``: whether users' texts stay.
    """
    used: Counter[str] = Counter()

    def named(table: Table) -> Table:
        used[table.name] += 1
        return table if used[table.name] == 1 else replace(table, name=f"{table.name}_{used[table.name]}")

    kept = records if texts else tuple(map(_without_texts, records))
    return tuple(replace(record, tables=tuple(map(named, record.tables))) for record in kept)


def _textless(table: Table) -> Table:
    kept = [place for place, column in enumerate(table.columns) if column not in table.texts]
    rows = tuple(tuple(row[place] for place in kept) for row in table.rows)
    return replace(table, columns=tuple(table.columns[place] for place in kept), rows=rows, texts=())


def table_of(recorded: Mapping[str, Any]) -> Table:
    """Return the table that an entry of ``results.json`` describes."""
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in recorded.items()
    }
    return Table(**{**fields, "rows": tuple(map(tuple, recorded["rows"]))})
