"""Cases in, scored cases out: the batches depend on the cases alone, never on what ran before."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from itertools import groupby
from typing import TypeAlias, TypeVar

from auditor.engine import plan
from auditor.engine.cache import Cache
from auditor.engine.deriving import derived
from auditor.engine.forward import Forward, NoAnswer
from auditor.engine.lockstep import Lockstep
from auditor.errors import NoAnswerError
from auditor.types import Case, Encoded, Example, Inputs, Model, Request, Response, ScoredCase, Task

WINDOW = 512
"""Cases planned together."""
RELOADED = "reloaded"

Answered: TypeAlias = tuple[str, Response | NoAnswer]
"""The key that the model saw and what it answered."""
Result = TypeVar("Result")
_WITHIN_TASK: ContextVar[bool] = ContextVar("within_task", default=False)
"""Whether a task of ``side_by_side`` is asking: every greenlet has a context of its own."""


class Scorer:
    """Scores cases with one model, window by window.

    Clean examples are scored in windows of one fixed order, when a case first needs one of them; every other text
    within the window of its case. So a probe's numbers are the same whether it runs alone or after others.

    A text that the model fails on has no answer: its case is left out, and counted as unanswered.
    """

    def __init__(
        self,
        model: Model,
        task: Task,
        *,
        batch_tokens: int = 1024,
        window: int = WINDOW,
        width: int = 1,
        cache: Cache | None = None,
    ) -> None:
        self._model = model
        self._task = task
        self._size = window
        # Two plans: what a probe's memory does to its own must not change that of the clean examples, which all share.
        self._forward, self._forward_clean = Forward(batch_tokens, cache), Forward(batch_tokens, cache)
        self._lockstep: Lockstep[Inputs, Response | NoAnswer] = Lockstep(self._ask, width)
        self._clean: Sequence[Example] = ()
        self._position: dict[str, int] = {}
        self._known: dict[str, Answered] = {}
        self.reset()

    def reset(self) -> None:
        """Start counting anew; what is known of clean examples stays."""
        self._cases = self._vacuous = self._queries = 0
        self._unanswered: list[tuple[str, str]] = []
        self._forward.reset()
        self._forward_clean.reset()

    @property
    def counts(self) -> dict[str, int]:
        """Of one probe: cases, vacuous ones, texts that went through the model, and texts that attacks asked about.

        And, where there are any, cases that were left out because the model fails on their text.
        """
        passes = self._forward.passes + self._forward_clean.passes
        return {
            "cases": self._cases,
            "vacuous": self._vacuous,
            "forward_passes": passes,
            "queries": self._queries,
            **({"unanswered": len(self._unanswered)} if self._unanswered else {}),
        }

    @property
    def unanswered(self) -> Mapping[str, str]:
        """Which texts' cases were left out, by the id of their example, and what the model said of the first."""
        return dict(reversed(self._unanswered))

    def prepare(self, clean: Sequence[Example]) -> None:
        """Name the clean examples and their order; their ids are unique. What was known of others is forgotten."""
        self._known = {}
        self._clean = tuple(clean)
        self._position = {example.id: index for index, example in enumerate(clean)}

    def encode(self, inputs: Sequence[Inputs]) -> list[Encoded]:
        return self._model.encode([self._task.request(one) for one in inputs])

    def ask(self, inputs: Sequence[Inputs]) -> list[Response]:
        """Answers now, or within ``side_by_side`` once all tasks wait; equal texts are asked once.

        None for a text that the model fails on; within ``side_by_side`` that ends the task, whose result is left out.
        """
        answers = list(self._lockstep.ask(inputs))
        failed = next((one for one in answers if isinstance(one, NoAnswer)), None)
        if failed is not None and _WITHIN_TASK.get():
            raise NoAnswerError(failed.reason)
        return [None if isinstance(one, NoAnswer) else one for one in answers]

    def side_by_side(self, tasks: Iterable[Callable[[], Result]]) -> Iterator[Result]:
        """The results, in order, of tasks that ask as they go, but for those whose text has no answer."""
        for result in self._lockstep.run(functools.partial(_outcome, task) for task in tasks):
            if isinstance(result, NoAnswer):
                self._unanswered.append(("a text that a probe made", result.reason))
            else:
                yield result

    def _ask(self, inputs: Sequence[Inputs]) -> list[Response | NoAnswer]:
        self._queries += len(inputs)
        encoded = self.encode(inputs)
        answers = self._forward.answers(self._model, encoded)
        return [answers[one.key] for one in encoded]

    def score(
        self, cases: Iterable[Case], *, reloaded: Callable[[], Model | None] = lambda: None
    ) -> Iterator[ScoredCase]:
        """The cases that have answers, with them, in order; reads no further than one window ahead.

        A case that changes nothing the model sees is vacuous; one that asks about the example as it stands is not.
        ``reloaded``, asked once a window's cases are there: the same checkpoint loaded afresh, which answers every
        changed text in place of the model; None: the model itself.
        """
        for window in plan.windows(cases, self._size):
            for _, same_model in groupby(window, key=lambda case: id(self._fitted(case))):
                yield from self._window(list(same_model), reloaded())

    def _window(self, cases: list[Case], reloaded: Model | None) -> list[ScoredCase]:
        fitted = self._fitted(cases[0])
        model = fitted or reloaded or self._model
        for case in cases:
            self._score_clean(case.example)
        before = self._before(cases)
        edited = [derived(case, self._task) for case in cases]
        after = model.encode([self._request(made.inputs) for made in edited])
        # Only what this window's own examples hold is dropped, so that batches do not depend on earlier probes.
        known = {} if fitted else dict(before)
        purpose = RELOADED if model is reloaded else ""
        asked = [one for one in after if one.key not in known]
        answers: dict[str, Response | NoAnswer] = known | self._forward.answers(model, asked, purpose=purpose)
        found = []
        for case, made, (old, answer), new in zip(cases, edited, before, after, strict=True):
            failed = next((one for one in (answer, answers[new.key]) if isinstance(one, NoAnswer)), None)
            if failed is not None:
                self._unanswered.append((case.example.id, failed.reason))
                continue
            vacuous = fitted is None and bool(case.edits) and old == new.key
            self._vacuous += vacuous
            found.append(ScoredCase(case, made, answer, answers[new.key], vacuous))
        self._cases += len(found)
        return found

    def _fitted(self, case: Case) -> Model | None:
        """The model that the probe trained for this case, if it did."""
        return None if case.model is self._model else case.model

    def _before(self, cases: list[Case]) -> list[Answered]:
        """Each case's example as it stands: from the clean store, or asked within this window."""
        foreign = [case for case in cases if not self._is_clean(case.example)]
        encoded = self._model.encode([self._request(case.example.inputs) for case in foreign])
        answers = self._forward.answers(self._model, encoded)
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
        # A window that did not fit must not shrink the next: which ones were scored before depends on the probes.
        self._forward_clean.full()
        encoded = self._model.encode([self._request(one.inputs) for one in window])
        answers = self._forward_clean.answers(self._model, encoded)
        for one, found in zip(window, encoded, strict=True):
            self._known[one.id] = (found.key, answers[found.key])

    def _request(self, inputs: Inputs) -> Request:
        return self._task.request(inputs)


def _outcome(task: Callable[[], Result]) -> Result | NoAnswer:
    """A task's result, or why the model has no answer to what it asked."""
    token = _WITHIN_TASK.set(True)
    try:
        return task()
    except NoAnswerError as error:
        return NoAnswer(error.message)
    finally:
        _WITHIN_TASK.reset(token)
