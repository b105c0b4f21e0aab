"""Flag ``--against``: a results folder set beside an earlier one."""

from __future__ import annotations

from argparse import Namespace
from datetime import date
from pathlib import Path

from auditor.cli.tolerances import tolerances_of
from auditor.errors import UsageError
from auditor.results import comparing, verification
from auditor.results.comparing import Compared
from auditor.results.verification import Audited


def judged(
    options: Namespace, *, waivers: Path | None = None, on: date | None = None
) -> tuple[Audited, Compared | None]:
    """Return the verified audit, and its comparison if that is asked.

    ``waivers``, ``on``: as ``verification.load`` takes them. Raises UsageError for a flag of comparisons without
    ``--against``, and what ``comparing.compare`` raises.
    """
    if options.against is None:
        for name in ("tolerance", "unpaired"):
            if getattr(options, name):
                raise UsageError("says how audits are compared", where=f"--{name}", hint="add --against OLD")
        return verification.load(options.results, options.policy, waivers_file=waivers, on=on), None
    compared = comparing.compare(
        options.against,
        options.results,
        policy=options.policy,
        unpaired=options.unpaired,
        tolerances=tolerances_of(options.tolerance),
        required_only=True,
        waivers_file=waivers,
        on=on,
    )
    return compared.new, compared
