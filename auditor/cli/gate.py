"""``audit gate``: results × policy → exit code; no model, no torch."""

from __future__ import annotations

import json
from argparse import Namespace

from auditor import gate, policy, results
from auditor.cli.interrupts import INTERRUPTS
from auditor.errors import one_line
from auditor.types import Decision

INCOMPLETE = 2
"""The exit code of a decision after a crash."""


def run(options: Namespace) -> int:
    """Judge a results folder by a policy; the folder stays as it is."""
    found = results.load(options.results)
    rules = policy.load(options.policy, found["task"]["name"])
    decision = gate.decide(rules, results.records_of(found, options.results), found["candidate"])
    INTERRUPTS.settle(decision.exit_code)
    show(decision, rules, as_json=options.json)
    return decision.exit_code


def show(decision: Decision, rules: policy.Policy, *, as_json: bool) -> None:
    """Print a decision: JSON for programs, lines for people."""
    if as_json:
        print(json.dumps({"policy": rules.name, **results.decision_dict(decision)}, ensure_ascii=True, indent=2))
        return
    for verdict in decision.verdicts:
        rule = rules.rules[verdict.rule]
        where = gate.describe_slice(verdict.slice)
        value = "" if verdict.value is None else f" {verdict.value:.3f}"
        mark = verdict.outcome.replace("_", " ")
        advisory = " (advisory)" if rule.required == "never" else ""
        print(
            one_line(
                f"{mark:>14}{advisory}  {rule.probe} {rule.metric}{f' [{where}]' if where else ''}{value}: {verdict.reason}"
            )
        )
    print(one_line(decision.headline))
    if decision.exit_code == INCOMPLETE:
        for reason in decision.reasons:
            print(one_line(f"  {reason}"))
