"""Command ``audit remedy``."""

from __future__ import annotations

import contextlib
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from auditor import remedy, results
from auditor.cli.decision import INCOMPLETE, judged_by
from auditor.cli.events import Events
from auditor.cli.interrupts import INTERRUPTS
from auditor.cli.options import progress
from auditor.cli.run import Printing
from auditor.errors import ResultsError, UsageError, one_line
from auditor.remedy import sources
from auditor.remedy.changes import Change, changes
from auditor.results import verification
from auditor.types import Decision
from auditor.verdicts import remedies
from auditor.verdicts.remedies import Remedy


class _Printing(Printing):
    def settled(self, decision: Decision) -> None:
        INTERRUPTS.settle(_code(decision))


def run(options: Namespace) -> int:
    """Propose recipes for what failed; with ``--train``, train and audit them.

    The audit measures the old checkpoint and the new ones side by side; the command prints what changed.
    """
    audited = verification.load(options.results, options.policy)
    content = audited.results
    if Path(content["candidate"]).name != content["candidate"]:
        raise ResultsError(f"{content['candidate']!r} is not the name of a checkpoint", where=str(options.results))
    print(judged_by(audited.policy, own=options.policy is None))
    proposed = remedies.proposed(content)
    if not proposed:
        _say_why_none(content)
        return 0
    _propose(proposed)
    config = remedy.read_config(content)
    root = results.folder_of(options.results).resolve().parent
    training_sources, missing = sources.find(content, config, root, base=options.base, train_data=options.train_data)
    if training_sources is not None and options.train:
        out = options.out or remedy.default_out(options.results)
        plan = remedy.plan(audited, proposed, training_sources, config, out=out, device=options.device, say=_say)
        return _carry_out(options, plan)
    if options.train:
        raise UsageError(f"cannot train; missing: {'; '.join(missing)}", where=str(options.results))
    if missing:
        print(one_line(f"training and auditing them needs: {'; '.join(missing)}"), file=sys.stderr)
    else:
        print("to train and audit them, run the same command with --train", file=sys.stderr)
    return 0


def _say(line: str) -> None:
    print(one_line(line))


def _propose(proposed: Sequence[Remedy]) -> None:
    for proposal in proposed:
        for reason in proposal.reasons:
            _say(reason)
        trained, held = ", ".join(proposal.trained_on), ", ".join(proposal.held_out)
        _say(f"  → {proposal.name}: recipe {proposal.recipe}, trained on {trained}; held out: {held}")


def _say_why_none(content: Mapping[str, Any]) -> None:
    """Say why results without roles get no proposal."""
    if any("role" in record for record in content["records"]):
        print("nothing failed that has a known recipe (noise and attacks have one, except entity swap)")
    else:
        print("these results are of an earlier auditor, which recorded no roles: audit again", file=sys.stderr)


def _carry_out(options: Namespace, plan: remedy.Plan) -> int:
    """Train, audit and report the changes; returns 2 if a probe crashed."""
    for finished in remedy.train(plan, progress(options)):
        print(one_line(str(finished.folder)), flush=True)
        if finished.record.warning:
            warning = f"audit remedy: {finished.folder.name}: {finished.record.warning}"
            print(one_line(warning), file=sys.stderr, flush=True)
    with contextlib.redirect_stdout(sys.stderr):
        decision = remedy.audit(plan, _Printing(options, Events(None)), texts=not options.no_texts).decision
    folder = remedy.results_of(plan)
    for proposal in plan.proposed:
        _say(f"{proposal.name} against {plan.before}: before → after, change [95 % interval over examples; one seed]")
        for change in changes(folder, plan.before, proposal):
            _say(_line(change))
    if not options.quiet:
        print(one_line(f"scorecard: {folder / results.PAGE}"), file=sys.stderr)
    return _code(decision)


def _code(decision: Decision) -> int:
    return INCOMPLETE if decision.exit_code == INCOMPLETE else 0


def _line(change: Change) -> str:
    place = f" [{change.place}]" if change.place else ""
    return (
        f"  {change.probe} {change.metric}{place}: {change.before:.3f} → {change.after:.3f}, "
        f"{change.change:+.3f} [{change.low:+.3f}, {change.high:+.3f}]"
    )
