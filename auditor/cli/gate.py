"""Command ``audit gate``: results and policy to exit code, without a model.

It does not import torch.
"""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from auditor import results
from auditor.cli import ci
from auditor.cli.against import judged
from auditor.cli.decision import judged_by, show
from auditor.cli.interrupts import INTERRUPTS
from auditor.cli.regressions import as_json
from auditor.cli.regressions import show as show_regressions
from auditor.errors import UsageError
from auditor.results import label_review
from auditor.verdicts import advice, regressions, waiving


def run(options: Namespace) -> int:
    """Judge a results folder by its own policy or another.

    ``--against`` an earlier folder, what became worse is judged too. Nothing that an audit wrote is changed. Waivers
    are judged on the current day, or on that of ``--on``.
    """
    files = ci.targets(options)
    # A waiver that was in force on the day of the audit may be no more.
    audited, compared = judged(options, waivers=options.waivers, on=options.on or waiving.today())
    judgements = None if compared is None else compared.regressions()
    not_compared = [] if compared is None else compared.not_compared()
    judged_on = audited.results.get("waivers", {}).get("on")
    if options.on is not None and options.waivers is None and judged_on is None:
        raise UsageError(f"--on {options.on}: there are no waivers to judge", hint="give --waivers FILE")
    decision = audited.decision
    labelled = label_review.load(options.results, audited.results)
    against = None if judgements is None else regressions.decision(judgements)
    code = regressions.worst([decision.exit_code, *([] if against is None else [against.exit_code])])
    INTERRUPTS.settle(code)
    if not options.json and not options.quiet:
        print(judged_by(audited.policy, own=options.policy is None, on=judged_on))
    own = [record for record in audited.records if record.model == audited.results["candidate"]]
    steps = advice.next_steps(audited.results, str(results.folder_of(options.results)))
    further = (
        {} if judgements is None else {"exit_code": code, "release": code == 0, **as_json(judgements, not_compared)}
    )
    told: dict[str, Any] = {"steps": steps, "further": further, "labelled": labelled}
    show(decision, audited.policy, own, as_json=options.json, quiet=options.quiet, **told)
    if judgements is not None and not options.json:
        show_regressions(judgements, not_compared, quiet=options.quiet)
    ci.write(files, options, audited.results, judgements)
    return code
