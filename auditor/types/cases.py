"""Examples, models and cases: from a row of data to an answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from auditor.types.asking import Asked
from auditor.types.choices import Choice
from auditor.types.edits import Alignment, Edits
from auditor.types.requests import Request

HOME = "home"
"""The data set that models are audited on, as examples and slices name it."""
TIME_SLICE = "time slice"
"""The kind of a data set of later test rows, as results and ``training.json`` name it."""
OUTSIDE = "out of scope"
"""The kind of a data set of texts that no label of the model is right for, as results name it."""

Inputs: TypeAlias = Mapping[str, str]
"""Text field → text. Text classification has the one field ``text``."""

Slice: TypeAlias = Mapping[str, str]
"""What a case is a case of: ``{"family": "typos", "severity": "middle"}``. Keys and values are plain words;
numbers stand there as words too: ``{"length": "10"}``."""

Response: TypeAlias = Any
"""What a model answers; its task gives it meaning. Text classification: ``tuple[float, ...]``, one probability
in [0, 1] for each label, in the order of the model's ``labels``."""

Facts: TypeAlias = Mapping[str, float | str]
"""What a probe knows of a case beside its text: queries, share of words touched, the groups named. A value is a word or
a finite number, not True, False or None: what is not known of a case is left out."""

WORDS_TOUCHED = "words_touched"
"""Every edited case's fact: the share in [0, 1] of the words that its edits replace."""

EXPECTED = "expected"
"""Fact of a case of which its probe expects something else than the gold, or without one the same answer."""


@dataclass(frozen=True, slots=True)
class Example:
    """One row of data, or a text of a probe's own."""

    id: str
    """Unique within an audit: ``test:17`` is row 17 of the test file (the header is row 1)."""
    inputs: Inputs
    """Its texts, by the task's fields."""
    gold: Any = None
    """The right answer in the task's terms (text classification: the model's name of the label); None if unknown."""
    group: str | None = None
    """What the example shares with others (author, thread), from ``group_column``: then the cluster is the group."""
    meta: Mapping[str, str] = field(default_factory=dict)
    """Further column that a probe's settings name (``settings.DataColumn``) → the cell; of the home domain alone."""

    @property
    def cluster(self) -> str:
        """The independent unit that this example belongs to."""
        return self.id if self.group is None else f"group:{self.group}"


@dataclass(frozen=True, slots=True)
class Score:
    """Sufficient statistics of one example for the task's metric.

    Over many examples the metric is Σ numerator ÷ Σ denominator. Accuracy: (right, 1). F1: (2·tp, 2·tp + fp + fn).
    ROUGE: (score, 1).
    """

    numerator: float
    """What was right of it."""
    denominator: float
    """What could be right of it; 0: the example says nothing of the metric."""


def in_words(slice_: Slice) -> str:
    """``family typos, severity middle``; ``all`` for the whole."""
    return ", ".join(f"{key} {value}" for key, value in slice_.items()) or "all"


@dataclass(frozen=True, slots=True)
class Detail:
    """A score of one example for a further metric, in a slice.

    The metric is one beside the task's own.
    """

    metric: str
    """The name of one of ``Task.detail_metrics`` or ``Task.sliced_metrics``."""
    slice: Slice
    """Empty for a metric of the whole example."""
    score: Score
    """What the example adds to the metric; to a correlation, the answer's number and the gold's."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A request as the model sees it."""

    key: str
    """Equal for two requests exactly when the model sees the same (token ids, hashed). An example's leakage,
    vacuity and duplicates are decided by it."""
    length: int
    """Tokens, special ones included, after truncation."""
    truncated: bool
    """The model sees a part of the texts alone: their beginning, or the end of a dialogue."""
    payload: Any = field(repr=False)
    """What ``run`` needs; nobody else looks inside."""
    last_turn_cut: bool = False
    """The model does not even see all of a dialogue's last turn."""


class Model(Protocol):
    """The seam between auditor and a model.

    The engine sees only keys and lengths of encoded requests.
    """

    @property
    def name(self) -> str:
        """What results and the page call it."""
        ...

    @property
    def labels(self) -> tuple[str, ...]:
        """Its labels, in the order of its outputs."""
        ...

    @property
    def fingerprint(self) -> str:
        """SHA-256 over weights, configuration and tokenizer.

        It is the key by which answers are kept between runs. It is empty when nothing is known that determines these
        three; then no answer is kept.
        """
        ...

    @property
    def numerics(self) -> str:
        """What else determines the last bits of its answers.

        This is the kind of device, the precision, the number of threads, and versions.
        """
        ...

    @property
    def device_kind(self) -> str:
        """``cpu``, ``cuda`` or ``mps``."""
        ...

    @property
    def workers(self) -> int:
        """Number of batches that it runs at once."""
        ...

    @property
    def accepts(self) -> frozenset[type[Request]]:
        """The kinds of requests that it answers."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """How it was loaded and runs, one line for each remark."""
        ...

    def encode(self, requests: Sequence[Request]) -> list[Encoded]:
        """Encode each request, in their order."""
        ...

    def run(self, batch: Sequence[Encoded]) -> list[Response]:
        """Answer a batch by one forward pass, in the batch's order.

        The pass is in evaluation mode and without a gradient. Answers consist of numbers, words, tuples, and mappings
        with words as keys. Raises OutOfMemoryError where the batch does not fit; a smaller one may.
        """
        ...

    def reload(self) -> Model:
        """The same checkpoint, reloaded through the ordinary path."""
        ...


@dataclass(frozen=True, slots=True)
class Case:
    """One question to the model, and what it is compared with.

    The edits determine the texts asked about, their gold, whether the label broke and how many words were touched: the
    engine derives these, once for all probes.
    """

    example: Example
    """One that ``Audit.examples`` gave, or one made from the probe's own sentences."""
    slice: Slice
    """What it is counted under: every slice has numbers of its own. All cases with the same keys name them in one
    order."""
    edits: Edits = field(default_factory=dict)
    """What becomes of the example's texts; empty: they are asked about as they stand."""
    model: Model | None = None
    """A model that the probe fitted; None: the audited one."""
    cluster: str | None = None
    """The independent unit; None: the example's."""
    facts: Facts = field(default_factory=dict)
    """What metrics may read of it in ``Judged.facts``, and what the page shows beside it: words and finite numbers."""
    invalid: bool = False
    """Known by the probe to have broken the label, where the task cannot tell; counted apart, read by no metric."""
    words: int | None = None
    """How many words the edits were drawn from; None: all of the edited fields."""
    touched: int | None = None
    """How many of ``words`` the edits touch, which may be characters; None: as many words as the edits say."""
    asked: Asked | None = None
    """How an example without edits is asked about once more; None: its answer is known and is not asked for again."""


@dataclass(frozen=True, slots=True)
class Edited:
    """What a case's edits come to."""

    inputs: Inputs
    """The texts asked about."""
    gold: Any
    """The gold of these texts; None without gold, or where the edits broke it."""
    alignment: Alignment
    invalid: bool
    """The edits broke the label, by the task or by the probe."""
    words_touched: float | None
    """Share in [0, 1] of the words that the edits replace; None without edits."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A slice that could not be measured, and why."""

    slice: Slice
    """Empty: the whole probe."""
    reason: str
    """In words, for the reader of the scorecard."""
    applies: bool = True
    """False: there is nothing to measure of this model, so that no rule waits for it."""


@dataclass(frozen=True, slots=True)
class ScoredCase:
    """A case with the model's answers, made by the engine."""

    case: Case
    edited: Edited
    before: Response
    """The answer to the example as it stands."""
    after: Response
    vacuous: bool
    """The model sees the same token ids as before: the answer was not asked for again."""

    @property
    def facts(self) -> Facts:
        """The probe's facts, and the share of words touched by edits."""
        touched = self.edited.words_touched
        return self.case.facts if touched is None else {**self.case.facts, WORDS_TOUCHED: touched}


@dataclass(frozen=True, slots=True)
class Judged:
    """A scored case as metrics read it: decisions and numbers, no text."""

    slice: Slice
    """``Case.slice``."""
    cluster: str
    """The independent unit: ``Case.cluster``, else the example's."""
    before: Score | None
    """Score of the example as it stands; None without gold."""
    after: Score | None
    """Score of the answer to the edited texts against the gold that the edits leave; None without gold."""
    same: bool
    """The decision did not change."""
    vacuous: bool
    """It has edits, and the model sees the same token ids before and after. False without edits."""
    facts: Facts
    """``Case.facts``, and for edited cases the share of words touched, ``words_touched``."""
    before_classes: Mapping[str, float]
    """Label → probability before (``Task.label_scores``); empty where the task has none."""
    after_classes: Mapping[str, float]
    """Label → probability after; empty where the task has none."""
    details: tuple[Detail, ...] = ()
    """The task's further scores of the answer, for probes that ask for them by ``reads_details``."""
    label_pairs: Sequence[tuple[str, str]] = ()
    """For probes that ask for details: gold and answered label, of the example or of each span found."""
    choices: Sequence[Choice] = ()
    """What the answer chooses, with probabilities, for probes that ask for details."""
    before_given: Sequence[str] = ()
    """The labels of ``before_classes`` that the answer before gives: one, where exactly one holds."""
    after_given: Sequence[str] = ()
    """The same of the answer after."""
    withstood: bool | None = None
    """For interactive probes: whether the decision that attacks work against still stands; None where there is none."""
