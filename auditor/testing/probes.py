"""The check of probes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from auditor.config import probe_settings
from auditor.evaluation import needs
from auditor.evaluation.plan import AuditedModel, Plan
from auditor.evaluation.probe_audit import BoundAudit
from auditor.evaluation.probe_run import scorer_for
from auditor.evaluation.runner import Suite
from auditor.plugins import registry
from auditor.testing import probe_rules
from auditor.testing.generators import scrambled
from auditor.testing.probe_rules import Watched
from auditor.testing.rules import Rules
from auditor.testing.samples import counting_fit, counting_model, counting_trainer, sample_rows
from auditor.testing.settings import check_settings
from auditor.types import HOME, Example, Model, Planned, ProbeRecord, ScoredCase, Silent, Slice, Task


def check_probe(
    probe: Any,
    task: Task,
    *,
    examples: Mapping[str, Sequence[Example]] | None = None,
    out_of_scope: Mapping[str, Sequence[Example]] | None = None,
    settings: Mapping[str, object] | None = None,
    applies: bool | None = None,
    reason: str | None = None,
    defective: Model | AuditedModel | None = None,
    clean: Model | AuditedModel | None = None,
    metric: str | None = None,
    limit: float | None = None,
    within: Slice | None = None,
) -> ProbeRecord:
    """Check a probe by running it in the engine with fakes.

    Whatever the probe: its members and their types, its settings, its metrics, its cases (slices, edits, ids, facts),
    its measurements, that it draws from ``audit.rng`` alone, and that its cases are those of any model unless it is
    ``interactive``. With ``defective`` and ``clean`` also that it finds the defect and that it stays silent without it.

    Args:
        probe: The probe: what its module calls ``PROBE``.
        task: A task, with labels.
        examples: Set → its examples. None: small sets by ``sample_rows``, with another domain and training rows.
        out_of_scope: Kind → rows that no label is right for. None: there are none.
        settings: Changes of the probe's settings, as ``[probes.<name>]`` has them: smaller ones run faster.
        applies: True: it measures something; False: it says why not. None: either.
        reason: Why it does not apply, word for word, where it does not.
        defective: A model planted with the defect that the probe looks for, or one with its trainings.
        clean: The same without the defect. None: a model that has learned the training rows.
        metric: The metric that shows the defect; its ``better`` says which way.
        limit: What the metric's whole interval lies beyond for the defective model, and its value does not for the
            clean one.
        within: What the slices hold that are looked at; None: all slices.

    Returns:
        The record of the clean model.

    Raises:
        AssertionError: For the first rule that is broken: which, by which probe and task, and how to mend it.
        TypeError: For arguments of which one needs another.
    """
    if (defective is not None) != (metric is not None and limit is not None) or (defective and applies is False):
        raise TypeError("give defective, metric and limit together, and only for a probe that applies")
    rules = Rules(f"probe {getattr(probe, 'name', type(probe).__name__)} with task {task.name}", probe_rules.MEND)
    probe_rules.check_members(rules, probe, task)
    where = f"[probes.{probe.name}]"
    check_settings(rules, probe.settings, lambda given: probe_settings(probe.settings, given, where))
    chosen = probe_settings(probe.settings, settings or {}, where)
    trial = _Trial(rules, probe, task, examples or _sets(task), chosen, out_of_scope or {})
    subject = trial.audited(
        clean or counting_model(task, trial.examples.get("train") or trial.examples[HOME], name="clean")
    )
    planned = trial.planned(subject)
    record, made = trial.run(subject)
    why = probe_rules.silence(record)
    rules.hold("not applicable with a reason", why != "", "the probe measures nothing and gives no reason")
    wanted = True if defective is not None else applies
    rules.hold(
        "applies",
        wanted is None or wanted is (why is None),
        f"the probe {f'measures nothing: {why}' if why else 'measures something'}",
    )
    rules.hold("applies", reason in (None, why), f"the reason is {why!r}, not {reason!r}")
    trial.check_repeated(subject, record, made)
    worse, others = trial.run(trial.audited(defective or _stubborn(task)))
    if not probe.interactive:
        rules.hold(
            "same cases for any model",
            others == made,
            f"two models get {len(made)} and {len(others)} cases, which differ",
        )
    if planned is not None:
        right = planned.cases == len(made) if planned.exact else planned.cases >= len(made)
        said = f"planned(audit) counts {planned.cases} cases (exact={planned.exact}), cases(audit) makes {len(made)}"
        rules.hold("planned", right, said)
    if metric is not None and limit is not None:
        probe_rules.check_defect(rules, worse, record, metric, limit, within or {})
    return record


def _sets(task: Task) -> dict[str, tuple[Example, ...]]:
    """Small data sets.

    Training rows lack words that home has, and share none with the other domain.
    """
    return {
        HOME: sample_rows(task, 40, words=range(8)),
        "elsewhere": sample_rows(task, 40, "elsewhere", words=range(8, 12)),
        "train": sample_rows(task, 120, "train", words=range(6)),
    }


def _stubborn(task: Task) -> Model:
    """A model that learned of one row alone."""
    rows = (
        sample_rows(task, 1, words=(11,))
        if "labelled_spans" in task.offers
        else sample_rows(task, len(task.labels))[-1:]
    )
    return counting_model(task, rows, name="stubborn")


@dataclass(slots=True)
class _Trial:
    """A probe, and everything that it is run on."""

    rules: Rules
    probe: Any
    task: Task
    examples: Mapping[str, Sequence[Example]]
    settings: Any
    out_of_scope: Mapping[str, Sequence[Example]]
    others: tuple[Any, ...] = field(default=(), init=False)
    """The probes that it may ask for their findings."""

    def __post_init__(self) -> None:
        self.others = tuple(each for each in registry.discover() if each.name != self.probe.name)

    def audited(self, model: Model | AuditedModel) -> AuditedModel:
        """The model with trainings: its own, or those that count words."""
        if isinstance(model, AuditedModel):
            return model
        return AuditedModel(model, counting_fit(self.task), counting_trainer(self.task))

    def plan(self, audited: AuditedModel, probe: Any) -> Plan:
        """An audit by this probe alone."""
        probes = (probe, *self.others)
        return Plan(
            task=self.task,
            models=(audited,),
            candidate=audited.name,
            examples=self.examples,
            probes=probes,
            settings={each.name: each.settings for each in self.others} | {self.probe.name: self.settings},
            selected=frozenset({self.probe.name}),
            favourable_label=None,
            out_of_scope=self.out_of_scope,
        )

    def run(self, audited: AuditedModel) -> tuple[ProbeRecord, list[Any]]:
        """The record and the cases. Raises AssertionError."""
        watched = Watched(self.rules, self.probe, self.task)
        plan = self.plan(audited, watched)
        suite = Suite(plan, audited, watched, scorer_for(plan, audited.model), _nowhere)
        try:
            suite.draw(Silent())
            record = suite.record()
        finally:
            suite.close()
        if watched.broken is not None:
            raise watched.broken
        undeclared = "which is none of its metrics" in (record.reason or "")
        self.rules.hold("metrics declared", not undeclared, f"the probe {record.reason}")
        crash = plan.errors[0].rstrip().splitlines()[-3:] if plan.errors else []
        self.rules.hold("no crash", record.status != "failed", f"{record.reason} ({' | '.join(map(str.strip, crash))})")
        watched.check_pools()
        probe_rules.check_record(self.rules, record)
        return record, watched.made

    def check_repeated(self, audited: AuditedModel, record: ProbeRecord, made: Sequence[Any]) -> None:
        """Check that global generators change nothing. Raises AssertionError."""
        with scrambled() as untouched:
            again, others = self.run(audited)
            drawn = not untouched()
        self.rules.hold("own generator", others == made, "the cases depend on a global generator")
        same = _numbers(again) == _numbers(record)
        self.rules.hold("own generator", same, "the numbers depend on a global generator")
        self.rules.hold("own generator", not drawn, "the probe draws from a global generator")

    def planned(self, audited: AuditedModel) -> Planned | None:
        """The probe's estimate; None without one. Raises AssertionError."""
        plan = self.plan(audited, self.probe)
        if needs.unmet(plan, audited, self.probe)[1] is not None:
            return None
        audit = BoundAudit(plan, audited, self.probe, scorer_for(plan, audited.model))
        with self.rules.calm("planned", "planned(audit)"):
            planned = self.probe.planned(audit)
        self.rules.hold(
            "planned",
            planned is None or isinstance(planned, Planned),
            f"planned(audit) must return Planned or None, not {planned!r}",
        )
        return planned  # type: ignore[no-any-return]


def _numbers(record: ProbeRecord) -> list[Any]:
    return [
        (number.metric, dict(number.slice), number.value, number.low, number.high, number.n_cases)
        for number in record.measurements
    ]


def _nowhere(_model: str, _probe: str, _case: ScoredCase) -> None:
    """The cases are kept as they are made."""
