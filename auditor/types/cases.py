"""Examples, tasks, models, cases: from a row of data to a model's answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, runtime_checkable

HOME = "home"
"""The data set that models are audited on, as examples and slices name it."""

Inputs: TypeAlias = Mapping[str, str]
"""Text field → text. Text classification has the one field ``text``."""

Slice: TypeAlias = Mapping[str, str]
"""What a case is a case of: ``{"family": "typos", "severity": "middle"}``. Keys and values are plain words."""

Request: TypeAlias = tuple[str, ...]
"""What a model is asked: one text, or a pair of texts."""

Response: TypeAlias = Any
"""What a model answers; its task gives it meaning. Text classification: ``tuple[float, ...]``, one probability
in [0, 1] for each label, in the order of the model's ``labels``."""

Facts: TypeAlias = Mapping[str, float | str]
"""What a probe knows of a case beside its text: queries, share of words touched, the groups named."""


@dataclass(frozen=True, slots=True)
class Example:
    """One row of data, or a text of a probe's own."""

    id: str
    """Unique within an audit: ``test:17`` is row 17 of the test file (the header is row 1)."""
    inputs: Inputs
    gold: Any = None
    """The right answer in the task's terms (text classification: the model's name of the label); None if unknown."""
    group: str | None = None
    """What the example shares with others (author, thread), from ``group_column``: then the cluster is the group."""

    @property
    def cluster(self) -> str:
        """The independent unit that this example belongs to."""
        return self.id if self.group is None else f"group:{self.group}"


def in_words(gold: Any) -> str | None:
    """A gold answer for people and files; labels of words with blanks between, None where there is none."""
    if gold is None:
        return None
    return " ".join(map(str, gold)) if isinstance(gold, tuple) else str(gold)


@dataclass(frozen=True, slots=True)
class Score:
    """One example's sufficient statistics: the task's metric over many is Σ numerator ÷ Σ denominator.

    Accuracy: (right, 1). F1: (2·tp, 2·tp + fp + fn). ROUGE: (score, 1).
    """

    numerator: float
    denominator: float


@runtime_checkable
class Task(Protocol):
    """What an example is and what "right" means. Everything specific to a task lives behind this."""

    name: str
    """As users write it: ``text-classification``."""
    fields: tuple[str, ...]
    """Text fields that a perturbation may touch."""
    metric: str
    """Name of the task's metric: ``accuracy``."""
    ratio: bool
    """False: the metric is a mean over examples. True: it is a ratio of sums (F1), resampled as such."""
    labels: tuple[str, ...]
    """Names of the labels in the model's order; empty for a task without labels."""
    mapping: Mapping[str, str]
    """Label in the data → the model's label, where they are called otherwise."""
    word_level: bool
    """Whether the gold belongs to the words of the one text, and follows them where they are edited."""

    def elsewhere(self) -> Task:
        """The task as read in another domain, whose data may have labels that the model has not."""
        ...

    def read(self, row: Mapping[str, object], columns: Mapping[str, str]) -> tuple[Inputs, Any]:
        """Inputs and gold of a row, checked; ``columns`` maps each field and ``label`` to its column's name.

        Raises DataError without a place (the caller adds file and row).
        """
        ...

    def request(self, inputs: Inputs) -> Request: ...

    def score(self, gold: Any, response: Response) -> Score: ...

    def parts(self, gold: Any, response: Response) -> Mapping[str, Score]:
        """Further scores of one example by name, added up as ``score`` is; empty where the metric says it all."""
        ...

    def same(self, one: Response, other: Response, origins: Sequence[int] | None = None) -> bool:
        """Whether two answers mean the same decision (invariance). ``origins``: as in ``follow``; None: the same words."""
        ...

    def follow(self, gold: Any, origins: Sequence[int]) -> Any:
        """The gold of a text after word edits; None where they broke it.

        ``origins``: of each word after, the word before that it comes from; −1: a new one.
        """
        ...

    def answer(self, response: Response) -> str:
        """The decision in words, for people."""
        ...

    def stratum(self, gold: Any) -> str | None:
        """The class of an example for recall by class and stratified samples; None where there is none."""
        ...

    def constant(self, golds: Sequence[Any]) -> Response | None:
        """The best answer that ignores the input, given these answers; None where the task has none."""
        ...

    def class_scores(self, response: Response) -> Mapping[str, float]:
        """Label → probability in [0, 1]; empty where the task has no such thing."""
        ...


@dataclass(frozen=True, slots=True)
class Encoded:
    """A request as the model sees it."""

    key: str
    """Equal for two requests exactly when the model sees the same (token ids, hashed). An example's leakage,
    vacuity and duplicates are decided by it."""
    length: int
    """Tokens, special ones included, after truncation."""
    truncated: bool
    payload: Any = field(repr=False)
    """What ``run`` needs; nobody else looks inside."""


class Model(Protocol):
    """The seam between auditor and a model. The engine sees only keys and lengths."""

    @property
    def name(self) -> str: ...

    @property
    def labels(self) -> tuple[str, ...]: ...

    @property
    def fingerprint(self) -> str:
        """SHA-256 over weights, configuration and tokenizer; empty when nothing is known that would determine them.

        Answers are kept between runs by it, unless it is empty.
        """
        ...

    @property
    def numerics(self) -> str:
        """What else the last bits of its answers depend on: kind of device, precision, threads, versions."""
        ...

    def encode(self, requests: Sequence[Request]) -> list[Encoded]: ...

    def run(self, batch: Sequence[Encoded]) -> list[Response]:
        """One forward pass over one batch, in the batch's order; evaluation mode; no gradient.

        Raises OutOfMemoryError where the batch does not fit; a smaller one may. Answers consist of numbers, words, tuples
        and mappings with words as keys.
        """
        ...

    def reload(self) -> Model:
        """The same checkpoint, loaded afresh through the ordinary path."""
        ...


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """A model of a known recipe and seed, and what its training took."""

    recipe: str
    """By its label: ``freelb++`` for a variant of ``freelb``."""
    standard: bool
    """Whether that is plain fine-tuning."""
    seed: int
    load: Callable[[], Model] = field(repr=False)
    work: float | None = None
    """Tokens that training passed, those with a gradient three times; None: not known."""
    seconds: float | None = None
    peak_bytes: float | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One question to the model, and what it is compared with."""

    example: Example
    slice: Slice
    inputs: Inputs | None = None
    """The text asked about; None: the example's own."""
    model: Model | None = None
    """A model that the probe fitted; None: the audited one."""
    cluster: str | None = None
    """The independent unit; None: the example's."""
    facts: Facts = field(default_factory=dict)
    invalid: bool = False
    """Known to have broken the label; counted apart, read by no metric."""
    origins: tuple[int, ...] | None = None
    """Of each word asked about, the example's word that it comes from; −1: a new one; None: they are the same words."""

    @property
    def after(self) -> Inputs:
        return self.example.inputs if self.inputs is None else self.inputs


@dataclass(frozen=True, slots=True)
class Skipped:
    """A slice that could not be measured, and why."""

    slice: Slice
    reason: str
    applies: bool = True
    """False: there is nothing to measure of this model, so that no rule waits for it."""


@dataclass(frozen=True, slots=True)
class ScoredCase:
    """A case with the model's answers, made by the engine."""

    case: Case
    before: Response
    """The answer to the example as it stands."""
    after: Response
    vacuous: bool
    """The model sees the same token ids as before: the answer was not asked for again."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A scored case as metrics read it: decisions and numbers, no text."""

    slice: Slice
    cluster: str
    before: Score | None
    """Score of the example as it stands; None without gold."""
    after: Score | None
    same: bool
    """The decision did not change."""
    vacuous: bool
    facts: Facts
    before_classes: Mapping[str, float]
    """Label → probability before; empty where the task has none."""
    after_classes: Mapping[str, float]
    parts: Mapping[str, Score] = field(default_factory=dict)
    """The task's further scores of the answer, for probes that ask for them by ``reads_parts``."""
    answer: str = ""
    """The answer in words, for the same probes."""
