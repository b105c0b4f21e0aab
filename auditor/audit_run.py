"""One audit from arguments to results folder: plan, run, judge, write.

The module is not called ``audit``, because importing it would then replace the function ``auditor.audit``.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from auditor import config as configs
from auditor import data, results, tasks
from auditor.config import Config
from auditor.engine import Cache, KeptTotals, SQLiteCache
from auditor.errors import ResultsError
from auditor.evaluation import audit_data, build_plan, designs, estimating, running_cost, selection, spoken
from auditor.evaluation.build_plan import Options, Prepared
from auditor.evaluation.estimating import Work
from auditor.evaluation.plan import Plan
from auditor.evaluation.rounds import Drawn
from auditor.evaluation.selection import Selection
from auditor.evaluation.watching import Judge, Told
from auditor.models import in_memory
from auditor.plugins import registry
from auditor.progress import Lines, Quiet
from auditor.results import canonical_json, parquet, spreadsheets, timings
from auditor.storage import atomic_folder, user_cache
from auditor.tasks import by_columns
from auditor.types import Decision, ProbeRecord, RunningCost
from auditor.verdicts import advice, comparisons, doubts, gate, policy


@dataclass(frozen=True, slots=True)
class Request:
    """Everything that defines an audit."""

    config: Config
    options: Options
    """Model, data and other settings that the config does not hold; the audit supplies the cache."""
    out: Path
    """The results folder."""
    file: Path | None = None
    """The file that the config was read from."""
    probes: Sequence[str] = ()
    """Names of the only probes to measure, and probe files to add; empty: every probe."""
    policy: Path | policy.Policy | None = None
    """None: the policy that the config names, else the shipped one."""
    waivers: Path | None = None
    """None: the waivers that the config names, if any."""
    on: date | None = None
    """The day on which waivers are judged; None: today."""
    texts: bool = True
    """Whether the results keep the user's texts."""
    root: Path | None = None
    """The folder that paths in the results are relative to; None: the one that contains ``out``."""
    language: str = "en"
    """Language of the page, which has words in ``reports/words``."""

    @property
    def start(self) -> Path:
        """The folder that paths in the results are relative to."""
        return (self.root or self.out.resolve().parent).resolve()


@dataclass(frozen=True, slots=True)
class Audited:
    """A finished audit, with its results on disk."""

    decision: Decision
    policy: policy.Policy
    records: tuple[ProbeRecord, ...]
    """Records of every model, with their rows."""
    content: Mapping[str, Any]
    """``results.json``, as read back from disk."""
    out: Path
    seconds: Mapping[str, float]
    """Piece of work → seconds it took."""

    @property
    def own(self) -> tuple[ProbeRecord, ...]:
        """The candidate's records."""
        return tuple(record for record in self.records if record.model == self.content["candidate"])


class Listener(Told):
    """Receiver of events from a running audit; this base class ignores them."""

    estimates = False
    """Whether it wants an estimate of the duration before anything is measured."""

    def __init__(self, lines: Lines | None = None) -> None:
        self.lines = Quiet() if lines is None else lines

    def check(self) -> None:
        """Raise an interruption that a library swallowed."""

    def say(self, line: str) -> None:
        """Report how the data was read."""

    def note(self, line: str) -> None:
        """Report something the user should know of model, data or results."""

    def warn(self, line: str) -> None:
        """Report a problem that does not stop the audit."""

    def estimated(self, work: Planned, *, kept: bool) -> None:
        """Report planned work; ``kept``: an earlier run may have kept answers."""

    def answered(self, hits: int) -> None:
        """Report how many answers of an earlier run were reused."""

    def settled(self, decision: Decision) -> None:
        """Report the decision, once the results are complete."""


def audit(request: Request, listener: Listener | None = None) -> Audited:
    """Run the audit and write a complete results folder, or none.

    Raises AuditError.
    """
    listener = listener or Listener()
    selected = _selected(request, listener)
    with contextlib.ExitStack() as ending:
        with (
            atomic_folder.whole(request.out, results.is_ours, ResultsError) as folder,
            configs.named(request.file),
            _kept_answers(request.options.fresh, listener) as cache,
        ):
            finished = _audited(request, selected, folder, cache, listener)
            # Until the folder is renamed, so that an interruption leaves either no results or complete ones.
            ending.enter_context(atomic_folder.uninterrupted())
        listener.settled(finished.decision)
    return finished


@dataclass(frozen=True, slots=True)
class Planned:
    """What an audit would measure."""

    works: Sequence[Work]
    policy: policy.Policy
    candidate: str
    design: designs.Design


def planned(request: Request, listener: Listener | None = None) -> Planned:
    """Return what the audit would measure, without writing anything.

    Everything is read and checked. Raises AuditError.
    """
    selected = _selected(request, listener := listener or Listener())
    atomic_folder.check_target(request.out, results.is_ours, ResultsError)
    with configs.named(request.file):
        # An audit that is only planned writes nothing, not even to the cache.
        kept = KeptTotals(user_cache.folder() / user_cache.ANSWERS)
        plan = _prepared(request, selected, kept, listener).plan
        works = estimating.works(
            plan,
            timed=request.config.audit.design != "until-decided",
            further=designs.further(request.config.audit.design, selected.policy),
        )
    return Planned(works, selected.policy, plan.candidate, request.config.audit.design)


def of_task(config: Config, model: in_memory.Source) -> Config:
    """Return the config with the model's task, unless it names a task."""
    if "task" in config.model_fields_set:
        return config
    task: Any = audit_data.recorded_task(model) or tasks.of_head(in_memory.head_of(model))
    return config if task is None else config.model_copy(update={"task": configs.TaskSection.model_validate(task)})


def _selected(request: Request, listener: Listener) -> Selection:
    own: Any = {"waivers": request.waivers, "on": request.on}
    selected = selection.select(request.probes, request.config, request.policy, check=listener.check, **own)
    if (note := selected.note()) is not None:
        listener.note(note)
    return selected


@contextlib.contextmanager
def _kept_answers(fresh: bool, listener: Listener) -> Iterator[Cache]:
    """Yield the cache of answers; an unwritable cache causes one warning."""
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


def _prepared(request: Request, selected: Selection, cache: Cache, listener: Listener) -> Prepared:
    """Load all the audit needs, and check policy and hypotheses against it."""
    config, options = request.config, replace(request.options, cache=cache)
    # What a model was trained for is known, and no other task.
    trained = audit_data.recorded_task(options.model) is not None
    with contextlib.nullcontext() if trained else by_columns.hinting(config.task.name):
        prepared = build_plan.prepare(config, options, selected.probes, selected.left_out, request.start)
    plan = prepared.plan
    listener.say(data.how_labels_were_read(prepared.facts["data"]))
    listener.say(spoken.told(prepared.facts["data"]))
    for note in prepared.notes:
        listener.note(note)
    for model in prepared.facts["models"]:
        for note in model["notes"]:
            listener.note(f"{model['name']}: {note}")
    known = {probe.name: registry.metrics_of(probe, plan.task) for probe in plan.probes}
    policy.check(selected.policy, known)
    comparisons.check(config.compare, known, [audited.name for audited in plan.models])
    for audited in plan.models:
        if audited.configured_base is not None:
            listener.note(f"{audited.name}: retraining starts from {audited.configured_base}, the base of [training]")
    return replace(prepared, plan=designs.whole_sets(config.audit.design, plan, selected.policy, config.probes))


def _audited(request: Request, selected: Selection, folder: Path, cache: Cache, listener: Listener) -> Audited:
    from auditor.results import provenance

    time_left = designs.time_left(request.config.audit.time_limit)
    config, lines, rules = request.config, listener.lines, selected.policy
    prepared = _prepared(request, selected, cache, listener)
    plan = replace(prepared.plan, watch=Judge(rules, config.audit.design, listener))
    lines.expect(expected := _estimated(plan, request, rules, listener))
    records, drawn, costs = _records(request, plan, rules, folder, lines, time_left)
    looked: Any = {"looks": designs.looks(drawn), "stopped": designs.stopped(drawn)}
    decision = gate.decide(rules, records, plan.candidate, **looked, waivers=selected.waivers)
    doubted, of_labels = doubts.all_of(records, plan.candidate), doubts.of_labels(records, plan.candidate)
    for doubt in doubted:
        read = data.how_labels_were_read(prepared.facts["data"][:1])
        listener.note(doubt if doubt != of_labels else f"{doubt}; {read}")
    compared = comparisons.compare(plan.candidate, records, config.compare)
    content = {
        **provenance.constant_facts(config, plan.selected != {probe.name for probe in plan.probes}, request.start),
        **prepared.facts,
        "data": doubts.noted(prepared.facts["data"], of_labels),
        "doubts": list(doubted),
        **designs.facts(drawn),
        "candidate": plan.candidate,
        "records": [results.record_dict(record) for record in records],
        "comparisons": canonical_json.plain(compared),
        "unanswered": comparisons.unanswered(config.compare, compared),
        **results.judged_dict(decision, rules, selected.waivers),
    }
    parquet.write_rows(folder / results.EXAMPLES, records)
    timings.write(folder, lines.seconds, expected, costs)
    written = _write(folder, content, costs, plan.errors, request.language)
    return Audited(decision, rules, records, written, request.out, lines.seconds)


def _estimated(plan: Plan, request: Request, rules: policy.Policy, listener: Listener) -> dict[str, float]:
    """Map work to minimum seconds; empty if the listener wants no estimates."""
    design = request.config.audit.design
    if not listener.estimates:
        return {}
    kept = not request.options.fresh and estimating.known_before(plan)
    works = estimating.works(plan, timed=design != "until-decided", further=designs.further(design, rules))
    listener.estimated(Planned(works, rules, plan.candidate, design), kept=kept)
    return {work.piece: round(work.expected, 1) for work in works if work.expected is not None}


def _records(
    request: Request, plan: Plan, rules: policy.Policy, folder: Path, lines: Lines, time_left: Callable[[], float]
) -> tuple[tuple[ProbeRecord, ...], Drawn | None, dict[str, RunningCost]]:
    """Return the probes' records, how much was drawn, and what answers take.

    Cases are written as they are scored. How much was drawn is None where there was one look.
    """
    with (
        contextlib.closing(parquet.CaseWriter(folder / results.CASES, plan.task, texts=request.texts)) as writer,
        lines,
    ):
        records, drawn = designs.run(request.config.audit.design, plan, rules, writer, lines, time_left)
        # After every probe, so that a model that draws from torch's generator gives them what it always gave.
        costs = running_cost.of_models(plan, lines, fresh=request.options.fresh)
    return results.published(records, texts=request.texts), drawn, costs


def _write(
    folder: Path, content: dict[str, Any], costs: Mapping[str, RunningCost], errors: list[str], language: str
) -> dict[str, Any]:
    """Write results and page, and return the results as read back."""
    from reports import scorecard

    spreadsheets.write(folder, content)
    if errors:
        (folder / results.ERRORS).write_text("\n".join(errors), encoding="utf-8", errors="backslashreplace")
    written: dict[str, Any] = json.loads((folder / results.RESULTS).read_text(encoding="utf-8"))
    page = scorecard.render(written, advice.next_steps(written), costs, language=language)
    (folder / results.PAGE).write_text(page, encoding="utf-8", errors="backslashreplace")
    return written
