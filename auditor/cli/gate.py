"""``audit gate``: results × policy → exit code; no model, no torch."""

from __future__ import annotations

import json
from argparse import Namespace

from auditor import gate, policy, results, verifying
from auditor.cli.interrupts import INTERRUPTS
from auditor.errors import one_line
from auditor.types import Decision

INCOMPLETE = 2
"""The exit code of a decision after a crash."""


def run(options: Namespace) -> int:
    """Judge a results folder by its own policy or another; the folder stays as it is."""
    audited = verifying.load(options.results, options.policy)
    INTERRUPTS.settle(audited.decision.exit_code)
    if not options.json:
        print(one_line(f"policy: {audited.policy.name}{'' if options.policy else ', as the audit was judged by'}"))
    show(audited.decision, audited.policy, as_json=options.json)
    return audited.decision.exit_code


def show(decision: Decision, rules: policy.Policy, *, as_json: bool) -> None:
    """Print a decision: JSON for programs, lines for people."""
    if as_json:
        print(json.dumps({"policy": rules.name, **results.decision_dict(decision, rules)}, ensure_ascii=True, indent=2))
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
