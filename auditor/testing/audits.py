"""An audit for tests of a probe."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from typing import Any, TypeAlias, TypeVar

from auditor.config import cases_fields, data_columns, limited_words
from auditor.engine import Scorer, attributing
from auditor.engine.repeating import Repeater
from auditor.evaluation.plan import Fitter, Trainer, given_by
from auditor.evaluation.sampling import SPLITS, seeded
from auditor.languages import ENGLISH
from auditor.types import (
    HOME,
    Asked,
    Case,
    EarlierPeriod,
    Encoded,
    Example,
    FloatArray,
    GivenRow,
    Inputs,
    Inquiry,
    KnowsWords,
    Measurement,
    Model,
    Response,
    Role,
    Slice,
    Task,
    TokenWeight,
    TrainedModel,
)

Made = TypeVar("Made")
Findings: TypeAlias = Callable[[Inquiry, Model], "Sequence[Measurement] | str"]
"""What another probe finds of a model."""


class FakeAudit:
    """An ``auditor.types.Audit`` of what a test gives.

    What it does not give raises an error that says so.
    ``asked`` lists the inputs that a probe asked the model about, ``fits`` and ``trainings`` the trainings that it
    started.
    """

    def __init__(
        self,
        examples: Mapping[str, Sequence[Example]] | Sequence[Example],
        settings: Any,
        task: Task,
        *,
        model: Model | None = None,
        fit: Fitter | None = None,
        train_by: Trainer | None = None,
        checkpoints: Sequence[TrainedModel] = (),
        earlier: Sequence[EarlierPeriod] = (),
        findings: Findings | None = None,
        favourable_label: str | None = None,
        language: str = ENGLISH,
        time_slices: Sequence[str] = (),
        out_of_scope: Mapping[str, Sequence[Example]] | None = None,
        width: int = 1,
        seed: int = 0,
    ) -> None:
        """Give what the probe asks for.

        Args:
            examples: Set (``home``, another domain, ``train``, ``validation``) → its examples; a plain sequence is
                ``home``.
            settings: The probe's settings.
            task: The task of the audit.
            model: Answers ``ask`` and ``encode``.
            fit: Trains a model by the audited model's own recipe.
            train_by: Trains a model by a named recipe.
            checkpoints: The audited model and those beside it.
            earlier: The checkpoints that the audited model continues, the oldest first.
            findings: What other probes find of a model.
            favourable_label: The label that the config names so.
            language: ISO 639-1 code of the language that the examples are in.
            time_slices: The sets of ``examples`` that are test rows of later times, in the order of time.
            out_of_scope: Kind → rows that no label of the model is right for.
            width: How many tasks ``side_by_side`` runs in lockstep.
            seed: What ``rng`` draws from, beside its key.
        """
        self._examples = dict(examples) if isinstance(examples, Mapping) else {HOME: examples}
        self._given_model, self._fit, self._train_by, self._findings = model, fit, train_by, findings
        self.settings, self.task, self.favourable_label = settings, task, favourable_label
        self.checkpoints, self.earlier, self._seed = tuple(checkpoints), tuple(earlier), seed
        self.time_slices, self.out_of_scope = tuple(time_slices), dict(out_of_scope or {})
        self.language = language
        self._kept: dict[str, Any] = {}
        self._own = None if model is None else Scorer(model, task, width=width)
        self.asked: list[Inputs] = []
        self.fits: list[tuple[Sequence[Example], int, int, int]] = []
        """Examples, seed, steps and batch size of each ``fit``."""
        self.inquiries: dict[Role, Inquiry] = {}
        """Role → the last inquiry that ``findings`` was called with."""
        self.trainings: list[tuple[str, Sequence[Example], int, int, int]] = []
        """Recipe, examples, seed, steps and batch size of each ``train_by``."""

    @property
    def model(self) -> str:
        """The model's name; ``fake`` where none is given."""
        return "fake" if self._given_model is None else self._given_model.name

    @property
    def domains(self) -> tuple[str, ...]:
        """The sets but for time slices, training and validation rows."""
        return tuple(name for name in self._examples if name not in (*SPLITS, *self.time_slices))

    def examples(self, name: str = HOME, n: int | None = None) -> Sequence[Example]:
        """The first n examples of a set.

        Raises KeyError for a set that is not given, as in an audit.
        """
        if name not in self._examples:
            raise KeyError(f"{name}: FakeAudit has only the sets {', '.join(self._examples)}")
        return self._examples[name][:n]

    def given(self, name: str = HOME) -> Sequence[GivenRow]:
        """All rows of a set.

        Where no model is given, it takes a model to see the texts as they are. Raises KeyError as ``examples`` does.
        """
        rows = self.examples(name)
        if self._given_model is None:
            return [GivenRow(row, repr(sorted(row.inputs.items()))) for row in rows]
        keys = (item.key for item in self.encode([row.inputs for row in rows]))
        return [GivenRow(row, key) for row, key in zip(rows, keys, strict=True)]

    def ask(self, inputs: Sequence[Inputs], model: Model | None = None) -> list[Response | None]:
        """The model's answers, as an audit gives them.

        Raises RuntimeError where no model is given.
        """
        if model is not None:
            return Scorer(model, self.task).ask(inputs)
        scorer = self._scorer("the model's answers")
        self.asked += inputs
        return scorer.ask(inputs)

    def integrated_gradients(
        self, inputs: Inputs, label: str, steps: int, model: Model | None = None
    ) -> Mapping[str, Sequence[TokenWeight]] | str:
        """As an audit says it. Raises RuntimeError where no model is given."""
        own = self._model("the model's gradients")
        return attributing.integrated_gradients(model or own, self.task, inputs, label, steps)

    def side_by_side(self, slice_: Slice, tasks: Iterable[Callable[[], Case]]) -> Iterator[Case]:
        """The tasks' cases in order. Raises RuntimeError for no slice."""
        if not slice_:
            raise RuntimeError("side_by_side needs a slice with at least one key")
        if self._given_model is None:
            return (task() for task in tasks)
        return self._scorer("the model's answers").side_by_side(tasks)

    def encode(self, inputs: Sequence[Inputs]) -> list[Encoded]:
        """What the model reads. Raises RuntimeError where no model is given."""
        return self._model("what the model reads").encode([self.task.request(each) for each in inputs])

    def why_not(self, asked: Asked) -> str | None:
        """As an audit says it. Raises RuntimeError where no model is given."""
        model = self._model("whether the model can be asked again")
        return Repeater(model, 1).why_not(asked, model.reload)

    def vocabulary(self) -> Sequence[str]:
        """The model's words. Raises RuntimeError where no model is given."""
        model = self._model("the model's words")
        return model.vocabulary() if isinstance(model, KnowsWords) else ()

    def similar_words(self, words: Sequence[str], n: int) -> list[Sequence[str]]:
        """Each word's nearest others. Raises RuntimeError where no model is given."""
        model = self._model("the model's words")
        return model.similar_words(words, n) if isinstance(model, KnowsWords) else [() for _ in words]

    def embeddings(self, inputs: Sequence[Inputs]) -> FloatArray | None:
        """The model's embeddings of texts. Raises RuntimeError where no model is given."""
        return self._scorer("the model's embeddings").embeddings(inputs)

    def logits(self, inputs: Sequence[Inputs]) -> FloatArray | None:
        """The model's logits of texts. Raises RuntimeError where no model is given."""
        return self._scorer("the model's logits").embeddings(inputs, layer="head")

    def fit(self, examples: Sequence[Example], *, seed: int, steps: int, batch_size: int) -> Model:
        """A model by ``fit``. Raises RuntimeError where none is given."""
        if self._fit is None:
            raise _lacking("a trained model", "fit")
        self.fits.append((examples, seed, steps, batch_size))
        return self._fit(examples, seed=seed, steps=steps, batch_size=batch_size)

    def train_by(
        self, recipe: str, examples: Sequence[Example], *, seed: int, steps: int, batch_size: int
    ) -> TrainedModel:
        """A model by ``train_by``. Raises RuntimeError where none is given."""
        if self._train_by is None:
            raise _lacking(f"a model trained by {recipe}", "train_by")
        self.trainings.append((recipe, examples, seed, steps, batch_size))
        return self._train_by(recipe, examples, seed=seed, steps=steps, batch_size=batch_size)

    def findings(self, inquiry: Inquiry, model: Model) -> Sequence[Measurement] | str:
        """What ``findings`` says. Raises RuntimeError where it is not given."""
        if self._findings is None:
            raise _lacking(f"the findings of the role {inquiry.role!r}", "findings")
        self.inquiries[inquiry.role] = inquiry
        return self._findings(inquiry, model)

    def has(self, need: str) -> bool:
        """Whether the test gives what NEEDS names.

        Raises KeyError for a need that nobody knows.
        """
        own = is_dataclass(self.settings)
        columns = own and bool(data_columns(self.settings))
        there = {
            "train": "train" in self._examples,
            "domains": len(self.domains) > 1,
            "base": self._fit is not None or self._train_by is not None,
            "earlier": bool(self.earlier),
            "columns": columns,
            "periods": columns or bool(self.time_slices),
            "out_of_scope": any(self.out_of_scope.values()),
            "cases": own and any(getattr(self.settings, name) is not None for name in cases_fields(self.settings)),
            "listed": own and bool(limited_words(self.settings)),
            **given_by(self.task),
        }
        return there[need]

    def once(self, key: str, make: Callable[[], Made]) -> Made:
        """What the probe made first for the key."""
        if key not in self._kept:
            self._kept[key] = make()
        made: Made = self._kept[key]
        return made

    def rng(self, *key: object) -> random.Random:
        """A fresh generator from the test's seed and the key."""
        return seeded(self._seed, "fake audit", *key)

    def _scorer(self, wanted: str) -> Scorer:
        if self._own is None:
            raise _lacking(wanted, "model")
        return self._own

    def _model(self, wanted: str) -> Model:
        if self._given_model is None:
            raise _lacking(wanted, "model")
        return self._given_model


def _lacking(wanted: str, argument: str) -> RuntimeError:
    return RuntimeError(f"the probe asks for {wanted}: give FakeAudit(…, {argument}=…)")
