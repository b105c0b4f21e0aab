"""Interactive tasks that run side by side and share the model's batches.

Each task runs in a greenlet that stops when it asks the model something. One task's questions seldom fill a batch;
those of many tasks do.
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
    """State that tasks would change for each other.

    It consists of the global random generators and torch's gradient mode.
    """

    python: Any
    arrays: Any
    tensors: Any
    devices: Any
    gradients: bool

    @classmethod
    def now(cls) -> Surroundings:
        """Return the current state; libraries that are not loaded have none."""
        numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
        return cls(
            random.getstate(),
            numpy.random.get_state() if numpy else None,
            torch.get_rng_state() if torch else None,
            torch.cuda.get_rng_state_all() if torch and torch.cuda.is_initialized() else None,
            torch.is_grad_enabled() if torch else True,
        )

    def restore(self) -> None:
        """Set the recorded state again."""
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
    """Running task: waiting for answers to ``questions``, or finished with ``result``."""

    def __init__(self, task: Callable[[], Any]) -> None:
        self._greenlet = greenlet.greenlet(task)
        self._surroundings: Surroundings | None = None
        self.questions: Sequence[Any] = ()
        self.result: Any = None

    @property
    def finished(self) -> bool:
        return bool(self._greenlet.dead)

    def resume(self, *answers: Any) -> None:
        """Pass answers to the task and run it until it stops.

        It stops when it asks again or has finished. Raises whatever the task raises.
        """
        yielded = self._switched(lambda: self._greenlet.switch(*answers))
        self.questions, self.result = ((), yielded) if self.finished else (yielded, None)

    def stop(self) -> None:
        """Leave the task's ``with`` blocks in its own surroundings."""
        if self._greenlet and not self.finished:
            self._switched(self._greenlet.throw)

    def _switched(self, switch: Callable[[], Any]) -> Any:
        ours = Surroundings.now()
        # The greenlet that reads the next result may differ from the one that read the last.
        self._greenlet.parent = greenlet.getcurrent()
        if self._surroundings is not None:
            self._surroundings.restore()
        try:
            return switch()
        finally:
            self._surroundings = Surroundings.now()
            ours.restore()


def _alone(task: Callable[[], Result]) -> Result:
    """Return the task's result, and undo its changes to the surroundings.

    Tasks that run side by side are treated alike.
    """
    ours = Surroundings.now()
    try:
        return task()
    finally:
        ours.restore()


class Lockstep(Generic[Question, Answer]):
    """Runner of up to ``width`` tasks side by side.

    The same tasks and width give the same batches and so the same bytes.
    """

    def __init__(self, answer: Callable[[Sequence[Question]], Sequence[Answer]], width: int) -> None:
        self._answer = answer
        self._width = width
        self._home: Any = None

    def ask(self, questions: Sequence[Question]) -> Sequence[Answer]:
        """Return the answers to the questions.

        Within a task that runs beside others, this waits until all of them have asked.
        """
        if self._home is None or greenlet.getcurrent().parent is not self._home or not questions:
            return self._answer(questions)
        answers: Sequence[Answer] = self._home.switch(questions)
        return answers

    def run(self, tasks: Iterable[Callable[[], Result]]) -> Iterator[Result]:
        """Yield the tasks' results, in order.

        A task starts as soon as fewer than ``width`` tasks are running.
        """
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
                while lanes and lanes[0].finished:
                    yield lanes.pop(0).result
                self._home = greenlet.getcurrent()
                self._answer_together([lane for lane in lanes if not lane.finished])
        finally:
            for lane in lanes:
                lane.stop()
            self._home = None

    def _start(self, tasks: Iterator[Callable[[], Any]], lanes: list[_Lane]) -> None:
        live = sum(not lane.finished for lane in lanes)
        while live < self._width and (task := next(tasks, None)) is not None:
            lane = _Lane(task)
            lanes.append(lane)
            lane.resume()
            live += not lane.finished

    def _answer_together(self, lanes: Sequence[_Lane]) -> None:
        """Answer the questions of all tasks together, in the tasks' order."""
        if not lanes:
            return
        answers = self._answer([question for lane in lanes for question in lane.questions])
        start = 0
        for lane in lanes:
            end = start + len(lane.questions)
            lane.resume(answers[start:end])
            start = end
