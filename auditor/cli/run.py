"""``audit run``."""

from __future__ import annotations

import contextlib
import json
import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from auditor import caches, comparing, folders, gate, policy, registry, results, rounds, runner, tables
from auditor import config as configs
from auditor.cli.gate import INCOMPLETE, show
from auditor.cli.options import named, progress, seeded
from auditor.cli.progress import Lines
from auditor.config import Config
from auditor.engine import Cache, SQLiteCache
from auditor.errors import ResultsError, UsageError, one_line
from auditor.models import checkpoint
from auditor.plans import Plan
from auditor.types import Decision, ProbeRecord

DEFAULT = Path("audit.toml")
"""The config that is used where none is named, if it is there."""


def run(options: Namespace) -> int:
    """Audit, write the results folder whole or not at all, judge, render."""
    # Whatever a probe or a library prints goes where progress goes: with --json, stdout is the decision alone.
    with contextlib.redirect_stdout(sys.stderr):
        decision, rules, out = _carried_out(options)
    show(decision, rules, as_json=options.json)
    if decision.exit_code == INCOMPLETE:
        print(f"tracebacks: {out / results.ERRORS}", file=sys.stderr)
    if not options.quiet:
        print(f"scorecard: {out / results.PAGE}", file=sys.stderr)
    return int(decision.exit_code)


def _carried_out(options: Namespace) -> tuple[Decision, policy.Policy, Path]:
    file = options.config or (DEFAULT if DEFAULT.is_file() else None)
    if options.config is None and file is not None and not options.quiet:
        print(f"using {file}", file=sys.stderr)
    return audited(options, _of_task(_with_flags(configs.load(file), options), options.model), file)


def _of_task(config: Config, model: Path) -> Config:
    """The config with the task that the checkpoint was made for, where it names none itself."""
    found = None if "task" in config.model_fields_set else checkpoint.task_of(model)
    return config if found is None else config.model_copy(update={"task": found})


def audited(options: Namespace, config: Config, file: Path | None) -> tuple[Decision, policy.Policy, Path]:
    """The decision, the policy it went by and the folder of its results. ``file``: where the config stands."""
    names, files = registry.split_selection(options.probe)
    probes = registry.discover(files)
    registry.sibling("reports")
    chosen = registry.selected(probes, names, files)
    rules = policy.load(options.policy or configs.policy_file(config), config.task)
    out = options.out or configs.out_folder(config)
    with folders.whole(out, results.is_ours, ResultsError) as folder, named(file), _cache(options) as cache:
        decision = _audit(options, config, (probes, chosen), rules, out, folder, cache)
    return decision, rules, out


def _audit(
    options: Namespace,
    config: Config,
    probes: tuple[Any, Any],
    rules: policy.Policy,
    out: Path,
    folder: Path,
    cache: Cache,
) -> Decision:
    from auditor import prepare, provenance

    root, lines = out.resolve().parent, progress(options)
    prepared = prepare.prepare(config, _options(options, config, cache), *probes, root)
    plan = prepared.plan
    if not options.quiet:
        _say(prepared.facts["models"])
    known = {probe.name: {metric.name: metric for metric in probe.metrics(plan.task)} for probe in plan.probes}
    policy.check(rules, known)
    comparing.check(config.compare, known, [audited.name for audited in plan.models])
    records, drawn = _records(options, plan, rules, folder, lines)
    decision = gate.decide(rules, records, plan.candidate)
    compared = comparing.compare(plan.candidate, records, config.compare)
    content = {
        **provenance.constant_facts(config, plan.selected != {probe.name for probe in plan.probes}, root),
        **prepared.facts,
        "until_decided": None if drawn is None else tables.plain(asdict(drawn)),
        "candidate": plan.candidate,
        "records": [results.record_dict(record) for record in records],
        "comparisons": tables.plain(compared),
        "unanswered": comparing.unanswered(config.compare, compared),
        "policy": results.policy_dict(rules),
        "decision": results.decision_dict(decision),
    }
    tables.write_rows(folder / results.EXAMPLES, records)
    _write(folder, content, lines.seconds, plan.errors)
    return decision


def _say(models: Sequence[Mapping[str, Any]]) -> None:
    """What is to be said of how the checkpoints were loaded, and are asked."""
    for model in models:
        for note in model["notes"]:
            print(one_line(f"{model['name']}: {note}"), file=sys.stderr)


def _records(
    options: Namespace, plan: Plan, rules: policy.Policy, folder: Path, lines: Lines
) -> tuple[tuple[ProbeRecord, ...], rounds.Drawn | None]:
    """What the probes found, their cases written as they are scored; and how much was drawn, if not all."""
    drawn = None
    with (
        contextlib.closing(tables.CaseWriter(folder / results.CASES, plan.task, texts=not options.no_texts)) as writer,
        lines,
    ):
        if options.until_decided:
            records, drawn = rounds.run(plan, rules, writer, lines)
        else:
            records = runner.run(plan, writer, lines)
    return tuple(results.without_texts(one) for one in records) if options.no_texts else records, drawn


def _write(folder: Path, content: dict[str, Any], seconds: dict[str, float], errors: list[str]) -> None:
    """The results, and the page from what a reader of them will find."""
    from reports import scorecard

    results.write_json(folder / results.RESULTS, content)
    results.write_json(folder / results.TIMINGS, {"seconds": seconds})
    if errors:
        (folder / results.ERRORS).write_text("\n".join(errors), encoding="utf-8")
    page = scorecard.render(json.loads((folder / results.RESULTS).read_text(encoding="utf-8")))
    (folder / results.PAGE).write_text(page, encoding="utf-8")


def _with_flags(config: Config, options: Namespace) -> Config:
    config = seeded(config, options)
    if options.budget is not None and options.budget < 1:
        raise UsageError(f"--budget {options.budget} is not a number of examples", hint="1 or more")
    given = {name: getattr(options, name) for name in ("budget", "backend")}
    update = {name: value for name, value in given.items() if value is not None}
    return config.model_copy(update={"audit": config.audit.model_copy(update=update)})


@contextlib.contextmanager
def _cache(options: Namespace) -> Iterator[Cache]:
    """Where answers are kept between runs; a folder that cannot be written is said once and costs nothing else."""
    file = caches.folder() / caches.ANSWERS
    cache = SQLiteCache(file, limit_bytes=caches.LIMIT_BYTES // 4, fresh=options.fresh)
    try:
        yield cache
    finally:
        cache.close()
        if cache.trouble is not None:
            print(one_line(f"answers are not kept: {file}: {cache.trouble}"), file=sys.stderr)
        elif cache.hits and not options.quiet:
            print(f"{cache.hits:,} answers were known from an earlier run (--fresh asks again)", file=sys.stderr)


def _options(options: Namespace, config: Config, cache: Cache) -> Any:
    from auditor.prepare import Options

    domains: dict[str, Path] = {}
    for word in options.domain:
        name, equals, file = word.partition("=")
        if not (name.strip() and equals and file):
            raise UsageError(f"--domain {word} is not NAME=FILE", hint="--domain tweets=tweets.csv")
        if name in configs.RESERVED:
            raise UsageError(f"--domain {word}: the name is taken", hint=f"other than {', '.join(configs.RESERVED)}")
        if name in domains:
            raise UsageError(f"--domain {name} is given twice", hint="a domain is one file")
        domains[name] = Path(file)
    return Options(
        model=options.model,
        data=options.data,
        train=options.train,
        domains=domains,
        base=options.base,
        candidate=options.candidate,
        device=options.device or config.audit.device,
        cache=cache,
        fresh=options.fresh,
        allow_pickle=options.allow_pickle,
        trust_remote_code=options.trust_remote_code,
    )
