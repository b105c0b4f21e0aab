"""Command ``audit run``."""

from __future__ import annotations

import contextlib
import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any, TextIO, cast

from auditor import __version__, audit_run, results
from auditor import config as configs
from auditor.audit_run import Audited, Listener, Request
from auditor.cli import ci, data_flags, estimate, events
from auditor.cli.decision import INCOMPLETE, document, show
from auditor.cli.events import Events
from auditor.cli.interrupts import INTERRUPTS
from auditor.cli.options import progress, seeded
from auditor.config import Config
from auditor.errors import UsageError, is_text, one_line
from auditor.evaluation.build_plan import Options
from auditor.evaluation.watching import Fallen
from auditor.plugins import registry
from auditor.types import Decision
from auditor.verdicts import advice

DEFAULT = Path("audit.toml")
"""Config to use, if it exists, when no other is named."""
EXAMPLES = {"domain": "tweets=tweets.csv", "slice": "2025=2025.csv"}
"""Flag → what it takes, for example."""
UNTIL_DECIDED = "--until-decided stops each slice once its verdict is decided, so its time is not known"


class Printing(Listener):
    """Listener that prints on standard error.

    With ``--quiet`` it prints warnings only.
    """

    def __init__(self, options: Namespace, told: Events) -> None:
        super().__init__(progress(options))
        self.estimates = not options.quiet or told.on
        self._quiet = options.quiet
        self._told = told
        told.beside(self.lines)

    def check(self) -> None:
        """Raise KeyboardInterrupt if a signal arrived and was swallowed."""
        INTERRUPTS.check()

    def say(self, line: str) -> None:
        """Print a line, unless ``--quiet`` was given."""
        if not self._quiet:
            self._print(line)

    def note(self, line: str) -> None:
        """Print a note, unless ``--quiet`` was given."""
        self._told("warning", text=line)
        self.say(line)

    def warn(self, line: str) -> None:
        """Print a warning."""
        self._told("warning", text=line)
        self._print(line)

    def _print(self, line: str) -> None:
        print(one_line(line), file=sys.stderr)

    def estimated(self, work: audit_run.Planned, *, kept: bool) -> None:
        """Print what will be measured, unless ``--quiet`` was given."""
        for each in work.works:
            self._told.know(each.piece, each.model, each.probe)
            cases = None if each.planned is None else each.planned.cases
            named = {"work": each.piece, "model": each.model, "probe": each.probe, "cases": cases}
            self._told("work_planned", **named, expected_seconds=each.expected, reason=each.reason)
        for line in (*estimate.beforehand(work.works), *estimate.lines(work.works, kept=kept)):
            self.say(line)
        if work.design == "until-decided":
            self.say(UNTIL_DECIDED)

    def decided(self, fallen: Fallen) -> None:
        """Print that the required verdicts of a probe are decided."""
        self._told("verdict", **asdict(fallen))
        number = f"{fallen.verdicts} required verdict{'s' if fallen.verdicts > 1 else ''}"
        stands = "" if fallen.settled else " as things stand; the decision corrects for all slices"
        self.say(f"{fallen.probe}: {fallen.outcome}{stands} ({number})")

    def looked(self, look: int, undecided: int) -> None:
        """Tell of a look that was made."""
        self._told("look", look=look, undecided=undecided)

    def answered(self, hits: int) -> None:
        """Print how many answers were reused."""
        self.say(f"{hits:,} answers were reused from an earlier run (--fresh recomputes them)")

    def settled(self, decision: Decision) -> None:
        """Fix the exit code: the results are complete."""
        INTERRUPTS.settle(decision.exit_code)


def run(options: Namespace) -> int:
    """Audit, judge, and write a complete results folder or none.

    With ``--dry-run`` only list what would be measured.
    """
    began = time.monotonic()
    stdout = sys.stdout
    if options.dry_run and options.events is not None:
        raise UsageError("--dry-run measures nothing, so that there are no events", hint="leave out --events")
    # Output of probes and libraries goes to standard error, because with --json standard output is the decision alone.
    with contextlib.redirect_stdout(sys.stderr):
        file = options.config or (DEFAULT if DEFAULT.is_file() else None)
        if options.config is None and file is not None and not options.quiet:
            print(one_line(f"using {file}"), file=sys.stderr)
        files = ci.targets(options)
        request = _request(options, audit_run.of_task(_with_flags(configs.load(file), options), options.model), file)
        if options.dry_run:
            planned = _listed(audit_run.planned(request, Printing(options, Events(None))), request, options.json)
        else:
            finished = _audited(request, options, cast(TextIO, stdout))
    if options.dry_run:
        INTERRUPTS.settle(0)
        print(planned)
        return 0
    code = _ended(finished, options, time.monotonic() - began)
    ci.write(files, options, finished.content)
    return code


def _audited(request: Request, options: Namespace, stdout: TextIO) -> Audited:
    """Run the audit, and write its events where asked for."""
    with events.writing(options.events, request.out, stdout) as told:
        config = request.config
        facts = {"design": config.audit.design, "seed": config.seed}
        told("started", auditor=__version__, results=str(request.out), **facts)
        finished = audit_run.audit(request, Printing(options, told))
        if told.on:
            own = {record.probe: record for record in finished.own}
            steps = advice.next_steps(finished.content, str(finished.out))
            content = document(finished.decision, finished.policy, own, steps)
            code = int(finished.decision.exit_code)
            told("finished", exit_code=code, results=str(finished.out), decision=content)
    return finished


def _ended(finished: Audited, options: Namespace, seconds: float) -> int:
    """Print the decision and return the exit code."""
    decision = finished.decision
    steps = advice.next_steps(finished.content, str(finished.out))
    streamed = options.events == events.STDOUT
    if not (streamed and options.json):
        # Where standard output has events, lines for people are none of them.
        with contextlib.redirect_stdout(sys.stderr) if streamed else contextlib.nullcontext():
            show(decision, finished.policy, finished.own, steps=steps, as_json=options.json, quiet=options.quiet)
    if decision.exit_code == INCOMPLETE:
        print(one_line(f"tracebacks: {finished.out / results.ERRORS}"), file=sys.stderr)
    if not options.quiet:
        print(estimate.took(finished.seconds, seconds), file=sys.stderr)
        print(one_line(f"scorecard: {finished.out / results.PAGE}"), file=sys.stderr)
    return int(decision.exit_code)


def _with_flags(config: Config, options: Namespace) -> Config:
    config = data_flags.applied(seeded(config, options), options)
    if options.cases is not None:
        config = configs.with_cases_file(config, options.cases)
    if options.budget is not None and options.budget < 1:
        raise UsageError(f"--budget {options.budget}: must be at least 1")
    flags = {name: getattr(options, name) for name in ("budget", "backend", "design", "time_limit")}
    update = {name: value for name, value in flags.items() if value is not None}
    audit = config.audit.model_copy(update={**update, **_leaving_out(options)})
    if options.time_limit is not None:
        _check_time_limit(options.time_limit, audit.design)
    return config.model_copy(update={"audit": audit})


def _leaving_out(options: Namespace) -> dict[str, Any]:
    """Return what the flags change of ``[audit] skip`` and ``fast``.

    Probes that are asked for by name are measured whatever the config leaves out.
    """
    named = bool(registry.split_selection(options.probe)[0])
    changes: dict[str, Any] = {"skip": (), "fast": False} if named else {}
    if options.skip:
        changes["skip"] = tuple(dict.fromkeys(options.skip))
    return {**changes, "fast": True} if options.fast else changes


def _check_time_limit(limit: str, design: str) -> None:
    """Raise UsageError for a bad time limit, or one without effect.

    With a fixed size it would have nothing to stop.
    """
    try:
        configs.seconds_of(limit)
    except ValueError as error:
        raise UsageError(f"--time-limit {limit}: {error}", hint="--time-limit 10m") from None
    if design == "fixed":
        hint = "--budget N limits the rows of an audit of fixed size"
        raise UsageError(f"--time-limit {limit}: with --fixed there is one look, and nothing to stop", hint=hint)


def _request(options: Namespace, config: Config, file: Path | None) -> Request:
    return Request(
        config,
        Options(
            model=options.model,
            data=options.data,
            train=options.train,
            labels_file=options.labels_file,
            domains=_named_files(options.domain, "domain"),
            slices=_named_files(options.slice, "slice"),
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
        waivers=options.waivers,
        on=_day(options, config),
        texts=not options.no_texts,
        language=options.language,
    )


def _named_files(words: Sequence[str], kind: str) -> dict[str, Path]:
    """Return name → file of domains, or of slices.

    ``kind``: the flag's name. Raises UsageError.
    """
    files: dict[str, Path] = {}
    for word in words:
        name, equals, file = word.partition("=")
        if not (name.strip() and equals and file):
            raise UsageError(f"--{kind} {word} is not NAME=FILE", hint=f"--{kind} {EXAMPLES[kind]}")
        if name in configs.RESERVED:
            raise UsageError(f"--{kind} {word}: the name is taken", hint=f"reserved: {', '.join(configs.RESERVED)}")
        if not is_text(name):
            raise UsageError(f"--{kind} {word}: the name is not UTF-8", hint=f"--{kind} {EXAMPLES[kind]}")
        if name in files:
            raise UsageError(f"--{kind} {name} is given twice", hint=f"a {kind} has one file")
        files[name] = Path(file)
    return files


def _day(options: Namespace, config: Config) -> date | None:
    """Return the day of ``--on``. Raises UsageError where no waiver is judged."""
    if options.on is not None and options.waivers is None and config.audit.waivers is None:
        raise UsageError(f"--on {options.on}: there are no waivers to judge", hint="give --waivers FILE")
    day: date | None = options.on
    return day


def _listed(planned: audit_run.Planned, request: Request, as_json: bool) -> str:
    """Describe what the audit would measure, as lines or JSON."""
    if as_json:
        return estimate.as_json(planned.works)
    lines = [
        *estimate.listing(planned.works, planned.policy, planned.candidate),
        *estimate.lines(planned.works, kept=False),
    ]
    if request.config.audit.design == "until-decided":
        lines.append(UNTIL_DECIDED)
    return "\n".join([*lines, f"results would be written to {request.out}; nothing was written"])
