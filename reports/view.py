"""Conversion of results.json to a plain dict for the page.

The dict holds everything that the page says, judged and formatted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from auditor.types import GROUP_OF_ROWS, HOME, LabelReview, Regression, RunningCost
from reports import charts, detail, glance, paired, repeating, running_cost, summary, tables
from reports.formats import setting, words_of
from reports.lookup import NO_STEPS, Findings
from reports.running_cost import NO_COSTS
from reports.summary import unmeasured_text

_DATA = {
    "rows": "rows",
    "used": "used",
    "empty": "empty",
    "missing_label": "without label",
    "duplicates": "duplicates",
    "conflicting": "conflicting",
    "leaked": "leaked from training",
    "truncated": "truncated",
}
_HISTORY = "history"


def build(
    results: Mapping[str, Any],
    next_steps: Mapping[int, str] = NO_STEPS,
    costs: Mapping[str, RunningCost] = NO_COSTS,
    regressions: Sequence[Regression] = (),
    review: LabelReview | None = None,
) -> dict[str, Any]:
    """Return the view of a results file that conforms to the schema.

    The schema is ``auditor/results/schema.json``. The view holds only strings, numbers, lists and dicts; charts are
    strings of SVG. ``regressions``: against the last release. Raises KeyError for a missing key.
    """
    findings = Findings(results, next_steps, review)
    quality, limitations = summary.quality(findings), summary.limitations(findings)
    return {
        "auditor": results["auditor"],
        "schema": results["schema"],
        "policy": results["policy"]["name"],
        "partial": results["partial"],
        "drawn": _drawn(results),
        "task": results["task"],
        "candidate": findings.candidate,
        "about": _about(findings),
        "models": _models(findings),
        "failed": [
            {"model": record["model"], "probe": record["probe"], "text": unmeasured_text(record)}
            for record in results["records"]
            if record["status"] == "failed"
        ],
        "decision": summary.decision(findings),
        "doubts": results.get("doubts", []),
        "glance": glance.rows(findings, limitations, quality, regressions),
        "trend": bool(regressions),
        "numbers": glance.numbers(findings, summary.deciding_verdicts(findings)),
        "quality": quality,
        "limitations": limitations,
        "rules": summary.rules(findings),
        "verdicts": len(findings.verdicts),
        "long_rules": len(findings.verdicts) > tables.LONG,
        "comparisons": paired.comparisons(findings),
        "probes": detail.probes(findings),
        "unmeasured": detail.unmeasured(findings),
        "data": {"columns": list(_DATA.values()), "rows": [_data(dataset) for dataset in results["data"]]},
        "resources": results["resources"],
        "provenance": _provenance(results, costs),
    }


def _about(findings: Findings) -> list[tuple[str, str]]:
    """Return the lines under the title: model, data, seed and policy."""
    results = findings.results
    path = next((model["path"] for model in results["models"] if model["name"] == findings.candidate), "not recorded")
    files = [
        (dataset["name"], f"{dataset['path']}, {dataset['used']:,} of {dataset['rows']:,} rows used")
        for dataset in results["data"]
    ]
    home = next((text for name, text in files if name == HOME), "none")
    others = ", ".join(name for name, _ in files if name != HOME)
    return [
        ("model", path),
        ("data", home + (f"; also read: {others}" if others else "")),
        ("seed", str(results["seed"])),
        ("policy", results["policy"]["name"]),
    ]


def _models(findings: Findings) -> list[dict[str, Any]]:
    return [
        {
            "name": model,
            "candidate": model == findings.candidate,
            "role": "candidate" if model == findings.candidate else "comparator",
            "key": charts.key(model, lane),
        }
        for lane, model in enumerate(findings.models)
    ]


def _drawn(results: Mapping[str, Any]) -> dict[str, str] | None:
    """Return a title and sentences on how much was drawn.

    The result is None for an audit of one look.
    """
    if results.get("drawn") is not None:
        return {"title": "More rows where undecided", "text": _as_needed(results["drawn"])}
    recorded = results.get("until_decided")
    if recorded is None:
        return None
    units = _units(results, recorded)
    text = (
        f"Examples were drawn until the required rules were decided or no examples were left{_stopped(recorded)}: "
        f"{_looks(recorded)}, at most {recorded['clusters']:,} of {recorded['available']:,} {units}; "
        f"{recorded['saved']:.0%} of the available {units} were not needed. "
        "Slices that no required rule reads were not measured. Betting bounds are valid at every look, "
        "other intervals only if a probe was drawn once."
    )
    return {"title": "Stopped once decided", "text": text}


def _units(results: Mapping[str, Any], recorded: Mapping[str, Any]) -> str:
    """What is drawn until it is decided, in the plural."""
    drawn = {slice_["probe"] for slice_ in recorded["slices"] if slice_["design"] == "sequential"}
    grouped = any(
        measurement.get("cluster_unit") == GROUP_OF_ROWS
        for record in results["records"]
        if record["probe"] in drawn
        for measurement in record["measurements"]
    )
    return "groups of rows" if grouped else "examples"


def _as_needed(drawn: Mapping[str, Any]) -> str:
    """Say what the planned looks drew, and whose slices were drawn once."""
    planned = drawn["planned"]
    text = (
        f"Up to {planned} looks were planned before anything was measured: everything at its default size, then more "
        f"rows of the slices of required rules that were undecided. Made: {_looks(drawn)}{_stopped(drawn)}, with at "
        f"most {drawn['clusters']:,} of {drawn['available']:,} rows; {drawn['saved']:.0%} of the available rows were "
        "not needed. Each look has its share of the 5 % error, so that all looks together keep it."
    )
    once: dict[str, list[str]] = {}
    for slice_ in drawn["slices"]:
        names = once.setdefault(slice_["reason"], []) if "reason" in slice_ else []
        if slice_["probe"] not in names:
            names.append(slice_["probe"])
    parts = [f"{', '.join(names)} ({reason})" for reason, names in once.items()]
    return f"{text} Drawn once: {'; '.join(parts)}." if parts else text


def _looks(drawn: Mapping[str, Any]) -> str:
    return "one look" if drawn["looks"] == 1 else f"{drawn['looks']} looks"


def _stopped(drawn: Mapping[str, Any]) -> str:
    """Say that the time limit ended the looks; empty if not."""
    if not drawn.get("stopped"):
        return ""
    planned = f" of {drawn['planned']}" if "planned" in drawn else ""
    return f" (stopped by --time-limit after look {drawn['looks']}{planned})"


def _data(dataset: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": f"{dataset['name']} ({dataset['kind']})" if "kind" in dataset else dataset["name"],
        "path": dataset["path"],
        "sha256": dataset["sha256"],
        "cells": [f"{dataset[key]:,}{_nearly(dataset) if key == 'leaked' else ''}" for key in _DATA],
    }


def _nearly(dataset: Mapping[str, Any]) -> str:
    """Rows that training has in another spelling.

    Results of an earlier auditor do not count them.
    """
    near = dataset.get("nearly_leaked", 0)
    return f", {near:,} more in another spelling" if near else ""


def _provenance(results: Mapping[str, Any], costs: Mapping[str, RunningCost]) -> dict[str, Any]:
    environment = results["environment"]
    used = {measurement["method"] for record in results["records"] for measurement in record["measurements"]}
    return {
        "facts": [
            ("auditor", results["auditor"]),
            ("results schema", str(results["schema"])),
            ("task", f"{results['task']['name']}, by {words_of(results['task']['metric'])}"),
            ("labels", setting(results["task"]["labels"])),
            ("seed", str(results["seed"])),
            ("policy", results["policy"]["name"]),
            ("policy SHA-256", results["policy"]["sha256"]),
            ("Python", environment["python"]),
            ("device", environment["device"]),
            ("precision", environment["precision"]),
            ("backend", environment.get("backend", "torch")),
            ("threads", str(environment["threads"])),
            ("attacks in lockstep", str(environment.get("lockstep", 1))),
            (
                "tokens per batch",
                f"{environment['batch_tokens']:,}" if "batch_tokens" in environment else "not recorded",
            ),
        ],
        "versions": list(environment["versions"].items()),
        "methods": [(words_of(name), text) for name, text in results["methods"].items() if name in used],
        "models": [
            {
                "name": model["name"],
                "path": model["path"],
                "fingerprint": model["fingerprint"],
                "labels": setting(model["labels"]),
                "size": running_cost.size(model),
                "cost": running_cost.facts(costs.get(model["name"])),
                "training": _flat(model["training"] or {}),
            }
            for model in results["models"]
        ],
        "config": repeating.toml(results["config"]),
        "repeat": repeating.command(results),
    }


def _flat(recorded: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(words_of(name), setting(value)) for name, value in recorded.items() if name != _HISTORY]
