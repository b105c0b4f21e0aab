"""Scoring of cases, in batches that depend on the cases alone."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from itertools import groupby
from typing import TypeAlias, TypeVar

from auditor.engine import attributing, plan
from auditor.engine.cache import Cache
from auditor.engine.deriving import derived
from auditor.engine.embedding import Embedder, Layer
from auditor.engine.forward import WINDOW, Forward, NoAnswer
from auditor.engine.lockstep import Lockstep
from auditor.engine.repeating import Repeater
from auditor.errors import NoAnswerError
from auditor.types import (
    Asked,
    Case,
    Encoded,
    Example,
    FloatArray,
    Inputs,
    Model,
    Request,
    Response,
    ScoredCase,
    Task,
    TokenWeight,
)

RELOADED = "reloaded"
Answered: TypeAlias = tuple[str, Response | NoAnswer]
"""The key of what the model read, and its answer."""
Result = TypeVar("Result")
_WITHIN_TASK: ContextVar[bool] = ContextVar("within_task", default=False)
"""Whether a task of ``side_by_side`` is running; every greenlet has its own context."""


class Scorer:
    """Scorer of cases with one model, window by window.

    Clean examples are scored in windows of one fixed order, when a case first needs one of them; every other text is
    scored within the window of its case. So a probe's numbers are the same whether it runs alone or after others.

    A text on which the model fails has no answer: its case is left out and counted as unanswered.
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
        # Two plans: a probe that runs out of memory must not change the batches of the clean examples that all share.
        self._forward, self._forward_clean = Forward(batch_tokens, cache), Forward(batch_tokens, cache)
        self._repeater = Repeater(model, batch_tokens)
        self._embedder = Embedder(model, batch_tokens)
        ask = functools.partial(self._answers_of, model)
        self._lockstep: Lockstep[Inputs, Response | NoAnswer] = Lockstep(ask, width)
        self._clean: Sequence[Example] = ()
        self._position: dict[str, int] = {}
        self._known: dict[str, Answered] = {}
        self.reset()

    def reset(self) -> None:
        """Reset the counts; the answers for clean examples stay."""
        self._cases = self._vacuous = self._queries = 0
        self._unanswered: list[tuple[str, str]] = []
        self._forward.reset()
        self._forward_clean.reset()
        self._repeater.reset()
        self._embedder.passes = 0

    @property
    def counts(self) -> dict[str, int]:
        """Counts of one probe, by name.

        They are its cases, its vacuous cases, the texts that went through the model, the texts that it asked about, and
        the cases left out because the model fails on their text, if there are any.
        """
        parts = (self._forward, self._forward_clean, self._repeater, self._embedder)
        return {
            "cases": self._cases,
            "vacuous": self._vacuous,
            "forward_passes": sum(part.passes for part in parts),
            "queries": self._queries,
            **({"unanswered": len(self._unanswered)} if self._unanswered else {}),
        }

    @property
    def unanswered(self) -> Mapping[str, str]:
        """Example id → reason, for cases without an answer.

        They were left out because the model fails on their text, for the reason of the example's first failure.
        """
        return dict(reversed(self._unanswered))

    def prepare(self, clean: Sequence[Example]) -> None:
        """Set the clean examples and their order.

        Their ids are unique. Answers for earlier examples are forgotten.
        """
        self._known = {}
        self._clean = tuple(clean)
        self._position = {example.id: index for index, example in enumerate(clean)}

    def clean(self, examples: Sequence[Example]) -> list[Response | None]:
        """Return the answers to some of the clean examples.

        The answer is None to a text on which the model fails. They are those that cases get as their answers before.
        """
        for example in examples:
            self._score_clean(example)
        answers = [self._known[example.id][1] for example in examples]
        return [None if isinstance(answer, NoAnswer) else answer for answer in answers]

    def encode(self, inputs: Sequence[Inputs]) -> list[Encoded]:
        """Return what the model reads of each input."""
        return self._model.encode([self._task.request(item) for item in inputs])

    def embeddings(
        self, inputs: Sequence[Inputs], after_batch: Callable[[], None] = lambda: None, layer: Layer = "encoder"
    ) -> FloatArray | None:
        """Return embeddings, or logits; ``after_batch`` follows each batch."""
        return self._embedder.embeddings(self.encode(inputs), after_batch, layer)

    def ask(
        self, inputs: Sequence[Inputs], model: Model | None = None, after_batch: Callable[[], None] = lambda: None
    ) -> list[Response | None]:
        """Return the answers for the inputs; equal texts are scored once.

        Within ``side_by_side``, this waits until all tasks have asked, and a text on which the model fails ends the
        task, whose result is left out. Elsewhere its answer is None, and ``after_batch`` is called after each batch.
        ``model``: another one to ask, without waiting for other tasks.
        """
        joint = model is None and _WITHIN_TASK.get()
        answers = self._lockstep.ask(inputs) if joint else self._answers_of(model or self._model, inputs, after_batch)
        failed = next((answer for answer in answers if isinstance(answer, NoAnswer)), None)
        if failed is not None and _WITHIN_TASK.get():
            raise NoAnswerError(failed.reason)
        return [None if isinstance(answer, NoAnswer) else answer for answer in answers]

    def side_by_side(self, tasks: Iterable[Callable[[], Result]]) -> Iterator[Result]:
        """Yield the results, in order, of tasks that ask the model.

        Tasks with a text on which the model fails are left out.
        """
        for result in self._lockstep.run(functools.partial(_outcome, task) for task in tasks):
            if isinstance(result, NoAnswer):
                self._unanswered.append(("a text that a probe made", result.reason))
            else:
                yield result

    def _answers_of(
        self, model: Model, inputs: Sequence[Inputs], after_batch: Callable[[], None] = lambda: None
    ) -> list[Response | NoAnswer]:
        self._queries += len(inputs)
        encoded = model.encode([self._request(item) for item in inputs])
        answers = self._forward.answers(model, encoded, after_batch=after_batch)
        return [answers[request.key] for request in encoded]

    def integrated_gradients(
        self, inputs: Inputs, label: str, steps: int, model: Model | None = None
    ) -> Mapping[str, Sequence[TokenWeight]] | str:
        """Return field → weights of its tokens, or why there are none."""
        self._queries += steps
        return attributing.integrated_gradients(model or self._model, self._task, inputs, label, steps)

    def why_not(self, asked: Asked, again: Callable[[], Model]) -> str | None:
        """Say why the model cannot be asked so; None where it can.

        ``again`` returns the same checkpoint loaded again.
        """
        return self._repeater.why_not(asked, again)

    def score(
        self,
        cases: Iterable[Case],
        *,
        reloaded: Callable[[], Model | None] = lambda: None,
        again: Callable[[], Model] | None = None,
    ) -> Iterator[ScoredCase]:
        """Yield the cases that have answers, with the answers, in order.

        Reads no more than one window ahead. A case whose edits the model does not see is vacuous; a case without edits
        is not. ``reloaded`` is called once the cases of a window are there. It returns the same checkpoint loaded
        again, which answers for every changed text instead of the model, or None for the model itself. ``again``:
        likewise, for cases that ask for it by ``asked``.
        """
        for window in plan.windows(cases, self._size):
            for (_, asked), alike in groupby(window, key=lambda case: (id(self._fitted(case)), case.asked)):
                if asked is None:
                    yield from self._scored(list(alike), reloaded())
                else:
                    yield from self._repeated(list(alike), asked, again or self._model.reload)

    def _repeated(self, cases: list[Case], asked: Asked, again: Callable[[], Model]) -> list[ScoredCase]:
        """Score cases without edits by the known answer and another one."""
        for case in cases:
            self._score_clean(case.example)
        before = self._before(cases)
        encoded = self.encode([case.example.inputs for case in cases])
        answers = self._repeater.answers(asked, encoded, self._planned_beside(cases), again)
        after = [(request.key, answers[request.key]) for request in encoded]
        scored = []
        for case, first, second in zip(cases, before, after, strict=True):
            failed = next((answer for _, answer in (first, second) if isinstance(answer, NoAnswer)), None)
            if failed is not None:
                self._unanswered.append((case.example.id, failed.reason))
                continue
            scored.append(ScoredCase(case, derived(case, self._task), first[1], second[1], vacuous=False))
        self._cases += len(scored)
        return scored

    def _planned_beside(self, cases: Sequence[Case]) -> list[list[Encoded]]:
        """Return the windows that the cases' texts were first planned in."""
        windows = {self._position[case.example.id] // self._size for case in cases if self._is_clean(case.example)}
        foreign = [case.example for case in cases if not self._is_clean(case.example)]
        clean = [self._clean[window * self._size :][: self._size] for window in sorted(windows)]
        return [self.encode([example.inputs for example in window]) for window in (*clean, foreign) if window]

    def _scored(self, cases: list[Case], reloaded: Model | None) -> list[ScoredCase]:
        fitted = self._fitted(cases[0])
        model = fitted or reloaded or self._model
        for case in cases:
            self._score_clean(case.example)
        before = self._before(cases)
        edited = [derived(case, self._task) for case in cases]
        after = model.encode([self._request(derivation.inputs) for derivation in edited])
        # Reuse answers for this window's own examples only, so that batches do not depend on earlier probes.
        answers: dict[str, Response | NoAnswer] = {} if fitted else dict(before)
        asked = [request for request in after if request.key not in answers]
        answers |= self._forward.answers(model, asked, purpose=RELOADED if model is reloaded else "")
        scored = []
        for case, derivation, (key_before, answer), request in zip(cases, edited, before, after, strict=True):
            pair = (answer, answers[request.key])
            failed = next((response for response in pair if isinstance(response, NoAnswer)), None)
            if failed is not None:
                self._unanswered.append((case.example.id, failed.reason))
                continue
            vacuous = fitted is None and bool(case.edits) and key_before == request.key
            self._vacuous += vacuous
            scored.append(ScoredCase(case, derivation, answer, answers[request.key], vacuous))
        self._cases += len(scored)
        return scored

    def _fitted(self, case: Case) -> Model | None:
        """Return the model trained for this case, if any."""
        return None if case.model is self._model else case.model

    def _before(self, cases: list[Case]) -> list[Answered]:
        """Return the answer for each case's unchanged example.

        It comes from the clean examples' answers, or is computed within this window.
        """
        foreign = [case for case in cases if not self._is_clean(case.example)]
        encoded = self._model.encode([self._request(case.example.inputs) for case in foreign])
        answers = self._forward.answers(self._model, encoded)
        asked = iter([(request.key, answers[request.key]) for request in encoded])
        return [self._known[case.example.id] if self._is_clean(case.example) else next(asked) for case in cases]

    def _is_clean(self, example: Example) -> bool:
        index = self._position.get(example.id)
        return index is not None and self._clean[index].inputs == example.inputs

    def _score_clean(self, example: Example) -> None:
        if example.id in self._known or not self._is_clean(example):
            return
        start = self._position[example.id] // self._size * self._size
        window = self._clean[start : start + self._size]
        # A window that did not fit must not shrink the next: the windows scored before depend on the probes.
        self._forward_clean.full()
        encoded = self._model.encode([self._request(clean.inputs) for clean in window])
        answers = self._forward_clean.answers(self._model, encoded)
        for clean, request in zip(window, encoded, strict=True):
            self._known[clean.id] = (request.key, answers[request.key])

    def _request(self, inputs: Inputs) -> Request:
        return self._task.request(inputs)


def _outcome(task: Callable[[], Result]) -> Result | NoAnswer:
    """Return a task's result, or NoAnswer if the model fails."""
    token = _WITHIN_TASK.set(True)
    try:
        return task()
    except NoAnswerError as error:
        return NoAnswer(error.message)
    finally:
        _WITHIN_TASK.reset(token)
