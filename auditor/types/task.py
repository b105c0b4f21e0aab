"""What a task is: examples, answers, and what "right" means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

from auditor.types.cases import Detail, Example, Inputs, Response, Score
from auditor.types.choices import Choice
from auditor.types.edits import SAME_WORDS, Alignment, Span
from auditor.types.file_rows import ReadsRows
from auditor.types.records import Measurement, Metric
from auditor.types.requests import Request
from auditor.types.task_parts import ComparableLabels, Corruption, Goal

Offer: TypeAlias = Literal[
    "class_scores",
    "one_label",
    "label_sets",
    "numbers",
    "labelled_spans",
    "attack_goal",
    "answers_in_context",
    "dialogue",
]
"""What a probe may need of a task: probabilities of classes, a single label for each example, any number of labels for
each, a number for each, spans of words with types, a decision that attacks can work against, questions whose answers
are spans of a context, a history of turns before the last one."""

TextAttackRecipe: TypeAlias = Literal["deepwordbug", "pruthi", "textbugger", "pwws"]
"""Attacks of TextAttack by name."""
AttackRecipe: TypeAlias = Literal[TextAttackRecipe, "entity swap"]
"""Attacks of TextAttack by name, and the swap of an entity for another of its type."""
Sums: TypeAlias = Mapping[tuple[str, str], Mapping[str, Sequence[float]]]
"""Metric and value of its slice's only key → cluster → numerator and denominator."""


@dataclass(frozen=True, slots=True)
class AttackDefaults:
    """How a task's texts are attacked where a user does not say."""

    recipes: tuple[AttackRecipe, ...] = ("deepwordbug", "pruthi", "textbugger", "pwws")
    """Attacks that run, each on every example."""
    max_words_changed: float = 0.1
    """Share of the words that the model reads which may change; one word always may."""
    query_budget: int = 300
    """Queries of one attack on one example."""


class Averages(Protocol):
    """What is averaged over the slices of a task's details."""

    whole: tuple[Metric, ...]
    """Averages without a slice: over all types."""
    sliced: tuple[Metric, ...]
    """Those that have one."""

    def __call__(self, sums: Sums) -> Iterable[Measurement]:
        """The averages of the sums of the task's ``sliced_metrics``."""
        ...


@runtime_checkable
class Task(ReadsRows, Protocol):
    """What an example is, and what "right" means.

    ``auditor.tasks.TaskDefaults`` has what holds for most tasks.
    """

    name: str
    """As users write it: ``text-classification``."""
    fields: tuple[str, ...]
    """Text fields that a perturbation may touch."""
    metric: str
    """Name of the task's metric: ``accuracy``."""
    ratio: bool
    """False: the metric is a mean over examples. True: it is a ratio of sums (F1), resampled as such."""
    head: str
    """The kind of output that its models have: a module of ``auditor.models.heads``."""
    offers: frozenset[Offer]
    """What it has that some probes need."""
    special_tokens: tuple[str, ...]
    """Words of its requests that training adds to the vocabulary, each as a token of its own."""
    marked: bool
    """Whether its texts hold marks, so that a sentence of a probe's own is none of them."""
    stretches: tuple[str, ...]
    """Stretches of its texts into which noise is put by itself: ``the answer's sentence``."""
    quotes: bool
    """Whether gold answers and responses hold texts of the data."""
    labels: tuple[str, ...]
    """Names of the labels in the model's order; empty for a task without labels."""
    mapping: Mapping[str, str]
    """Label in the data → the model's label, where they are called otherwise."""
    detail_metrics: tuple[Metric, ...]
    """Metrics of the ``details`` that have no slice."""
    sliced_metrics: tuple[Metric, ...]
    """Metrics of the ``details`` that have one: by type, by kind of error."""
    averages: Averages
    """What quality reports beside the metrics of ``details``."""
    attacks: AttackDefaults
    """How its texts are attacked where a user does not say."""
    corruptions: Mapping[str, Corruption]
    """Kinds of wrong labels by name; the first ones are made where a user names none."""
    unit: str | None
    """What annotators are paid for beside examples: ``entities``; None: examples alone."""
    steps: int
    """Optimiser steps of a short training, where a user names none."""
    constant_answer: str
    """What the best answer is that ignores the input, in words: ``always predicting one class``."""
    notes: tuple[str, ...]
    """What a user ought to know of how labels and settings are taken."""
    settings: Any
    """What ``[task]`` says beside the name: an instance of a frozen dataclass; of the class, the defaults."""
    policy: Path | None
    """The file of the limits that a third party's task brings; None: those of auditor's own policies."""

    def other_domain(self) -> Task:
        """The task where data may have labels that the model lacks."""
        ...

    def comparable(self, golds: Sequence[Any]) -> ComparableLabels | None:
        """The labels that a comparison with data of these golds counts.

        None: it counts every label, whatever the data.
        """
        ...

    @property
    def fitted_on(self) -> str | None:
        """The set on whose answers the task's decisions are fitted, if any."""
        ...

    def fitted(self, golds: Sequence[Any], responses: Sequence[Response]) -> Task:
        """The task with decisions that are fitted on these answers."""
        ...

    @property
    def fitted_values(self) -> Mapping[str, float]:
        """What was fitted, name → number, if anything."""
        ...

    def gold_of(self, labels: Sequence[str]) -> Any:
        """The gold answer that these labels of the model make."""
        ...

    def target(self, gold: Any) -> Any:
        """What a model learns of a gold: one label, or many."""
        ...

    def request(self, inputs: Inputs) -> Request:
        """What the model is asked."""
        ...

    def score(self, gold: Any, response: Response) -> Score:
        """One example's share of the metric."""
        ...

    def details(self, gold: Any, response: Response) -> Iterable[Detail]:
        """Further scores of one example, added up as ``score`` is, if any."""
        ...

    def choices(self, gold: Any, response: Response) -> Iterable[Choice]:
        """What the answer chooses, with the probability of each label, if any."""
        ...

    def label_pairs(self, gold: Any, response: Response) -> Iterable[tuple[str, str]]:
        """Gold label and answered label, where one stands for the other.

        Of spans those count whose boundaries are right.
        """
        ...

    def same(self, before: Response, after: Response, alignment: Alignment = SAME_WORDS) -> bool:
        """Whether answers before and after edits mean the same decision."""
        ...

    def follow(self, gold: Any, alignment: Alignment) -> Any:
        """The gold of the edited texts; None where the edits broke it."""
        ...

    def protected(self, example: Example) -> Mapping[str, frozenset[int]]:
        """Text field → the words that edits of the context leave alone."""
        ...

    def fixed(self, example: Example) -> Mapping[str, frozenset[int]]:
        """Text field → words that no edit touches: marks, right answers."""
        ...

    def stretch(self, example: Example, name: str) -> Mapping[str, tuple[int, int]]:
        """Text field → start and end of a stretch, if any."""
        ...

    def goal(self, example: Example, before: Response) -> Goal | None:
        """What an attack works against; None: nothing right to attack."""
        ...

    def spans_found(self, example: Example, response: Response) -> Sequence[Span]:
        """The labelled spans of the gold that the answer has, if any."""
        ...

    def gold_spans(self, gold: Any) -> Mapping[str, Sequence[Span]]:
        """Text field → a gold answer's spans, which the page marks."""
        ...

    def answer_spans(self, response: Response) -> Mapping[str, Sequence[Span]]:
        """Text field → an answer's spans, which the page marks."""
        ...

    def likelihood(self, gold: Any, response: Response) -> float:
        """How likely the answer makes the gold, in [0, 1].

        Of labels of words, their mean.
        """
        ...

    def show(self, value: Response) -> str:
        """The decision in words, for people; nothing parses it."""
        ...

    def show_gold(self, gold: Any) -> str:
        """A gold answer in words, for people; nothing parses it."""
        ...

    def units(self, gold: Any) -> int:
        """How many of ``unit`` a gold answer holds."""
        ...

    def stratum(self, gold: Any) -> str | None:
        """The class of an example, for recall and stratified samples, if any."""
        ...

    def constant(self, golds: Sequence[Any]) -> Response | None:
        """The best answer that ignores the input, given these, if any."""
        ...

    def class_scores(self, response: Response) -> Mapping[str, float]:
        """Label → probability in [0, 1], if the task has that."""
        ...

    def label_scores(self, response: Response) -> Mapping[str, float]:
        """Label of the text → probability in [0, 1].

        Any number of labels may hold; where exactly one does, as ``class_scores``.
        """
        ...

    def given_labels(self, response: Response) -> Sequence[str]:
        """The labels of ``label_scores`` that the answer gives the text."""
        ...

    def dump(self, gold: Any) -> Any:
        """A gold answer as JSON has it, for files."""
        ...

    def load(self, value: Any) -> Any:
        """What ``dump`` gave, as a gold answer."""
        ...
