"""Command ``audit gate``: results and policy to exit code, without a model.

It does not import torch.
"""

from __future__ import annotations

from argparse import Namespace

from auditor import results
from auditor.cli import ci
from auditor.cli.decision import judged_by, show
from auditor.cli.interrupts import INTERRUPTS
from auditor.errors import UsageError
from auditor.results import verification
from auditor.verdicts import advice, waiving


def run(options: Namespace) -> int:
    """Judge a results folder by its own policy or another.

    Nothing that the audit wrote is changed. Waivers are judged on the current day, or on that of ``--on``.
    """
    files = ci.targets(options)
    # A waiver that was in force on the day of the audit may be no more.
    on = options.on or waiving.today()
    audited = verification.load(options.results, options.policy, waivers_file=options.waivers, on=on)
    judged_on = audited.results.get("waivers", {}).get("on")
    if options.on is not None and options.waivers is None and judged_on is None:
        raise UsageError(f"--on {options.on}: there are no waivers to judge", hint="give --waivers FILE")
    decision = audited.decision
    INTERRUPTS.settle(decision.exit_code)
    if not options.json and not options.quiet:
        print(judged_by(audited.policy, own=options.policy is None, on=judged_on))
    own = [record for record in audited.records if record.model == audited.results["candidate"]]
    steps = advice.next_steps(audited.results, str(results.folder_of(options.results)))
    show(decision, audited.policy, own, steps=steps, as_json=options.json, quiet=options.quiet)
    ci.write(files, options, audited.results)
    return decision.exit_code
