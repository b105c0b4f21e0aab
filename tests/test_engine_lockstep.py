"""Tasks side by side: each as it would be alone, all questions of a step in one batch."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import greenlet
import numpy as np
import pytest
import torch

from auditor.engine.lockstep import Lockstep, Surroundings


class Counting:
    """Answers with the square, and keeps what was asked together."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []

    def __call__(self, questions: Sequence[int]) -> list[int]:
        self.asked.append(list(questions))
        return [one * one for one in questions]


def summing(lockstep: Lockstep[int, int], *steps: Sequence[int]) -> int:
    return sum(sum(lockstep.ask(step)) for step in steps)


def tasks_of(lockstep: Lockstep[int, int], *plans: Sequence[Sequence[int]]) -> list[Callable[[], int]]:
    return [functools.partial(summing, lockstep, *steps) for steps in plans]


def test_what_all_tasks_wait_for_is_one_batch_in_their_order() -> None:
    counting = Counting()
    lockstep = Lockstep(counting, 2)
    found = lockstep.run(tasks_of(lockstep, [[1, 2], [3]], [[4]], [[5], [6]]))
    # The second is over after one step: the third takes its place beside the first.
    assert list(found) == [14, 16, 61]
    assert counting.asked == [[1, 2, 4], [3, 5], [6]]


@pytest.mark.parametrize("width", [1, 2, 3, 50])
def test_results_come_in_order_and_do_not_depend_on_the_width(width: int) -> None:
    lockstep = Lockstep(Counting(), width)
    plans = [[[index, step] for step in range(index * 7 % 5)] for index in range(20)]
    assert list(lockstep.run(tasks_of(lockstep, *plans))) == [sum(i * i + s * s for i, s in steps) for steps in plans]


def test_one_at_a_time_asks_directly() -> None:
    counting = Counting()
    lockstep = Lockstep(counting, 1)
    assert list(lockstep.run(tasks_of(lockstep, [[1], [2]], [[3]]))) == [5, 9]
    assert counting.asked == [[1], [2], [3]]


def test_outside_of_tasks_and_between_results_questions_are_answered_at_once() -> None:
    counting = Counting()
    lockstep = Lockstep(counting, 2)
    assert lockstep.ask([3]) == [9]
    found = lockstep.run(tasks_of(lockstep, [[1]], [[2], [5]], [[4]]))
    assert next(found) == 1
    assert lockstep.ask([7]) == [49]
    assert list(found) == [29, 16]
    assert lockstep.ask([8]) == [64]


def test_no_question_waits_for_nobody() -> None:
    counting = Counting()
    lockstep = Lockstep(counting, 2)
    assert list(lockstep.run(tasks_of(lockstep, [[], [1]], []))) == [1, 0]
    assert list(lockstep.run([])) == []


def test_results_may_be_read_from_another_greenlet_than_before() -> None:
    lockstep = Lockstep(Counting(), 2)
    found = lockstep.run(tasks_of(lockstep, [[1]], [[2], [3]], [[4]]))
    first = next(found)
    rest = greenlet.greenlet(lambda: list(found)).switch()
    assert [first, *rest] == [1, 13, 16]


def drawing(lockstep: Lockstep[int, int], seed: int) -> list[Any]:
    """Draws from every global generator between questions, as attacks do."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    found: list[Any] = []
    for step in range(3):
        with torch.no_grad() if seed % 2 else torch.enable_grad():
            lockstep.ask([step])
            found.append((random.random(), np.random.random(), torch.rand(1).item(), torch.is_grad_enabled()))
    return found


def test_every_task_keeps_its_own_generators_and_gradient_mode() -> None:
    alone = []
    for seed in range(5):
        lockstep = Lockstep(Counting(), 1)
        alone += list(lockstep.run([functools.partial(drawing, lockstep, seed)]))
    before = Surroundings.now()
    random.seed(99)
    np.random.seed(99)
    torch.manual_seed(99)
    expected = random.random(), np.random.random(), torch.rand(1).item()
    random.seed(99)
    np.random.seed(99)
    torch.manual_seed(99)
    lockstep = Lockstep(Counting(), 3)
    assert list(lockstep.run([functools.partial(drawing, lockstep, seed) for seed in range(5)])) == alone
    assert (random.random(), np.random.random(), torch.rand(1).item()) == expected
    assert torch.is_grad_enabled()
    before.restore()


@pytest.mark.parametrize("width", [1, 2])
def test_what_a_task_does_to_its_surroundings_ends_with_it(width: int) -> None:
    def careless() -> float:
        random.seed(1)
        torch.set_grad_enabled(False)
        return random.random()

    random.seed(5)
    expected = random.random()
    random.seed(5)
    list(Lockstep(Counting(), width).run([careless, careless]))
    assert random.random() == expected
    assert torch.is_grad_enabled()


def test_what_a_task_raises_comes_out_and_the_others_leave_their_blocks() -> None:
    lockstep = Lockstep(Counting(), 3)
    left: list[str] = []

    def patient() -> int:
        try:
            lockstep.ask([1])
            return lockstep.ask([2])[0]
        finally:
            left.append("patient")

    def failing() -> int:
        lockstep.ask([3])
        raise LookupError("failing")

    with pytest.raises(LookupError, match="failing"):
        list(lockstep.run([patient, failing, patient]))
    assert left == ["patient", "patient"]
    assert lockstep.ask([2]) == [4]


def test_when_nobody_reads_on_the_tasks_leave_their_blocks() -> None:
    lockstep = Lockstep(Counting(), 2)
    left: list[int] = []

    def patient(number: int) -> int:
        try:
            return sum(lockstep.ask([number])[0] for _ in range(number))
        finally:
            left.append(number)

    found: Iterator[int] = lockstep.run(functools.partial(patient, number) for number in (1, 3, 3))
    assert next(found) == 1
    found.close()  # type: ignore[attr-defined]
    assert left == [1, 3, 3]


def test_libraries_that_are_not_loaded_have_no_state(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.delitem(sys.modules, "torch")
    monkeypatch.delitem(sys.modules, "numpy")
    found = Surroundings.now()
    assert (found.arrays, found.tensors, found.devices, found.gradients) == (None, None, None, True)
    found.restore()


def test_the_generators_of_devices_are_kept_too(monkeypatch: pytest.MonkeyPatch) -> None:
    restored: list[Any] = []
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_rng_state_all", lambda: ["state"])
    monkeypatch.setattr(torch.cuda, "set_rng_state_all", restored.append)
    Surroundings.now().restore()
    assert restored == [["state"]]
