"""The check of tasks."""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args

from auditor import tasks
from auditor.models import heads
from auditor.testing import task_rules
from auditor.testing.rules import Rules
from auditor.types import Example, Offer, Response, Task

FEWEST_STEPS = 30


def check_task(
    task_class: Any,
    rows: Sequence[Mapping[str, Any]],
    *,
    labels: Sequence[str] | None = None,
    columns: Mapping[str, str] | None = None,
    answer: Callable[[Task, Any], Response] | None = None,
) -> Task:
    """Check a task by rows, and by right and wrong answers.

    Args:
        task_class: The class: what its module calls ``TASK``.
        rows: Rows as the data have them, each with a label; of two labels or more, so that answers can be wrong. Of
            a task with kinds of wrong labels some twenty, so that shares of them are whole labels.
        labels: The model's labels; None: the class's ``example_labels``.
        columns: Text field, and ``label``, → its column; None: columns that are called so.
        answer: What a model answers that is sure of a gold; None: probabilities of labels, of the whole or of each
            word.

    Returns:
        The task that was checked.

    Raises:
        AssertionError: For the first rule that is broken: which, by which task, and how to mend it.
        TypeError: Where answers to the task cannot be made up: give ``answer``.
    """
    name = getattr(task_class, "name", None) or getattr(task_class, "__name__", repr(task_class))
    rules = Rules(f"task {name}", task_rules.MEND)
    task = _made(rules, task_class, labels)
    _check_facts(rules, task)
    columns = columns or {**{field: field for field in task.fields}, "label": "label"}
    sample = _sample(rules, task, rows, columns, answer or sure)
    for check in task_rules.CHECKS:
        check(rules, sample)
    return task


def _made(rules: Rules, task_class: Any, labels: Sequence[str] | None) -> Task:
    lacking = [name for name in tasks.CONTRACT if not hasattr(task_class, name)]
    rules.hold("members", not lacking, f"its class lacks {', '.join(lacking)}")
    rules.hold("construction", isinstance(task_class, type), "it is no class")
    with rules.calm("construction", "the class, called with labels and a mapping,"):
        inspect.signature(task_class).bind((), {})
        task: Task = task_class(tuple(labels or task_class.example_labels), {})
    rules.hold("construction", isinstance(task, Task), "what its class makes is no auditor.types.Task")
    given = tuple(labels or task_class.example_labels)
    rules.hold("construction", tuple(task.labels) == given, f"made with the labels {given} it has {task.labels}")
    return task


def _check_facts(rules: Rules, task: Task) -> None:
    words = [task.name, task.metric, task.constant_answer, *([] if task.unit is None else [task.unit])]
    facts: dict[str, object] = {
        "name, metric, constant_answer and unit are words": all(isinstance(word, str) and word for word in words),
        "fields are words, each once": task.fields and len(set(task.fields)) == len(task.fields),
        f"offers are of {', '.join(get_args(Offer))}": task.offers <= set(get_args(Offer)),
        "layout is rows or sentences": task.layout in ("rows", "sentences"),
        f"steps are {FEWEST_STEPS} or more": task.steps >= FEWEST_STEPS,
        f"head is one of {', '.join(heads.names())}": task.head in heads.names(),
        "ratio is True or False": isinstance(task.ratio, bool),
    }
    for said, holds in facts.items():
        rules.hold("members", holds, f"it is not so that {said}")
    whole, sliced = ([metric.name for metric in metrics] for metrics in (task.detail_metrics, task.sliced_metrics))
    once = len({task.metric, *whole, *sliced}) == 1 + len(whole) + len(sliced)
    rules.hold("details", once, "a name stands twice among metric, detail_metrics and sliced_metrics")
    elsewhere = task.other_domain()
    same = (elsewhere.name, elsewhere.labels, elsewhere.fields) == (task.name, task.labels, task.fields)
    rules.hold("other domain", same, "other_domain() has another name, labels or fields")


def _sample(
    rules: Rules,
    task: Task,
    rows: Sequence[Mapping[str, Any]],
    columns: Mapping[str, str],
    answer: Callable[[Task, Any], Response],
) -> task_rules.Sample:
    examples = []
    for number, row in enumerate(rows):
        with rules.calm("read", f"read of row {number}"):
            inputs, gold = task.read(row, columns)
            without = task.read(row, {field: column for field, column in columns.items() if field != "label"})
        texts = set(inputs) == set(task.fields) and all(isinstance(value, str) for value in inputs.values())
        rules.hold("read", texts, f"row {number} gives the inputs {dict(inputs)!r}")
        rules.hold("read", gold is not None, f"row {number} has a label and no gold")
        rules.hold("read", without == (inputs, None), f"row {number} without its label gives {without!r}")
        examples.append(Example(f"row:{number}", inputs, gold))
    golds = [example.gold for example in examples]
    right = [answer(task, gold) for gold in golds]
    wrong = [None if gold is None else answer(task, gold) for gold in _others(task, golds)]
    return task_rules.Sample(task, tuple(examples), tuple(right), tuple(wrong), answer)


def _others(task: Task, golds: Sequence[Any]) -> list[Any]:
    """Another gold for each; None where there is none."""
    possible = [corrupt for corrupt in task.corruptions.values() if not corrupt.impossible(golds)]
    made = [corrupt(golds, 1.0, random.Random(0)) for corrupt in possible]
    # One that makes fewer or more than there are is told later, by the rule that it breaks.
    made = [corrupted for corrupted in made if len(corrupted) == len(golds)] or [
        [next((each for each in golds if each != gold), None) for gold in golds]
    ]
    columns = zip(golds, *made, strict=True)
    return [next((each for each in corrupted if each != gold), None) for gold, *corrupted in columns]


def sure(task: Task, gold: Any) -> Response:
    """The answer that is sure of a gold.

    Raises TypeError for a gold that is no label, nor a label for each word.
    """
    if gold in task.labels:
        rest = 0.2 / max(len(task.labels) - 1, 1)
        return tuple(0.8 if label == gold else rest for label in task.labels)
    if isinstance(gold, Sequence) and not isinstance(gold, str) and set(gold) <= set(task.labels):
        return tuple(sure(task, label) for label in gold)
    raise TypeError(f"no answer of {task.name} can be made up for the gold {gold!r}: give one (answer=…)")
