"""What one probe may ask of one model."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

from auditor import stats
from auditor.engine import Scorer
from auditor.errors import ProbeError
from auditor.evaluation.plan import AuditedModel, Plan, given
from auditor.evaluation.sampling import SPLITS, Draw, seeded
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
    Probe,
    Progress,
    Response,
    Silent,
    Slice,
    Task,
    TokenWeight,
    TrainedModel,
)

Made = TypeVar("Made")
Nested: TypeAlias = Callable[[Inquiry, Model], "Sequence[Measurement] | str"]
"""What another probe finds of another model."""


def _not_nested(_inquiry: Inquiry, _model: Model) -> str:
    raise RuntimeError("probes ask for other probes' findings in measure()")


Drawn: TypeAlias = Callable[[str, "int | None", Sequence[Example]], None]
"""Hears which examples of a set a probe got, and how many it asked for; None: all."""


def nobody(_name: str, _n: int | None, _examples: Sequence[Example]) -> None:
    """Hear nothing."""


class BoundAudit:
    """``auditor.types.Audit`` for one model and one probe."""

    def __init__(
        self,
        plan: Plan,
        audited: AuditedModel,
        probe: Probe,
        scorer: Scorer,
        draw: Draw | None = None,
        drawn: Drawn = nobody,
        nested: Nested = _not_nested,
        again: Callable[[], Model] | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Bind the plan to one model and one probe.

        ``drawn`` hears of the examples of audited sets in their order, before any case of them. ``again`` loads the
        model once more; None: by its own ``reload``. ``progress`` hears of the texts that take long.
        """
        self._plan = plan
        self._audited = audited
        self._probe = probe
        self._scorer = scorer
        self._draw = draw
        self._drawn = drawn
        self._nested = nested
        self._again = again or audited.model.reload
        self._progress = progress or Silent()

    @property
    def model(self) -> str:
        """As ``Audit.model``."""
        return self._audited.name

    @property
    def settings(self) -> Any:
        """As ``Audit.settings``."""
        return self._plan.settings[self._probe.name]

    @property
    def task(self) -> Task:
        """As ``Audit.task``."""
        return self._plan.task

    @property
    def domains(self) -> tuple[str, ...]:
        """As ``Audit.domains``."""
        return self._plan.domains

    @property
    def time_slices(self) -> tuple[str, ...]:
        """As ``Audit.time_slices``."""
        return self._plan.time_slices

    @property
    def out_of_scope(self) -> Mapping[str, Sequence[Example]]:
        """As ``Audit.out_of_scope``."""
        return {kind: rows[: self._plan.budget] for kind, rows in self._plan.out_of_scope.items()}

    @property
    def favourable_label(self) -> str | None:
        """As ``Audit.favourable_label``."""
        return self._plan.favourable_label

    @property
    def language(self) -> str:
        """As ``Audit.language``."""
        return self._plan.language

    def examples(self, name: str = HOME, n: int | None = None) -> Sequence[Example]:
        """As ``Audit.examples``."""
        given = self._plan.examples[name]
        if name in SPLITS:
            return given if n is None else given[:n]
        given = given[: self._plan.budget]
        if n is not None:
            n = self._taken(n, len(given))
            given = given[:n] if self._draw is None else self._draw.of(given, n)
        self._drawn(name, n, given)
        return given

    def _taken(self, n: int, available: int) -> int:
        """Rows to take of a set at a fixed size.

        All are taken, rather than leave a few that no second look would be worth.
        """
        is_whole = self._probe.name in self._plan.whole and self._audited.name == self._plan.candidate
        return available if is_whole and n < available and stats.looks.sizes(n, available) == (n,) else n

    def given(self, name: str = HOME) -> Sequence[GivenRow]:
        """As ``Audit.given``."""
        rows = [*self._plan.examples[name], *self._plan.left_out.get(name, ())]
        known = self._plan.keys
        unknown = [row for row in rows if row.id not in known]
        # Not by ``encode``: a probe of the data may read what is the same, as it asks the model nothing.
        encoded = self._scorer.encode([row.inputs for row in unknown]) if unknown else []
        keys = {row.id: item.key for row, item in zip(unknown, encoded, strict=True)}
        return [GivenRow(row, keys[row.id] if row.id in keys else known[row.id]) for row in rows]

    def ask(self, inputs: Sequence[Inputs], model: Model | None = None) -> list[Response | None]:
        """As ``Audit.ask``."""
        self._check_scope("ask")
        return self._scorer.ask(inputs, model, self._go_on)

    def integrated_gradients(
        self, inputs: Inputs, label: str, steps: int, model: Model | None = None
    ) -> Mapping[str, Sequence[TokenWeight]] | str:
        """As ``Audit.integrated_gradients``."""
        self._check_scope("integrated_gradients")
        weights = self._scorer.integrated_gradients(inputs, label, steps, model)
        self._go_on()
        return weights

    def side_by_side(self, slice_: Slice, tasks: Iterable[Callable[[], Case]]) -> Iterator[Case]:
        """As ``Audit.side_by_side``."""
        self._check_scope("side_by_side")
        if self._draw is None or self._draw.wants(slice_, self._probe):
            yield from self._scorer.side_by_side(tasks)

    def encode(self, inputs: Sequence[Inputs]) -> list[Encoded]:
        """As ``Audit.encode``."""
        self._check_scope("encode")
        return self._scorer.encode(inputs)

    def why_not(self, asked: Asked) -> str | None:
        """As ``Audit.why_not``."""
        self._check_scope("why_not")
        return self._scorer.why_not(asked, self._again)

    def vocabulary(self) -> Sequence[str]:
        """As ``Audit.vocabulary``."""
        self._check_scope("vocabulary")
        model = self._audited.model
        return model.vocabulary() if isinstance(model, KnowsWords) else ()

    def similar_words(self, words: Sequence[str], n: int) -> list[Sequence[str]]:
        """As ``Audit.similar_words``."""
        self._check_scope("similar_words")
        model = self._audited.model
        return model.similar_words(words, n) if isinstance(model, KnowsWords) else [() for _ in words]

    def embeddings(self, inputs: Sequence[Inputs]) -> FloatArray | None:
        """As ``Audit.embeddings``."""
        self._check_scope("embeddings")
        return self._scorer.embeddings(inputs, self._go_on)

    def logits(self, inputs: Sequence[Inputs]) -> FloatArray | None:
        """As ``Audit.logits``."""
        self._check_scope("logits")
        return self._scorer.embeddings(inputs, self._go_on, "head")

    def fit(self, examples: Sequence[Example], *, seed: int, steps: int, batch_size: int) -> Model:
        """As ``Audit.fit``."""
        self._check_scope("fit")
        self._check_retrains("fit")
        if self._audited.fit is None:
            raise RuntimeError(f"probe {self._probe.name} fits a model but does not list 'base' among its needs")
        return self._audited.fit(examples, seed=seed, steps=steps, batch_size=batch_size)

    def has(self, need: str) -> bool:
        """As ``Audit.has``."""
        return given(self._plan, self._audited, self._probe)[need]

    @property
    def checkpoints(self) -> Sequence[TrainedModel]:
        """As ``Audit.checkpoints``."""
        self._check_scope("checkpoints")
        return self._audited.checkpoints()

    @property
    def earlier(self) -> Sequence[EarlierPeriod]:
        """As ``Audit.earlier``."""
        self._check_scope("earlier")
        return self._audited.earlier

    def train_by(
        self, recipe: str, examples: Sequence[Example], *, seed: int, steps: int, batch_size: int
    ) -> TrainedModel:
        """As ``Audit.train_by``."""
        self._check_scope("train_by")
        self._check_retrains("train_by")
        if self._audited.train is None:
            raise RuntimeError(f"probe {self._probe.name} trains a model without asking whether a base is given")
        return self._audited.train(recipe, examples, seed=seed, steps=steps, batch_size=batch_size)

    def findings(self, inquiry: Inquiry, model: Model) -> Sequence[Measurement] | str:
        """As ``Audit.findings``."""
        self._check_scope("findings")
        return self._nested(inquiry, model)

    def _go_on(self) -> None:
        """Let the progress show that work goes on."""
        self._progress.advance(0)

    def _check_scope(self, name: str) -> None:
        """Check that a probe of the data asks for no model.

        Raises ProbeError.
        """
        if self._probe.scope == "data":
            raise ProbeError(
                f'asks the model (audit.{name}), but its scope is "data"',
                where=f"probe {self._probe.name}",
                hint='declare scope = "model", or "candidate"',
            )

    def _check_retrains(self, name: str) -> None:
        """Check that ``--fast`` would have left the probe out.

        Raises ProbeError.
        """
        if not self._probe.retrains:
            raise ProbeError(
                f"trains a model (audit.{name}), but its retrains is False",
                where=f"probe {self._probe.name}",
                hint='list "base" among its needs, or declare retrains = True',
            )

    def once(self, key: str, make: Callable[[], Made]) -> Made:
        """As ``Audit.once``."""
        kept, name = self._plan.kept, (self._probe.name, key)
        if name not in kept:
            kept[name] = make()
        made: Made = kept[name]
        return made

    def rng(self, *key: object) -> random.Random:
        """As ``Audit.rng``."""
        return seeded(self._plan.seed, self._probe.name, *key)
