"""``audit gate``: results × policy → exit code; no model, no torch."""

from __future__ import annotations

from argparse import Namespace

from auditor import gate, policy, results
from auditor.cli.decision import show


def run(options: Namespace) -> int:
    """Judge a results folder by a policy; the folder stays as it is."""
    found = results.load(options.results)
    rules = policy.load(options.policy, found["task"]["name"])
    records = results.records_of(found, options.results)
    decision = gate.decide(rules, records, found["candidate"])
    own = [record for record in records if record.model == found["candidate"]]
    folder = str(results.folder_of(options.results))
    show(decision, rules, own, folder=folder, as_json=options.json, quiet=options.quiet)
    return decision.exit_code
