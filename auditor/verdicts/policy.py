"""Policies: the limits that a release must keep, read from ``policy.toml``."""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from auditor.errors import PolicyError, near_match, near_or_known
from auditor.storage import documents
from auditor.storage.documents import key_path, short
from auditor.storage.reading import SETTINGS, read_file
from auditor.types import Metric, ProbeRecord, Rule, Slice

KEYS = ("probe", "metric", "slice", "max", "min", "margin", "required", "why")
REQUIRED = ("always", "when_input_given", "never")
COMBINATIONS = 10_000
"""Of the values that a rule lists, at most: each has a verdict."""
POLICIES = Path(__file__).with_name("policies")
"""The shipped policies, a file for each task."""
DEFAULT = POLICIES / "text-classification.toml"
BY_TASK = {path.stem: path for path in sorted(POLICIES.glob("*.toml")) if path != DEFAULT}
"""Shipped policies of other tasks than text classification."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules, and the fingerprint of the file they came from."""

    name: str
    """The file's name, or ``default`` for a shipped one, with the task that it is for where it is for one alone."""
    sha256: str
    rules: tuple[Rule, ...]


def shipped(task: str = "", own: Path | None = None) -> Path:
    """The file of the task's shipped policy.

    ``own``: the file that a third party's task brings.
    """
    return own or BY_TASK.get(task, DEFAULT)


def load(path: Path | None = None, task: str = "", own: Path | None = None) -> Policy:
    """Read a policy; None reads the one shipped for the task.

    ``own``: the policy that the task brings in place of a shipped one. Raises PolicyError naming file, rule and key.
    """
    file = shipped(task, own) if path is None else path
    hint = "leave --policy out for the shipped one"
    content = read_file(file, PolicyError, missing="no such policy file", hint=hint, limit=SETTINGS)
    document = documents.toml(content, PolicyError, str(file))
    for key in document:
        if key != "rule":
            raise PolicyError(
                f"unknown key {short(key)}", where=str(file), hint=near_match(key, ["rule"]) or "rules are [[rule]]"
            )
    tables = document.get("rule", [])
    if tables and not isinstance(tables, list):
        raise PolicyError("rule is not a list of tables", where=str(file), hint="write [[rule]] above each rule")
    if not tables:
        raise PolicyError("no [[rule]] in it", where=str(file), hint="a policy without rules cannot release a model")
    rules = tuple(rule_of(table, f"{file}: rule {number}") for number, table in enumerate(tables, start=1))
    name = f"default for {task}" if file not in (path, DEFAULT) else "default"
    return Policy(name if path is None else file.name, hashlib.sha256(content).hexdigest(), rules)


def rule_of(table: Any, where: str) -> Rule:
    """One ``[[rule]]`` of a policy. Raises PolicyError naming ``where`` and the key."""
    if not isinstance(table, dict):
        raise PolicyError("not a table", where=where, hint="write [[rule]]")
    for key in table:
        if key not in KEYS:
            raise PolicyError(f"unknown key {short(key)}", where=where, hint=near_or_known(key, KEYS))
    for key in ("probe", "metric", "why"):
        value = table.get(key)
        if not isinstance(value, str) or not value.strip():
            raise PolicyError(
                f"{key} is missing or empty", where=where, hint="every rule names its probe, metric and why"
            )
    required = table.get("required", "always")
    if required not in REQUIRED:
        raise PolicyError(f"required = {short(required)}", where=where, hint=f"one of {', '.join(REQUIRED)}")
    maximum, minimum = _limit(table, "max", where), _limit(table, "min", where)
    if maximum is not None and minimum is not None:
        raise PolicyError("has both max and min", where=where, hint="write two rules")
    if maximum is None and minimum is None and required != "never":
        raise PolicyError(
            "has neither max nor min", where=where, hint='a rule without a limit needs required = "never"'
        )
    return Rule(
        table["probe"],
        table["metric"],
        _pattern(table.get("slice", {}), where),
        table["why"],
        maximum,
        minimum,
        required,
        _margin(table, maximum is not None or minimum is not None, where),
    )


def _limit(table: Mapping[str, Any], key: str, where: str) -> float | None:
    value = table.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < float("inf"):
        raise PolicyError(f"{key} = {short(value)} is not a finite number", where=where)
    return float(value)


def _margin(table: Mapping[str, Any], limited: bool, where: str) -> float:
    margin = _limit(table, "margin", where)
    if margin is None:
        return 0.0
    if margin < 0.0:
        raise PolicyError(f"margin = {margin:g} is below 0", where=where, hint="it widens the limit: margin = 0.03")
    if margin and not limited:
        raise PolicyError("margin without max or min", where=where, hint="a margin widens a limit")
    return margin


def _pattern(value: Any, where: str) -> dict[str, str | tuple[str, ...]]:
    if not isinstance(value, dict):
        raise PolicyError(f"slice = {short(value)} is not a table", where=where, hint='slice = { domain = "*" }')
    pattern: dict[str, str | tuple[str, ...]] = {}
    for key, wanted in value.items():
        if isinstance(wanted, str):
            pattern[key] = wanted
        elif isinstance(wanted, list) and wanted and all(isinstance(word, str) for word in wanted):
            pattern[key] = tuple(wanted)
        else:
            raise PolicyError(
                f"slice.{key_path([key])} = {short(wanted)}", where=where, hint='a word, "*", or a list of words'
            )
    combinations = math.prod(len(wanted) for wanted in pattern.values() if isinstance(wanted, tuple))
    if combinations > COMBINATIONS:
        raise PolicyError(
            f"slice names {combinations:,} combinations",
            where=where,
            hint=f"at most {COMBINATIONS:,}, or write several rules",
        )
    return pattern


def matches(rule: Rule, slice_: Slice) -> bool:
    """Whether the rule reads this slice.

    Such a slice has exactly the rule's keys, and each value is equal, listed or ``*``.
    """
    if set(rule.slice) != set(slice_):
        return False
    return all(
        wanted == "*" or slice_[key] == wanted if isinstance(wanted, str) else slice_[key] in wanted
        for key, wanted in rule.slice.items()
    )


def parts(rule: Rule) -> Iterator[Rule]:
    """The rule once for each combination of its listed values.

    A value ``*`` stays as it is.
    """
    options = [(value,) if isinstance(value, str) else value for value in rule.slice.values()]
    for values in itertools.product(*options):
        yield replace(rule, slice=dict(zip(rule.slice, values, strict=True)))


def check(policy: Policy, known: Mapping[str, Mapping[str, Metric]]) -> None:
    """Check that every rule can be answered.

    ``known``: probe → metric's name → metric, of every discovered probe, measured or not. Raises PolicyError for a rule
    on a probe or metric that does not exist, or that could decide nothing.
    """
    for number, rule in enumerate(policy.rules, start=1):
        where = f"policy {policy.name}: rule {number}"
        if rule.probe not in known:
            hint = near_or_known(rule.probe, sorted(known))
            raise PolicyError(f"no probe is called {short(rule.probe)}", where=where, hint=hint)
        metrics = known[rule.probe]
        if rule.metric not in metrics:
            hint = near_or_known(rule.metric, sorted(metrics))
            raise PolicyError(f"probe {short(rule.probe)} has no metric {short(rule.metric)}", where=where, hint=hint)
        _check_limit(rule, metrics[rule.metric], where)


def _check_limit(rule: Rule, metric: Metric, where: str) -> None:
    if rule.limit is None:
        return
    if metric.kind == "descriptive":
        raise PolicyError(
            f"{rule.probe} {rule.metric} is descriptive",
            where=where,
            hint="it has no rows to judge by; leave max and min out",
        )
    never_fails = rule.limit >= metric.high if rule.max is not None else rule.limit <= metric.low
    never_passes = rule.limit < metric.low if rule.max is not None else rule.limit > metric.high
    if never_fails or never_passes:
        side = "max" if rule.max is not None else "min"
        raise PolicyError(
            f"{side} = {rule.limit:g} {'never fails' if never_fails else 'never passes'}",
            where=where,
            hint=f"{rule.metric} lies between {metric.low:g} and {metric.high:g}; ten percent are 0.1",
        )
    edge = rule.limit if rule.edge is None else rule.edge
    if rule.margin and (edge >= metric.high if rule.max is not None else edge <= metric.low):
        raise PolicyError(
            f"margin = {rule.margin:g} lets every value pass",
            where=where,
            hint=f"{rule.metric} lies between {metric.low:g} and {metric.high:g}",
        )


def known_metrics(records: tuple[ProbeRecord, ...]) -> dict[str, dict[str, Metric]]:
    """Probe → metric's name → metric, from the records."""
    return {record.probe: {metric.name: metric for metric in record.metrics} for record in records}
