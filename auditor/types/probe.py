"""What a probe is and may need, and its defaults."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

from auditor.types.cases import Case, Judged, Skipped, Slice
from auditor.types.given import Table, TextPair
from auditor.types.planned import Planned
from auditor.types.protocols import Audit
from auditor.types.records import Measurement, Metric, Role
from auditor.types.shown import WeightedText
from auditor.types.task import Task

Scope: TypeAlias = Literal["model", "candidate", "data"]
"""model: it runs for every audited model. candidate: for the candidate alone. data: it reads the data and asks no
model, so that it runs once, for the candidate."""
Finding: TypeAlias = Measurement | Skipped | TextPair | WeightedText | Table
"""What a probe yields from ``measure``."""


@runtime_checkable
class Probe(Protocol):
    """A suite of cases for one limitation.

    A probe is one file with ``PROBE = …``, an instance. Its class docstring is the description in the report: one
    summary line, a blank line, the method. ``ProbeDefaults``, the class to derive from, gives everything but
    ``name``, ``limitation``, ``settings``, ``metrics`` and ``cases``.
    """

    @property
    def name(self) -> str:
        """What rules, settings and ``--probe`` call it."""
        ...

    @property
    def limitation(self) -> str | None:
        """Id of its row of the scorecard; None for plain quality alone."""
        ...

    @property
    def role(self) -> Role | None:
        """What other probes, remedies and advice know it by."""
        ...

    @property
    def scope(self) -> Scope:
        """What it runs for."""
        ...

    @property
    def needs(self) -> frozenset[str]:
        """Of NEEDS, or ``package:<import name>``; without them it is "not applicable"."""
        ...

    @property
    def settings(self) -> Any:
        """A frozen dataclass of defaults; ``[probes.<name>]`` is validated against its type."""
        ...

    @property
    def limits_need(self) -> frozenset[str]:
        """What only its slices under ``when_input_given`` rules need, of NEEDS.

        The probe runs without. Where it is left out, such rules count as left out only if the user gave this.
        """
        ...

    @property
    def pools(self) -> tuple[frozenset[str], ...]:
        """Pooled slices beside the full ones: ``(frozenset({"family", "severity"}),)``."""
        ...

    @property
    def interactive(self) -> bool:
        """Whether it makes its cases by the model's answers (``audit.ask``).

        The final texts are then scored by the reloaded checkpoint, and ``Judged.withstood`` says whether the
        attacked decision still stands.
        """
        ...

    @property
    def searches(self) -> bool:
        """Whether it searches for what its slices are about.

        A search is made once: later looks would find something else, so that they draw it no further.
        """
        ...

    @property
    def retrains(self) -> bool:
        """Whether it may train models (``audit.fit``, ``audit.train_by``).

        ``--fast`` leaves it out. By default a probe retrains that needs the base.
        """
        ...

    @property
    def reads_details(self) -> bool:
        """Whether it finds the task's further scores in ``Judged.details``."""
        ...

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        """What is measured for the task, the same for every model."""
        ...

    def check(self, settings: Any, task: Task) -> None:
        """Refuse what the settings name and the audit cannot use.

        The call comes before models and data are loaded, for a probe that the audit has selected and that serves the
        task. Raises AuditError: a file that cannot be read, a label that the model lacks.
        """
        ...

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        """Make the cases of one model, of one look.

        Later looks have new examples, where a required rule is undecided. Where the cases are of examples that no look
        drew (a probe's own sentences), there is one look for all of them. A probe of the data yields no case.
        """
        ...

    def measure(self, cases: Iterable[Judged], audit: Audit) -> Iterable[Finding]:
        """Measure what the kinds of metric do not cover.

        The call comes after the last case, and again after later looks where a required rule reads what it measures:
        with the cases of all looks so far. Where a probe defines this method, its cases are kept on disk until then.
        Pairs of texts and weighted texts are shown on the page, unless the audit keeps no texts. Tables become files
        for reviewers.
        """
        ...

    def planned(self, audit: Audit) -> Planned | None:
        """Count the work before the first probe runs, without asking the model.

        None: the probe does not say.
        """
        ...

    def available(self, slice_: Slice) -> int | None:
        """Say how many clusters its own texts make, at most.

        Advice never asks for more. None: its texts are those of the data.
        """
        ...

    @property
    def cluster_unit(self) -> str | None:
        """What a cluster of its own texts is, in the singular: ``sentence``.

        Advice counts further clusters by it. None: a cluster is an example, or a group of rows.
        """
        ...

    def worth_showing(self, judged: Judged) -> bool:
        """Whether a case may stand among the worst on the page."""
        ...

    def worst_by(self, judged: Judged) -> tuple[str, float] | None:
        """What makes a case bad, where its answers do not say it.

        The name of a finite number, and the number: cases with the largest are shown, each with its number. None: right
        answers lost, changed answers and wrong ones are shown.
        """
        ...


class ProbeDefaults:
    """What holds for most probes.

    A derived probe declares only what differs.
    """

    name: str
    limitation: str | None
    settings: Any
    role: Role | None = None
    scope: Scope = "model"
    needs: frozenset[str] = frozenset()
    limits_need: frozenset[str] = frozenset()
    pools: tuple[frozenset[str], ...] = ()
    interactive: bool = False
    searches: bool = False
    reads_details: bool = False
    cluster_unit: str | None = None

    @property
    def retrains(self) -> bool:
        """Whether it needs the base."""
        return "base" in self.needs

    def check(self, settings: Any, task: Task) -> None:
        """Its settings name nothing beside the data."""
        del settings, task

    def measure(self, cases: Iterable[Judged], audit: Audit) -> Iterable[Finding]:
        """Nothing: its metrics are read case by case."""
        del cases, audit
        return ()

    def planned(self, audit: Audit) -> Planned | None:
        """It does not say."""
        del audit
        return None

    def available(self, slice_: Slice) -> int | None:
        """Its texts are those of the data."""
        del slice_
        return None

    def worth_showing(self, judged: Judged) -> bool:
        """Every case."""
        del judged
        return True

    def worst_by(self, judged: Judged) -> tuple[str, float] | None:
        """Its answers say it."""
        del judged
        return None


NEEDS: dict[str, str] = {
    "train": "no training data given (--train)",
    "domains": "no other domain given (--domain name=file)",
    "base": "no base model known to retrain from (training.json or --base)",
    "earlier": "no earlier checkpoint known (audit train --continue-from, or before in its settings)",
    "columns": "its settings name no column of the test file",
    "periods": "no later test rows given (--slice name=file), and its settings name no column of dates",
    "out_of_scope": "no rows out of scope given (--out-of-scope)",
    "cases": "no kept cases given (--cases)",
    "listed": "its settings list no word",
    "single_text": "the task has more than one text field",
    "marked_text": "the task marks no entities in its texts",
    "plain_text": "its sentences have no marks, and the task's texts do",
    "text_pair": "the task does not compare two texts",
    "labelled_spans": "the task labels texts, not their words",
    "class_scores": "the task does not give a text one label, with probabilities",
    "label_scores": "the task gives texts no label with probabilities",
    "attack_goal": "the task does not support attacks",
    "answers_in_context": "the task asks no questions about a context",
    "dialogue": "the task reads no dialogues",
}
"""What a probe may need → the reason shown when it is missing."""
TASK_NEEDS = frozenset(
    {"single_text", "text_pair", "plain_text", "marked_text", "answers_in_context", "dialogue"}
    | {"class_scores", "label_scores", "labelled_spans", "attack_goal"}
)
"""Those that a task meets or not, whatever data and model: a probe that lacks one asks about another kind of task."""
INPUT_NEEDS = frozenset(NEEDS) - TASK_NEEDS
"""Those that a user meets by giving data or a base."""
CANDIDATE = "candidate"
"""What a record lacks whose probe does not run because its model is not the candidate."""
OUT_OF_SCOPE: Mapping[Scope, str] = MappingProxyType(
    {"candidate": "candidate only", "data": "measures the data, so it runs once, with the candidate"}
)
"""Scope → why its probe does not run for other models."""


def lacked_by_task(missing: Iterable[str]) -> str | None:
    """What the model's task lacks, in words, of a record's missing needs.

    None where it lacks nothing.
    """
    return next((NEEDS[need] for need in missing if need in TASK_NEEDS), None)


def gives_label_scores(task: Task) -> bool:
    """Tell whether the labels of a text have probabilities.

    A text has one of them, or any number.
    """
    return not {"class_scores", "label_sets"}.isdisjoint(task.offers)
