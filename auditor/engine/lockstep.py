"""Tasks that ask a model as they go, side by side: what all of them wait for is one batch.

Each task runs in a greenlet that stops when it asks. One task's questions seldom fill a batch; those of many do.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import greenlet

Question = TypeVar("Question")
Answer = TypeVar("Answer")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What tasks would take from each other: the global random generators and torch's gradient mode."""

    python: Any
    arrays: Any
    tensors: Any
    devices: Any
    gradients: bool

    @classmethod
    def now(cls) -> Surroundings:
        """As they are. A library that is not loaded has no state yet."""
        numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
        return cls(
            random.getstate(),
            numpy.random.get_state() if numpy else None,
            torch.get_rng_state() if torch else None,
            torch.cuda.get_rng_state_all() if torch and torch.cuda.is_initialized() else None,
            torch.is_grad_enabled() if torch else True,
        )

    def restore(self) -> None:
        numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
        random.setstate(self.python)
        if numpy and self.arrays is not None:
            numpy.random.set_state(self.arrays)
        if torch and self.tensors is not None:
            torch.set_rng_state(self.tensors)
            torch.set_grad_enabled(self.gradients)
        if torch and self.devices is not None:
            torch.cuda.set_rng_state_all(self.devices)


class _Lane:
    """One task: waiting for the answers to ``questions``, or over with ``result``."""

    def __init__(self, task: Callable[[], Any]) -> None:
        self._greenlet = greenlet.greenlet(task)
        self._surroundings: Surroundings | None = None
        self.questions: Sequence[Any] = ()
        self.result: Any = None

    @property
    def over(self) -> bool:
        return bool(self._greenlet.dead)

    def go_on(self, *answers: Any) -> None:
        """Until it asks again or is over; whatever it raises comes out here."""
        found = self._switched(lambda: self._greenlet.switch(*answers))
        self.questions, self.result = ((), found) if self.over else (found, None)

    def stop(self) -> None:
        """Leave its ``with`` blocks in its own surroundings."""
        if self._greenlet and not self.over:
            self._switched(self._greenlet.throw)

    def _switched(self, switch: Callable[[], Any]) -> Any:
        ours = Surroundings.now()
        # Whoever reads the results next need not be who read the last one.
        self._greenlet.parent = greenlet.getcurrent()
        if self._surroundings is not None:
            self._surroundings.restore()
        try:
            return switch()
        finally:
            self._surroundings = Surroundings.now()
            ours.restore()


def _alone(task: Callable[[], Result]) -> Result:
    """Its result; what it did to its surroundings is undone, as it is for tasks side by side."""
    ours = Surroundings.now()
    try:
        return task()
    finally:
        ours.restore()


class Lockstep(Generic[Question, Answer]):
    """Runs up to ``width`` tasks side by side. Same tasks and width: same batches, same bytes."""

    def __init__(self, answer: Callable[[Sequence[Question]], Sequence[Answer]], width: int) -> None:
        self._answer = answer
        self._width = width
        self._home: Any = None

    def ask(self, questions: Sequence[Question]) -> Sequence[Answer]:
        """Answers now; within a task that runs beside others, once all of them wait."""
        if self._home is None or greenlet.getcurrent().parent is not self._home or not questions:
            return self._answer(questions)
        answers: Sequence[Answer] = self._home.switch(questions)
        return answers

    def run(self, tasks: Iterable[Callable[[], Result]]) -> Iterator[Result]:
        """The tasks' results in their order. A task starts as soon as fewer than ``width`` are under way."""
        if self._width == 1:
            for task in tasks:
                yield _alone(task)
            return
        waiting = iter(tasks)
        lanes: list[_Lane] = []
        try:
            while True:
                self._home = greenlet.getcurrent()
                self._start(waiting, lanes)
                if not lanes:
                    return
                while lanes and lanes[0].over:
                    yield lanes.pop(0).result
                self._home = greenlet.getcurrent()
                self._answered([lane for lane in lanes if not lane.over])
        finally:
            for lane in lanes:
                lane.stop()
            self._home = None

    def _start(self, tasks: Iterator[Callable[[], Any]], lanes: list[_Lane]) -> None:
        live = sum(not lane.over for lane in lanes)
        while live < self._width and (task := next(tasks, None)) is not None:
            lane = _Lane(task)
            lanes.append(lane)
            lane.go_on()
            live += not lane.over

    def _answered(self, lanes: Sequence[_Lane]) -> None:
        """One batch of all questions, in the tasks' order."""
        if not lanes:
            return
        answers = self._answer([question for lane in lanes for question in lane.questions])
        start = 0
        for lane in lanes:
            end = start + len(lane.questions)
            lane.go_on(answers[start:end])
            start = end
