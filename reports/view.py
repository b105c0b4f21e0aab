"""results.json → one plain dict with everything that the page says, already judged and formatted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auditor.types import HOME
from reports import charts, detail, summary, tables
from reports.formats import setting, words_of
from reports.lookup import NO_STEPS, Findings
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


def build(results: Mapping[str, Any], next_steps: Mapping[int, str] = NO_STEPS) -> dict[str, Any]:
    """The view of a results file that keeps the schema (``auditor/results/schema.json``).

    Returns strings, numbers, lists and dicts only; charts are strings of SVG. Raises KeyError for a missing key.
    """
    found = Findings(results, next_steps)
    return {
        "auditor": results["auditor"],
        "schema": results["schema"],
        "policy": results["policy"]["name"],
        "partial": results["partial"],
        "drawn": _drawn(results.get("until_decided")),
        "task": results["task"],
        "candidate": found.candidate,
        "about": _about(found),
        "models": _models(found),
        "failed": [
            {"model": record["model"], "probe": record["probe"], "text": unmeasured_text(record)}
            for record in results["records"]
            if record["status"] == "failed"
        ],
        "decision": summary.decision(found),
        "quality": summary.quality(found),
        "limitations": summary.limitations(found),
        "rules": summary.rules(found),
        "verdicts": len(found.verdicts),
        "long_rules": len(found.verdicts) > tables.LONG,
        "comparisons": summary.comparisons(found),
        "probes": detail.probes(found),
        "unmeasured": detail.unmeasured(found),
        "data": {"columns": list(_DATA.values()), "rows": [_data(one) for one in results["data"]]},
        "resources": results["resources"],
        "provenance": _provenance(results),
    }


def _about(found: Findings) -> list[tuple[str, str]]:
    """What was audited, on what and by what: for the lines under the title."""
    results = found.results
    path = next((model["path"] for model in results["models"] if model["name"] == found.candidate), "not recorded")
    files = [(one["name"], f"{one['path']}, {one['used']:,} of {one['rows']:,} rows used") for one in results["data"]]
    home = next((text for name, text in files if name == HOME), "none")
    others = ", ".join(name for name, _ in files if name != HOME)
    return [
        ("model", path),
        ("data", home + (f"; also read: {others}" if others else "")),
        ("seed", str(results["seed"])),
        ("policy", results["policy"]["name"]),
    ]


def _models(found: Findings) -> list[dict[str, Any]]:
    return [
        {
            "name": model,
            "candidate": model == found.candidate,
            "role": "candidate" if model == found.candidate else "comparator",
            "key": charts.key(model, lane),
        }
        for lane, model in enumerate(found.models)
    ]


def _drawn(given: Mapping[str, Any] | None) -> str | None:
    """How much ``--until-decided`` drew, in a sentence; None for an audit of fixed size."""
    if given is None:
        return None
    looks = "one look" if given["looks"] == 1 else f"{given['looks']} looks"
    return (
        f"Examples were drawn until the required rules were decided, or none were left: {looks}, {given['clusters']:,} of "
        f"{given['available']:,} examples at most; {given['saved']:.0%} of what there was to draw was not needed. "
        "Slices that no required rule reads were not measured. Bounds by betting hold at every look, "
        "intervals by other methods only where a probe was drawn once."
    )


def _data(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": one["name"],
        "path": one["path"],
        "sha256": one["sha256"],
        "cells": [f"{one[key]:,}" for key in _DATA],
    }


def _provenance(results: Mapping[str, Any]) -> dict[str, Any]:
    environment = results["environment"]
    used = {one["method"] for record in results["records"] for one in record["measurements"]}
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
            ("attacks side by side", str(environment.get("lockstep", 1))),
            (
                "tokens in a batch",
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
                "training": _flat(model["training"] or {}),
            }
            for model in results["models"]
        ],
        "config": _flat(results["config"]),
    }


def _flat(given: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(words_of(name), setting(value)) for name, value in given.items() if name != _HISTORY]
