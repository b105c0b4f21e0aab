"""Command ``audit gate``: results and policy to exit code, without a model.

It does not import torch.
"""

from __future__ import annotations

from argparse import Namespace

from auditor import results
from auditor.cli.decision import judged_by, show
from auditor.cli.interrupts import INTERRUPTS
from auditor.results import verification
from auditor.verdicts import advice


def run(options: Namespace) -> int:
    """Judge a results folder by its own policy or another.

    The folder is not changed.
    """
    audited = verification.load(options.results, options.policy)
    decision = audited.decision
    INTERRUPTS.settle(decision.exit_code)
    if not options.json and not options.quiet:
        print(judged_by(audited.policy, own=options.policy is None))
    own = [record for record in audited.records if record.model == audited.results["candidate"]]
    steps = advice.next_steps(audited.results, str(results.folder_of(options.results)))
    show(decision, audited.policy, own, steps=steps, as_json=options.json, quiet=options.quiet)
    return decision.exit_code
