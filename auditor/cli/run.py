"""``audit run``."""

from __future__ import annotations

import contextlib
import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from auditor import audit_run, results
from auditor import config as configs
from auditor.audit_run import Listener, Request
from auditor.cli import data_flags, estimate
from auditor.cli.decision import INCOMPLETE, show
from auditor.cli.interrupts import INTERRUPTS
from auditor.cli.options import progress, seeded
from auditor.config import Config
from auditor.errors import UsageError, is_text, one_line
from auditor.evaluation.build_plan import Options
from auditor.evaluation.estimating import Work
from auditor.types import Decision

DEFAULT = Path("audit.toml")
"""The config that is used where none is named, if it is there."""


class Printing(Listener):
    """Prints what it hears on standard error; with ``--quiet`` only what is wrong."""

    def __init__(self, options: Namespace) -> None:
        super().__init__(progress(options))
        self.estimates = not options.quiet
        self._quiet = options.quiet

    def check(self) -> None:
        INTERRUPTS.check()

    def say(self, line: str) -> None:
        if not self._quiet:
            self.warn(line)

    def note(self, line: str) -> None:
        self.say(line)

    def warn(self, line: str) -> None:
        print(one_line(line), file=sys.stderr)

    def estimated(self, works: Sequence[Work], *, kept: bool) -> None:
        for line in estimate.lines(works, kept=kept):
            self.say(line)

    def answered(self, hits: int) -> None:
        self.say(f"{hits:,} answers were known from an earlier run (--fresh asks again)")

    def settled(self, decision: Decision) -> None:
        INTERRUPTS.settle(decision.exit_code)


def run(options: Namespace) -> int:
    """Audit, judge and render, the results folder whole or not at all.

    With ``--dry-run`` only list what would be measured.
    """
    began = time.monotonic()
    # Whatever a probe or a library prints goes where progress goes: with --json, stdout is the decision alone.
    with contextlib.redirect_stdout(sys.stderr):
        file = options.config or (DEFAULT if DEFAULT.is_file() else None)
        if options.config is None and file is not None and not options.quiet:
            print(one_line(f"using {file}"), file=sys.stderr)
        request = _request(options, audit_run.of_task(_with_flags(configs.load(file), options), options.model), file)
        listener = Printing(options)
        if options.dry_run:
            planned = _listed(audit_run.planned(request, listener), request, as_json=options.json)
        else:
            finished = audit_run.audit(request, listener)
    if options.dry_run:
        INTERRUPTS.settle(0)
        print(planned)
        return 0
    decision = finished.decision
    show(decision, finished.policy, finished.own, folder=str(finished.out), as_json=options.json, quiet=options.quiet)
    if decision.exit_code == INCOMPLETE:
        print(one_line(f"tracebacks: {finished.out / results.ERRORS}"), file=sys.stderr)
    if not options.quiet:
        print(estimate.took(finished.seconds, time.monotonic() - began), file=sys.stderr)
        print(one_line(f"scorecard: {finished.out / results.PAGE}"), file=sys.stderr)
    return int(decision.exit_code)


def _with_flags(config: Config, options: Namespace) -> Config:
    config = data_flags.applied(seeded(config, options), options)
    if options.budget is not None and options.budget < 1:
        raise UsageError(f"--budget {options.budget} is not a number of examples", hint="1 or more")
    given = {name: getattr(options, name) for name in ("budget", "backend")}
    update = {name: value for name, value in given.items() if value is not None}
    return config.model_copy(update={"audit": config.audit.model_copy(update=update)})


def _request(options: Namespace, config: Config, file: Path | None) -> Request:
    return Request(
        config,
        Options(
            model=options.model,
            data=options.data,
            train=options.train,
            labels_file=options.labels_file,
            domains=_domains(options.domain),
            base=options.base,
            candidate=options.candidate,
            device=options.device or config.audit.device,
            fresh=options.fresh,
            allow_pickle=options.allow_pickle,
            trust_remote_code=options.trust_remote_code,
        ),
        options.out or configs.out_folder(config),
        file,
        probes=options.probe,
        policy=options.policy,
        until_decided=options.until_decided,
        texts=not options.no_texts,
    )


def _domains(words: Sequence[str]) -> dict[str, Path]:
    domains: dict[str, Path] = {}
    for word in words:
        name, equals, file = word.partition("=")
        if not (name.strip() and equals and file):
            raise UsageError(f"--domain {word} is not NAME=FILE", hint="--domain tweets=tweets.csv")
        if name in configs.RESERVED:
            raise UsageError(f"--domain {word}: the name is taken", hint=f"other than {', '.join(configs.RESERVED)}")
        if not is_text(name):
            raise UsageError(f"--domain {word}: the name is not UTF-8", hint="--domain tweets=tweets.csv")
        if name in domains:
            raise UsageError(f"--domain {name} is given twice", hint="a domain is one file")
        domains[name] = Path(file)
    return domains


def _listed(planned: audit_run.Planned, request: Request, *, as_json: bool) -> str:
    """What the audit would measure, for people or as JSON."""
    if as_json:
        return estimate.as_json(planned.works)
    lines = [
        *estimate.listing(planned.works, planned.policy, planned.candidate),
        *estimate.lines(planned.works, kept=False),
    ]
    if request.until_decided:
        lines.append("--until-decided stops each slice once its verdict stands: how long that takes is not known")
    return "\n".join([*lines, f"results would be written to {request.out}; nothing was written"])
