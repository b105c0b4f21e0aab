"""What a probe may ask for."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from auditor.types.abilities import FloatArray
from auditor.types.asking import Asked
from auditor.types.cases import (
    Case,
    Encoded,
    Example,
    Inputs,
    Model,
    Response,
    Slice,
)
from auditor.types.explained import TokenWeight
from auditor.types.given import EarlierPeriod, GivenRow
from auditor.types.planned import Inquiry
from auditor.types.records import Measurement
from auditor.types.task import Task
from auditor.types.trained import TrainedModel

Made = TypeVar("Made")


class Audit(Protocol):
    """What a probe may ask for.

    An audit is bound to one model and to the probe that asks.
    """

    @property
    def model(self) -> str:
        """The name of the model that is asked."""
        ...

    @property
    def settings(self) -> Any:
        """The probe's settings, validated: an instance of the type of ``probe.settings``."""
        ...

    @property
    def task(self) -> Task:
        """The task, over the labels of the audited models."""
        ...

    @property
    def domains(self) -> tuple[str, ...]:
        """Names of the domains, the home domain first: ``("home", "imdb")``."""
        ...

    @property
    def time_slices(self) -> tuple[str, ...]:
        """Names of the test files of later times, in their order."""
        ...

    @property
    def out_of_scope(self) -> Mapping[str, Sequence[Example]]:
        """Kind → rows that no label of the model is right for.

        They have no gold, and are in none of the sets of ``examples``. Each kind is in one seeded order.
        """
        ...

    @property
    def favourable_label(self) -> str | None:
        """The label that is good for the person concerned, if one is."""
        ...

    @property
    def language(self) -> str:
        """The language of the home domain's texts, as ISO 639-1 has it.

        It is given, or detected; ``en`` where nothing was detected.
        """
        ...

    def examples(self, name: str = "home", n: int | None = None) -> Sequence[Example]:
        """The first n examples, or all, of one seeded order.

        The order is the same for all probes and models. Where examples are drawn in looks, as many as verdicts need, a
        number n stands for the examples that this look adds, which may be none; cases are made from them, whereas None
        is for what the whole set says (its majority, its size).
        ``name`` is a domain, a time slice, ``train`` or ``validation``. Raises KeyError for a set that was not given.
        """
        ...

    def given(self, name: str = "home") -> Sequence[GivenRow]:
        """Every row of a set that can be used, whatever the budget.

        Rows that ``examples`` leaves out because training has them come last. No row may be asked about that
        ``examples`` does not have. Raises KeyError for a set that was not given.
        """
        ...

    def ask(self, inputs: Sequence[Inputs], model: Model | None = None) -> list[Response | None]:
        """The model's answers now, for attacks and explanations that go by them.

        They count as queries. The answer to a text on which the model fails is None; within ``side_by_side`` it ends
        the task, whose case is left out. ``model``: another that the probe loaded or trained; None: the audited one.
        """
        ...

    def integrated_gradients(
        self, inputs: Inputs, label: str, steps: int, model: Model | None = None
    ) -> Mapping[str, Sequence[TokenWeight]] | str:
        """Text field → weights of its tokens in a label's probability.

        Each of the ``steps`` points of the path counts as a query. Where there are none, it says why.
        """
        ...

    def side_by_side(self, slice_: Slice, tasks: Iterable[Callable[[], Case]]) -> Iterator[Case]:
        """The cases of one slice, in order, made by tasks that ask.

        Many tasks run in lockstep: what all of them ask at a time is one batch. Global random generators and
        torch's gradient mode are each task's own. No task starts where the slice is not wanted any more.
        """
        ...

    def encode(self, inputs: Sequence[Inputs]) -> list[Encoded]:
        """The texts as the model reads them."""
        ...

    def why_not(self, asked: Asked) -> str | None:
        """Say why the model cannot be asked so; None where it can.

        A probe yields ``Case(…, asked=asked)`` where it can: the engine then asks about the text past the cache.
        """
        ...

    def vocabulary(self) -> Sequence[str]:
        """The words that are one token of the model.

        Empty where the model does not tell.
        """
        ...

    def similar_words(self, words: Sequence[str], n: int) -> list[Sequence[str]]:
        """Of each word the n others that the model's embeddings place nearest.

        Empty where the model does not tell.
        """
        ...

    def embeddings(self, inputs: Sequence[Inputs]) -> FloatArray | None:
        """The model's embeddings of texts, as ``Embeds`` says: a row for each.

        A row of NaN stands for a text on which the model fails. None where the model does not tell, or fails on all.
        They count as passes. The numbers depend on the inputs and their order alone; windows of 512 that were embedded
        before, by any probe, cost nothing more.
        """
        ...

    def logits(self, inputs: Sequence[Inputs]) -> FloatArray | None:
        """The model's logits of texts, as ``TellsLogits`` says: a row for each.

        All else is as ``embeddings`` has it.
        """
        ...

    def fit(self, examples: Sequence[Example], *, seed: int, steps: int, batch_size: int) -> Model:
        """A model trained from the base by the audited model's recipe.

        Cases name it as ``Case.model``.
        """
        ...

    def has(self, need: str) -> bool:
        """Whether what NEEDS names is there."""
        ...

    @property
    def checkpoints(self) -> Sequence[TrainedModel]:
        """The audited checkpoint and its comparable neighbours.

        All were trained from the same base on the same rows.
        """
        ...

    @property
    def earlier(self) -> Sequence[EarlierPeriod]:
        """The checkpoints that the audited one continues, the oldest first.

        The last is the one that the update started from. Empty where none is known.
        """
        ...

    def train_by(
        self, recipe: str, examples: Sequence[Example], *, seed: int, steps: int, batch_size: int
    ) -> TrainedModel:
        """``fit`` by another recipe, with the config's settings for it.

        Raises ConfigError for an unknown one.
        """
        ...

    def findings(self, inquiry: Inquiry, model: Model) -> Sequence[Measurement] | str:
        """The results of another probe on a model, or why not.

        The other probe is the first of the role that serves the task, publishes the metric and takes the settings.
        """
        ...

    def once(self, key: str, make: Callable[[], Made]) -> Made:
        """What ``make`` returns when the probe first calls it in this audit.

        It is kept for planning, all looks, all models and ``measure``, and ends with the audit. It has to follow from
        the data, the task and the settings alone: rows that a look draws, and answers of a model, are none of these.
        """
        ...

    def rng(self, *key: object) -> random.Random:
        """A fresh generator for the key.

        Its seed is SHA-256 of the audit's seed, the probe's name and the key. The seed does not depend on the model, so
        static cases are equal for all models.
        """
        ...
