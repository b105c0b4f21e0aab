"""One audit, from its arguments to a results folder: plan, run, judge, write.

Not called ``audit``: a module of that name would take the place of the function ``auditor.audit`` once it is imported.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from auditor import config as configs
from auditor import data, results, tasks
from auditor.config import Config
from auditor.engine import Cache, NoCache, SQLiteCache
from auditor.errors import ResultsError
from auditor.evaluation import build_plan, doubts, estimating, runner, sequential
from auditor.evaluation.build_plan import Options, Prepared
from auditor.evaluation.estimating import Work
from auditor.evaluation.plan import Plan
from auditor.labels.matching import Reading
from auditor.models import in_memory
from auditor.plugins import registry
from auditor.progress import Lines, Quiet
from auditor.results import canonical_json, parquet
from auditor.storage import atomic_folder, user_cache
from auditor.types import Decision, Probe, ProbeRecord
from auditor.verdicts import advice, comparisons, gate, policy


@dataclass(frozen=True, slots=True)
class Request:
    """What an audit is asked for."""

    config: Config
    options: Options
    """Model, data and what else the config does not hold; its cache is opened by the audit."""
    out: Path
    """The results folder."""
    file: Path | None = None
    """Where the config stands."""
    probes: Sequence[str] = ()
    """Names of probes to measure alone, and files of probes to add; none: every probe."""
    policy: Path | policy.Policy | None = None
    """None: the one that the config names, else the shipped one."""
    until_decided: bool = False
    texts: bool = True
    """Whether the results keep the user's texts."""
    root: Path | None = None
    """The folder that paths in the results start from; None: the one that holds ``out``."""

    @property
    def start(self) -> Path:
        """The folder that paths in the results start from."""
        return (self.root or self.out.resolve().parent).resolve()


@dataclass(frozen=True, slots=True)
class Audited:
    """A finished audit, its results on disk."""

    decision: Decision
    policy: policy.Policy
    records: tuple[ProbeRecord, ...]
    """Of every model, with their rows."""
    content: Mapping[str, Any]
    """``results.json``, as a reader of it finds it."""
    out: Path
    seconds: Mapping[str, float]
    """Piece of work → what it took."""

    @property
    def own(self) -> tuple[ProbeRecord, ...]:
        """The candidate's records."""
        return tuple(record for record in self.records if record.model == self.content["candidate"])


class Listener:
    """Hears of an audit under way; this base class says nothing."""

    estimates = False
    """Whether it wants to know, before anything is measured, how long that takes."""

    def __init__(self, lines: Lines | None = None) -> None:
        self.lines = Quiet() if lines is None else lines

    def check(self) -> None:
        """Raise what a library may have swallowed."""

    def say(self, line: str) -> None:
        """Hear how the data is read."""

    def note(self, line: str) -> None:
        """Hear what the user ought to know of model, data or results."""

    def warn(self, line: str) -> None:
        """Hear what is wrong, though the audit goes on."""

    def estimated(self, works: Sequence[Work], *, kept: bool) -> None:
        """Hear how much each probe is going to do; ``kept``: an earlier run may have kept answers."""

    def answered(self, hits: int) -> None:
        """Hear how many answers an earlier run had kept."""

    def settled(self, decision: Decision) -> None:
        """Hear the decision, once the results are whole."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """Probes and policy, found before anything is loaded."""

    probes: tuple[Probe, ...]
    chosen: frozenset[str]
    policy: policy.Policy


def audit(request: Request, listener: Listener | None = None) -> Audited:
    """Carry the audit out and write its folder, whole or not at all. Raises AuditError."""
    listener = listener or Listener()
    asked = _asked(request, listener)
    with contextlib.ExitStack() as ending:
        with (
            atomic_folder.whole(request.out, results.is_ours, ResultsError) as folder,
            configs.named(request.file),
            _kept_answers(request.options.fresh, listener) as cache,
        ):
            finished = _audited(request, asked, folder, cache, listener)
            # From here to the folder's new name, so that an interruption finds either no results or whole ones.
            ending.enter_context(atomic_folder.uninterrupted())
        listener.settled(finished.decision)
    return finished


@dataclass(frozen=True, slots=True)
class Planned:
    """What an audit would measure."""

    works: Sequence[Work]
    policy: policy.Policy
    candidate: str


def planned(request: Request, listener: Listener | None = None) -> Planned:
    """What the audit would measure, everything read and checked, nothing written. Raises AuditError."""
    listener = listener or Listener()
    asked = _asked(request, listener)
    atomic_folder.check_target(request.out, results.is_ours, ResultsError)
    with configs.named(request.file):
        plan = _prepared(request, asked, NoCache(), listener).plan
        works = estimating.works(plan, timed=not request.until_decided)
    return Planned(works, asked.policy, plan.candidate)


def of_task(config: Config, model: in_memory.Source) -> Config:
    """The config with the task that the model was made for, where it names none itself."""
    task = None if "task" in config.model_fields_set else tasks.of_head(in_memory.head_of(model))
    return config if task is None else config.model_copy(update={"task": task})


def how_labels_were_read(sets: Sequence[Mapping[str, Any]]) -> str:
    """How the labels of each set were read, in a line, from what the results say of them."""
    readings = {rows["name"]: rows["reading"] and Reading(**rows["reading"]) for rows in sets}
    return f"labels: {data.told(readings)}"


def _asked(request: Request, listener: Listener) -> _Asked:
    names, files = registry.split_selection(request.probes)
    probes = registry.discover(files)
    # A probe's import may have swallowed it.
    listener.check()
    registry.sibling("reports")
    rules = request.policy
    if not isinstance(rules, policy.Policy):
        rules = policy.load(rules or configs.policy_file(request.config), request.config.task)
    return _Asked(probes, registry.selected(probes, names, files), rules)


@contextlib.contextmanager
def _kept_answers(fresh: bool, listener: Listener) -> Iterator[Cache]:
    """Where answers are kept between runs; a folder that cannot be written is said once and costs nothing else."""
    file = user_cache.folder() / user_cache.ANSWERS
    cache = SQLiteCache(file, limit_bytes=user_cache.LIMIT_BYTES // 4, fresh=fresh)
    try:
        yield cache
    finally:
        cache.close()
        if cache.trouble is not None:
            listener.warn(f"answers are not kept: {file}: {cache.trouble}")
        elif cache.hits:
            listener.answered(cache.hits)


def _prepared(request: Request, asked: _Asked, cache: Cache, listener: Listener) -> Prepared:
    """Everything the audit needs, and the policy and hypotheses checked against it."""
    config, options = request.config, replace(request.options, cache=cache)
    prepared = build_plan.prepare(config, options, asked.probes, asked.chosen, request.start)
    plan = prepared.plan
    listener.say(how_labels_were_read(prepared.facts["data"]))
    for note in prepared.notes:
        listener.note(note)
    for model in prepared.facts["models"]:
        for note in model["notes"]:
            listener.note(f"{model['name']}: {note}")
    known = {probe.name: {metric.name: metric for metric in probe.metrics(plan.task)} for probe in plan.probes}
    policy.check(asked.policy, known)
    comparisons.check(config.compare, known, [audited.name for audited in plan.models])
    for audited in plan.models:
        if audited.configured_base is not None:
            listener.note(f"{audited.name}: trained again from {audited.configured_base}, the base of [training]")
    return prepared


def _audited(request: Request, asked: _Asked, folder: Path, cache: Cache, listener: Listener) -> Audited:
    from auditor.results import provenance

    config, lines = request.config, listener.lines
    prepared = _prepared(request, asked, cache, listener)
    plan = prepared.plan
    expected = _estimated(plan, request, listener)
    lines.expect(expected)
    records, drawn = _records(request, plan, asked.policy, folder, lines)
    decision = gate.decide(asked.policy, records, plan.candidate)
    doubt = doubts.swapped_labels(records, plan.candidate)
    if doubt is not None:
        listener.note(f"{doubt}; {how_labels_were_read(prepared.facts['data'][:1])}")
    compared = comparisons.compare(plan.candidate, records, config.compare)
    content = {
        **provenance.constant_facts(config, plan.selected != {probe.name for probe in plan.probes}, request.start),
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
    written = _write(folder, content, {"seconds": lines.seconds, "expected_seconds": expected}, plan.errors)
    return Audited(decision, asked.policy, records, written, request.out, lines.seconds)


def _estimated(plan: Plan, request: Request, listener: Listener) -> dict[str, float]:
    """Piece of work → seconds at least; empty where nobody wants to know."""
    if not listener.estimates or request.until_decided:
        return {}
    kept = not request.options.fresh and estimating.known_before(plan)
    works = estimating.works(plan)
    listener.estimated(works, kept=kept)
    return {work.piece: round(work.seconds, 1) for work in works if work.seconds is not None}


def _records(
    request: Request, plan: Plan, rules: policy.Policy, folder: Path, lines: Lines
) -> tuple[tuple[ProbeRecord, ...], sequential.Drawn | None]:
    """What the probes found, their cases written as they are scored; and how much was drawn, if not all."""
    drawn = None
    with (
        contextlib.closing(parquet.CaseWriter(folder / results.CASES, plan.task, texts=request.texts)) as writer,
        lines,
    ):
        if request.until_decided:
            records, drawn = sequential.run(plan, rules, writer, lines)
        else:
            records = runner.run(plan, writer, lines)
    return records if request.texts else tuple(map(results.without_texts, records)), drawn


def _write(folder: Path, content: dict[str, Any], timings: dict[str, Any], errors: list[str]) -> dict[str, Any]:
    """The results, and the page from what a reader of them will find, which is returned."""
    from reports import scorecard

    results.write(folder, content)
    results.write_json(folder / results.TIMINGS, timings)
    if errors:
        (folder / results.ERRORS).write_text("\n".join(errors), encoding="utf-8", errors="backslashreplace")
    written: dict[str, Any] = json.loads((folder / results.RESULTS).read_text(encoding="utf-8"))
    page = scorecard.render(written, advice.next_steps(written))
    (folder / results.PAGE).write_text(page, encoding="utf-8", errors="backslashreplace")
    return written
