"""Conversion of results.json to a plain dict for the page.

The dict holds everything that the page says, judged and formatted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from auditor.types import GROUP_OF_ROWS, HOME, LabelReview, Regression, RunningCost, metric_words
from reports import charts, detail, glance, paired, repeating, running_cost, summary, tables
from reports.formats import in_a_row, labels_text, setting, words_of
from reports.lookup import NO_STEPS, Findings
from reports.missing import unmeasured_text
from reports.running_cost import NO_COSTS
from reports.words import later, recorded, say, say_counted

_DATA = {
    "rows": later("rows"),
    "used": later("used"),
    "empty": later("empty"),
    "missing_label": later("without label"),
    "duplicates": later("duplicates"),
    "conflicting": later("conflicting"),
    "leaked": later("leaked from training"),
    "truncated": later("truncated"),
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
        "labels": labels_text(results["task"]["labels"]),
        "candidate": findings.candidate,
        "about": _about(findings),
        "models": _models(findings),
        "failed": [
            {"model": record["model"], "probe": record["probe"], "text": unmeasured_text(record)}
            for record in results["records"]
            if record["status"] == "failed"
        ],
        "decision": summary.decision(findings),
        "doubts": [recorded(doubt) for doubt in results.get("doubts", [])],
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
        "data": {
            "columns": [say(_DATA[key]) for key in _DATA],
            "rows": [_data(dataset) for dataset in results["data"]],
        },
        "resources": [_resource(resource) for resource in results["resources"]],
        "provenance": _provenance(results, costs),
    }


def _about(findings: Findings) -> list[tuple[str, str]]:
    """Return the lines under the title: model, data, seed and policy."""
    results = findings.results
    paths = (model["path"] for model in results["models"] if model["name"] == findings.candidate)
    home = next((_used(dataset) for dataset in results["data"] if dataset["name"] == HOME), say("none"))
    others = say(", ").join(dataset["name"] for dataset in results["data"] if dataset["name"] != HOME)
    return [
        (say("model"), next(paths, say("not recorded"))),
        (say("data"), say("{data}; also read: {others}", data=home, others=others) if others else home),
        *_language(results["data"]),
        (say("seed"), str(results["seed"])),
        (say("policy"), results["policy"]["name"]),
    ]


def _used(dataset: Mapping[str, Any]) -> str:
    return say(
        "{file}, {used:,} of {rows:,} rows used", file=dataset["path"], used=dataset["used"], rows=dataset["rows"]
    )


def _language(sets: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return the line on the language of the data.

    It is empty for results of an earlier auditor.
    """
    said: dict[str, list[str]] = {}
    for dataset in sets:
        if "language" in dataset:
            said.setdefault(recorded(dataset["language"]["said"]), []).append(dataset["name"])
    if len(said) > 1:
        said = {"; ".join(f"{say(', ').join(names)}: {text}" for text, names in said.items()): []}
    return [(say("language"), text) for text in said]


def _resource(resource: Mapping[str, Any]) -> dict[str, Any]:
    return {**resource, "name": recorded(resource["name"]), "note": recorded(resource["note"])}


def _models(findings: Findings) -> list[dict[str, Any]]:
    return [
        {
            "name": model,
            "candidate": model == findings.candidate,
            "role": say("candidate") if model == findings.candidate else say("comparator"),
            "key": charts.key(model, lane),
        }
        for lane, model in enumerate(findings.models)
    ]


def _drawn(results: Mapping[str, Any]) -> dict[str, str] | None:
    """Return a title and sentences on how much was drawn.

    The result is None for an audit of one look.
    """
    if results.get("drawn") is not None:
        return {"title": say("More rows where undecided"), "text": _as_needed(results["drawn"])}
    drawn = results.get("until_decided")
    if drawn is None:
        return None
    text = say(
        "Examples were drawn until the required rules were decided or no examples were left{stopped}: "
        "{looks}, at most {drawn:,} of {available:,} {units}; {saved:.0%} of the available {units} were not needed. "
        "Slices that no required rule reads were not measured. Betting bounds are valid at every look, "
        "other intervals only if a probe was drawn once.",
        stopped=_stopped(drawn),
        looks=_looks(drawn),
        drawn=drawn["clusters"],
        available=drawn["available"],
        units=_units(results, drawn),
        saved=drawn["saved"],
    )
    return {"title": say("Stopped once decided"), "text": text}


def _units(results: Mapping[str, Any], recorded: Mapping[str, Any]) -> str:
    """What is drawn until it is decided, in the plural."""
    drawn = {slice_["probe"] for slice_ in recorded["slices"] if slice_["design"] == "sequential"}
    grouped = any(
        measurement.get("cluster_unit") == GROUP_OF_ROWS
        for record in results["records"]
        if record["probe"] in drawn
        for measurement in record["measurements"]
    )
    return say("groups of rows") if grouped else say("examples")


def _as_needed(drawn: Mapping[str, Any]) -> str:
    """Say what the planned looks drew, and whose slices were drawn once."""
    text = say(
        "Up to {planned} looks were planned before anything was measured: everything at its default size, then more "
        "rows of the slices of required rules that were undecided. Made: {looks}{stopped}, with at most {drawn:,} of "
        "{available:,} rows; {saved:.0%} of the available rows were not needed. Each look has its share of the 5 % "
        "error, so that all looks together keep it.",
        planned=drawn["planned"],
        looks=_looks(drawn),
        stopped=_stopped(drawn),
        drawn=drawn["clusters"],
        available=drawn["available"],
        saved=drawn["saved"],
    )
    once: dict[str, list[str]] = {}
    for slice_ in drawn["slices"]:
        names = once.setdefault(slice_["reason"], []) if "reason" in slice_ else []
        if slice_["probe"] not in names:
            names.append(slice_["probe"])
    parts = [
        say("{probes} ({reason})", probes=say(", ").join(names), reason=recorded(reason))
        for reason, names in once.items()
    ]
    return in_a_row(text, say("Drawn once: {parts}.", parts=say("; ").join(parts))) if parts else text


def _looks(drawn: Mapping[str, Any]) -> str:
    return say_counted("one look", "{n} looks", drawn["looks"])


def _stopped(drawn: Mapping[str, Any]) -> str:
    """Say that the time limit ended the looks; empty if not."""
    if not drawn.get("stopped"):
        return ""
    if "planned" not in drawn:
        return say(" (stopped by --time-limit after look {look})", look=drawn["looks"])
    return say(
        " (stopped by --time-limit after look {look} of {planned})", look=drawn["looks"], planned=drawn["planned"]
    )


def _data(dataset: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": f"{dataset['name']} ({recorded(dataset['kind'])})" if "kind" in dataset else dataset["name"],
        "path": dataset["path"],
        "sha256": dataset["sha256"],
        "cells": [f"{dataset[key]:,}{_more(dataset, key)}" for key in _DATA],
    }


def _more(dataset: Mapping[str, Any], key: str) -> str:
    """What else a cell says of near copies and of last turns."""
    last = dataset.get("last_turn_truncated", 0) if key == "truncated" else 0
    if last:
        return say(", {n:,} of them in the last turn", n=last)
    return _nearly(dataset) if key == "leaked" else ""


def _nearly(dataset: Mapping[str, Any]) -> str:
    """Rows that training has in another spelling.

    Results of an earlier auditor do not count them.
    """
    near = dataset.get("nearly_leaked", 0)
    inside = dataset.get("in_scope", 0)
    return (say(", {n:,} more in another spelling", n=near) if near else "") + (
        say(", {n:,} more of a text that is in scope too", n=inside) if inside else ""
    )


def _provenance(results: Mapping[str, Any], costs: Mapping[str, RunningCost]) -> dict[str, Any]:
    used = {measurement["method"] for record in results["records"] for measurement in record["measurements"]}
    return {
        "facts": [
            ("auditor", results["auditor"]),
            (say("results schema"), str(results["schema"])),
            (say("task"), _task(results["task"])),
            (say("labels"), setting(results["task"]["labels"])),
            *([(say("settings of the task"), setting(own))] if (own := results["task"].get("settings")) else []),
            (say("seed"), str(results["seed"])),
            (say("policy"), results["policy"]["name"]),
            (say("policy SHA-256"), results["policy"]["sha256"]),
            *_surroundings(results["environment"]),
        ],
        "versions": [(name, recorded(version)) for name, version in results["environment"]["versions"].items()],
        "methods": [
            (recorded(words_of(name)), recorded(text)) for name, text in results["methods"].items() if name in used
        ],
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


def _task(task: Mapping[str, Any]) -> str:
    return say("{task}, by {metric}", task=task["name"], metric=recorded(metric_words(task["metric"])))


def _surroundings(environment: Mapping[str, Any]) -> list[tuple[str, str]]:
    tokens = f"{environment['batch_tokens']:,}" if "batch_tokens" in environment else say("not recorded")
    return [
        ("Python", environment["python"]),
        (say("device"), environment["device"]),
        (say("precision"), environment["precision"]),
        (say("backend"), environment.get("backend", "torch")),
        (say("threads"), str(environment["threads"])),
        (say("attacks in lockstep"), str(environment.get("lockstep", 1))),
        (say("tokens per batch"), tokens),
    ]


def _flat(training: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(recorded(words_of(name)), setting(value)) for name, value in training.items() if name != _HISTORY]
