"""Cases in, scored cases out: the batches depend on the cases alone, never on what ran before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TypeAlias

from auditor.engine import plan
from auditor.types import Case, Encoded, Example, Inputs, Model, Progress, Request, Response, ScoredCase, Task

COUNTS = ("cases", "vacuous", "forward_passes", "queries")

Answered: TypeAlias = tuple[str, Response]
"""The key that the model saw and what it answered."""


class Scorer:
    """Scores cases with one model, window by window.

    Clean examples are scored in windows of one fixed order, when a case first needs one of them; every other text
    within the window of its case. So a probe's numbers are the same whether it runs alone or after others.
    """

    def __init__(self, model: Model, task: Task, *, batch_tokens: int = 4096, window: int = 512) -> None:
        self._model = model
        self._task = task
        self._budget = batch_tokens
        self._size = window
        self._clean: Sequence[Example] = ()
        self._position: dict[str, int] = {}
        self._known: dict[str, Answered] = {}
        self.counts: dict[str, int] = dict.fromkeys(COUNTS, 0)

    def reset(self) -> None:
        """Start counting anew; what is known of clean examples stays."""
        self.counts = dict.fromkeys(COUNTS, 0)

    def prepare(self, clean: Sequence[Example]) -> None:
        """Name the clean examples and their order; their ids are unique. What was known of others is forgotten."""
        self._known = {}
        self._clean = tuple(clean)
        self._position = {example.id: index for index, example in enumerate(clean)}

    def encode(self, inputs: Sequence[Inputs]) -> list[Encoded]:
        return self._model.encode([self._task.request(one) for one in inputs])

    def ask(self, inputs: Sequence[Inputs]) -> list[Response]:
        """Answers now; equal texts are asked once."""
        self.counts["queries"] += len(inputs)
        encoded = self.encode(inputs)
        answers = self._answers(self._model, encoded)
        return [answers[one.key] for one in encoded]

    def score(self, cases: Iterable[Case], progress: Progress | None = None) -> Iterator[ScoredCase]:
        """The cases with the model's answers, in order; reads no further than one window ahead.

        A case that changes nothing the model sees is vacuous; one that asks about the example as it stands is not.
        """
        for window in plan.windows(cases, self._size):
            for _, same_model in groupby(window, key=lambda case: id(self._asked(case))):
                scored = self._window(list(same_model))
                if progress is not None:
                    progress.advance(len(scored))
                yield from scored

    def _window(self, cases: list[Case]) -> list[ScoredCase]:
        model = self._asked(cases[0])
        own = model is self._model
        for case in cases:
            self._score_clean(case.example)
        before = self._before(cases)
        after = model.encode([self._request(case.after) for case in cases])
        # Only what this window's own examples hold is dropped, so that batches do not depend on earlier probes.
        known = dict(before) if own else {}
        answers = known | self._answers(model, [one for one in after if one.key not in known])
        found = []
        for case, (old, answer), new in zip(cases, before, after, strict=True):
            vacuous = own and case.inputs is not None and old == new.key
            self.counts["vacuous"] += vacuous
            found.append(ScoredCase(case, answer, answers[new.key], vacuous))
        self.counts["cases"] += len(found)
        return found

    def _before(self, cases: list[Case]) -> list[Answered]:
        """Each case's example as it stands: from the clean store, or asked within this window."""
        foreign = [case for case in cases if not self._is_clean(case.example)]
        encoded = self._model.encode([self._request(case.example.inputs) for case in foreign])
        answers = self._answers(self._model, encoded)
        asked = iter([(one.key, answers[one.key]) for one in encoded])
        return [self._known[case.example.id] if self._is_clean(case.example) else next(asked) for case in cases]

    def _is_clean(self, example: Example) -> bool:
        index = self._position.get(example.id)
        return index is not None and self._clean[index].inputs == example.inputs

    def _score_clean(self, example: Example) -> None:
        if example.id in self._known or not self._is_clean(example):
            return
        start = self._position[example.id] // self._size * self._size
        window = self._clean[start : start + self._size]
        encoded = self._model.encode([self._request(one.inputs) for one in window])
        answers = self._answers(self._model, encoded)
        for one, found in zip(window, encoded, strict=True):
            self._known[one.id] = (found.key, answers[found.key])

    def _asked(self, case: Case) -> Model:
        return self._model if case.model is None else case.model

    def _request(self, inputs: Inputs) -> Request:
        return self._task.request(inputs)

    def _answers(self, model: Model, encoded: Sequence[Encoded]) -> dict[str, Response]:
        answers: dict[str, Response] = {}
        for batch in plan.batches(plan.unique(encoded), self._budget):
            self.counts["forward_passes"] += len(batch)
            for one, response in zip(batch, model.run(batch), strict=True):
                answers[one.key] = response
        return answers
