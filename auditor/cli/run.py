"""``audit run``."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auditor import config as configs
from auditor import results
from auditor.cli import data_flags, estimate
from auditor.cli.decision import INCOMPLETE, show
from auditor.cli.interrupts import INTERRUPTS
from auditor.cli.options import kept_answers, named, progress, seeded
from auditor.cli.progress import Lines
from auditor.config import Config
from auditor.engine import Cache, NoCache
from auditor.errors import ResultsError, UsageError, is_text, one_line
from auditor.evaluation import doubts, estimating, runner, sequential
from auditor.evaluation.plan import Plan
from auditor.models import checkpoint
from auditor.plugins import registry
from auditor.results import canonical_json, parquet
from auditor.storage import atomic_folder
from auditor.types import Decision, Probe, ProbeRecord
from auditor.verdicts import advice, comparisons, gate, policy

if TYPE_CHECKING:
    from auditor.evaluation.build_plan import Prepared

DEFAULT = Path("audit.toml")
"""The config that is used where none is named, if it is there."""


@dataclass(frozen=True, slots=True)
class Audited:
    """A finished audit, its results on disk."""

    decision: Decision
    policy: policy.Policy
    records: tuple[ProbeRecord, ...]
    """The candidate's, with their rows."""
    out: Path
    seconds: Mapping[str, float]
    """Piece of work → what it took."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the command line and the config ask for, before anything is loaded."""

    probes: tuple[Probe, ...]
    chosen: frozenset[str]
    policy: policy.Policy
    out: Path


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
        config = _of_task(_with_flags(configs.load(file), options), options.model)
        found = listed(options, config, file) if options.dry_run else audited(options, config, file)
    if isinstance(found, str):
        INTERRUPTS.settle(0)
        print(found)
        return 0
    decision = found.decision
    show(decision, found.policy, found.records, folder=str(found.out), as_json=options.json, quiet=options.quiet)
    if decision.exit_code == INCOMPLETE:
        print(one_line(f"tracebacks: {found.out / results.ERRORS}"), file=sys.stderr)
    if not options.quiet:
        print(estimate.took(found.seconds, time.monotonic() - began), file=sys.stderr)
        print(one_line(f"scorecard: {found.out / results.PAGE}"), file=sys.stderr)
    return _code(decision)


def _of_task(config: Config, model: Path) -> Config:
    """The config with the task that the checkpoint was made for, where it names none itself."""
    found = None if "task" in config.model_fields_set else checkpoint.task_of(model)
    return config if found is None else config.model_copy(update={"task": found})


def _code(decision: Decision) -> int:
    return int(decision.exit_code)


def _asked(options: Namespace, config: Config, rules: policy.Policy | None = None) -> _Asked:
    names, files = registry.split_selection(options.probe)
    probes = registry.discover(files)
    # A probe's import may have swallowed it.
    INTERRUPTS.check()
    registry.sibling("reports")
    rules = rules or policy.load(options.policy or configs.policy_file(config), config.task)
    return _Asked(probes, registry.selected(probes, names, files), rules, options.out or configs.out_folder(config))


def audited(
    options: Namespace,
    config: Config,
    file: Path | None,
    rules: policy.Policy | None = None,
    exit_code: Callable[[Decision], int] = _code,
) -> Audited:
    """Carry the audit out and write its folder. ``file``: where the config stands.

    ``rules``: the policy to judge by, in place of what options and config name. ``exit_code``: that of the command once
    the results are whole, whatever comes then.
    """
    asked = _asked(options, config, rules)
    with contextlib.ExitStack() as ending:
        with (
            atomic_folder.whole(asked.out, results.is_ours, ResultsError) as folder,
            named(file),
            kept_answers(options) as cache,
        ):
            finished = _audit(options, config, asked, folder, cache)
            # From here to the folder's new name, so that an interruption finds either no results or whole ones.
            ending.enter_context(atomic_folder.uninterrupted())
        INTERRUPTS.settle(exit_code(finished.decision))
    return finished


def listed(options: Namespace, config: Config, file: Path | None) -> str:
    """What the audit would measure, everything read and checked, nothing written."""
    asked = _asked(options, config)
    atomic_folder.check_target(asked.out, results.is_ours, ResultsError)
    with named(file):
        plan = _prepared(options, config, asked, NoCache()).plan
        works = estimating.works(plan, timed=not options.until_decided)
    if options.json:
        return estimate.as_json(works)
    said = [*estimate.listing(works, asked.policy, plan.candidate), *estimate.lines(works, kept=False)]
    if options.until_decided:
        said.append("--until-decided stops each slice once its verdict stands: how long that takes is not known")
    return "\n".join([*said, f"results would be written to {asked.out}; nothing was written"])


def _prepared(options: Namespace, config: Config, asked: _Asked, cache: Cache) -> Prepared:
    """Everything the audit needs, and the policy and hypotheses checked against it."""
    from auditor.evaluation import build_plan

    root = asked.out.resolve().parent
    prepared = build_plan.prepare(config, _options(options, config, cache), asked.probes, asked.chosen, root)
    plan = prepared.plan
    if not options.quiet:
        print(one_line(data_flags.told(prepared.facts["data"])), file=sys.stderr)
        for note in prepared.notes:
            print(one_line(note), file=sys.stderr)
        _say(prepared.facts["models"])
    known = {probe.name: {metric.name: metric for metric in probe.metrics(plan.task)} for probe in plan.probes}
    policy.check(asked.policy, known)
    comparisons.check(config.compare, known, [audited.name for audited in plan.models])
    for audited in plan.models:
        if audited.configured_base is not None and not options.quiet:
            said = f"{audited.name}: trained again from {audited.configured_base}, the base of [training]"
            print(one_line(said), file=sys.stderr)
    return prepared


def _audit(options: Namespace, config: Config, asked: _Asked, folder: Path, cache: Cache) -> Audited:
    from auditor.results import provenance

    root, lines = asked.out.resolve().parent, progress(options)
    prepared = _prepared(options, config, asked, cache)
    plan = prepared.plan
    expected = {} if options.quiet or options.until_decided else _estimated(plan, fresh=options.fresh)
    lines.expect(expected)
    records, drawn = _records(options, plan, asked.policy, folder, lines)
    decision = gate.decide(asked.policy, records, plan.candidate)
    doubt = doubts.swapped_labels(records, plan.candidate)
    if doubt is not None and not options.quiet:
        print(one_line(f"{doubt}; {data_flags.told(prepared.facts['data'][:1])}"), file=sys.stderr)
    compared = comparisons.compare(plan.candidate, records, config.compare)
    content = {
        **provenance.constant_facts(config, plan.selected != {probe.name for probe in plan.probes}, root),
        **prepared.facts,
        "data": doubts.noted(prepared.facts["data"], doubt),
        "until_decided": None if drawn is None else canonical_json.plain(asdict(drawn)),
        "candidate": plan.candidate,
        "records": [results.record_dict(record) for record in records],
        "comparisons": canonical_json.plain(compared),
        "unanswered": comparisons.unanswered(config.compare, compared),
        "policy": results.policy_dict(asked.policy),
        "decision": results.decision_dict(decision, asked.policy),
    }
    parquet.write_rows(folder / results.EXAMPLES, records)
    _write(folder, content, {"seconds": lines.seconds, "expected_seconds": expected}, plan.errors)
    own = tuple(record for record in records if record.model == plan.candidate)
    return Audited(decision, asked.policy, own, asked.out, lines.seconds)


def _estimated(plan: Plan, *, fresh: bool) -> dict[str, float]:
    """Piece of work → seconds at least; says the estimate on standard error."""
    kept = not fresh and estimating.known_before(plan)
    works = estimating.works(plan)
    for line in estimate.lines(works, kept=kept):
        print(line, file=sys.stderr)
    return {one.piece: round(one.seconds, 1) for one in works if one.seconds is not None}


def _say(models: Sequence[Mapping[str, Any]]) -> None:
    """What is to be said of how the checkpoints were loaded, and are asked."""
    for model in models:
        for note in model["notes"]:
            print(one_line(f"{model['name']}: {note}"), file=sys.stderr)


def _records(
    options: Namespace, plan: Plan, rules: policy.Policy, folder: Path, lines: Lines
) -> tuple[tuple[ProbeRecord, ...], sequential.Drawn | None]:
    """What the probes found, their cases written as they are scored; and how much was drawn, if not all."""
    drawn = None
    with (
        contextlib.closing(parquet.CaseWriter(folder / results.CASES, plan.task, texts=not options.no_texts)) as writer,
        lines,
    ):
        if options.until_decided:
            records, drawn = sequential.run(plan, rules, writer, lines)
        else:
            records = runner.run(plan, writer, lines)
    return tuple(results.without_texts(one) for one in records) if options.no_texts else records, drawn


def _write(folder: Path, content: dict[str, Any], timings: dict[str, Any], errors: list[str]) -> None:
    """The results, and the page from what a reader of them will find."""
    from reports import scorecard

    results.write(folder, content)
    results.write_json(folder / results.TIMINGS, timings)
    if errors:
        (folder / results.ERRORS).write_text("\n".join(errors), encoding="utf-8", errors="backslashreplace")
    found = json.loads((folder / results.RESULTS).read_text(encoding="utf-8"))
    page = scorecard.render(found, advice.next_steps(found))
    (folder / results.PAGE).write_text(page, encoding="utf-8", errors="backslashreplace")


def _with_flags(config: Config, options: Namespace) -> Config:
    config = data_flags.applied(seeded(config, options), options)
    if options.budget is not None and options.budget < 1:
        raise UsageError(f"--budget {options.budget} is not a number of examples", hint="1 or more")
    given = {name: getattr(options, name) for name in ("budget", "backend")}
    update = {name: value for name, value in given.items() if value is not None}
    return config.model_copy(update={"audit": config.audit.model_copy(update=update)})


def _options(options: Namespace, config: Config, cache: Cache) -> Any:
    from auditor.evaluation.build_plan import Options

    domains: dict[str, Path] = {}
    for word in options.domain:
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
    return Options(
        model=options.model,
        data=options.data,
        train=options.train,
        labels_file=options.labels_file,
        domains=domains,
        base=options.base,
        candidate=options.candidate,
        device=options.device or config.audit.device,
        cache=cache,
        fresh=options.fresh,
        allow_pickle=options.allow_pickle,
        trust_remote_code=options.trust_remote_code,
    )
