"""The check of tasks."""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args

from auditor import tasks
from auditor.models import heads
from auditor.testing import gold_rules, task_rules
from auditor.testing.rules import Rules
from auditor.testing.wrong_labels import wrong_labels
from auditor.text import spans
from auditor.types import AttackRecipe, Example, Extracted, Offer, Response, Task

FEWEST_STEPS = 30
FEWEST_QUERIES = 3


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
            a task with kinds of wrong labels some twenty, so that shares of them are whole labels. With several labels
            in a cell where the task takes them; sentences as words with IOB2 tags.
        labels: The model's labels; None: the class's ``example_labels``.
        columns: Text field, and ``label``, → its column; None: columns that are called so.
        answer: What a model answers that is sure of a gold; None: probabilities of the labels, of the whole or of
            each word, by ``target``.

    Returns:
        The task that was checked.

    Raises:
        AssertionError: For the first rule that is broken: which, by which task, and how to mend it.
    """
    name = getattr(task_class, "name", None) or getattr(task_class, "__name__", repr(task_class))
    rules = Rules(f"task {name}", task_rules.MEND)
    task = _made(rules, task_class, labels)
    _check_facts(rules, task)
    columns = columns or {**{field: field for field in task.fields}, "label": "label"}
    examples = gold_rules.loaded(rules, task, rows, columns, gold_rules.read(rules, task, rows, columns))
    several = gold_rules.several(task, rows, columns, examples)
    sample = _sample(task, examples, several, answer or sure)
    for check in (*task_rules.CHECKS, wrong_labels):
        check(rules, sample)
    return task


def _made(rules: Rules, task_class: Any, labels: Sequence[str] | None) -> Task:
    lacking = [name for name in tasks.CONTRACT if not hasattr(task_class, name)]
    rules.hold("members", not lacking, f"the class lacks {', '.join(lacking)}")
    rules.hold("construction", isinstance(task_class, type), "the task must be a class")
    with rules.calm("construction", "calling the class with labels and a mapping"):
        inspect.signature(task_class).bind((), {})
        task: Task = task_class(tuple(labels or task_class.example_labels), {})
    rules.hold("construction", isinstance(task, Task), "an instance of the class is not an auditor.types.Task")
    given = tuple(labels or task_class.example_labels)
    rules.hold(
        "construction", tuple(task.labels) == given, f"with the labels {given} the task has the labels {task.labels}"
    )
    return task


def _check_facts(rules: Rules, task: Task) -> None:
    words = [task.name, task.metric, task.constant_answer, *([] if task.unit is None else [task.unit])]
    facts: dict[str, object] = {
        "name, metric, constant_answer and unit must be non-empty strings": all(
            isinstance(word, str) and word for word in words
        ),
        "fields must be strings without repetition": task.fields and len(set(task.fields)) == len(task.fields),
        f"offers must be among {', '.join(get_args(Offer))}": task.offers <= set(get_args(Offer)),
        "layout must be rows, sentences or answers": task.layout in ("rows", "sentences", "answers"),
        f"attacks.recipes must be among {', '.join(get_args(AttackRecipe))}, each once": _chosen(task.attacks.recipes),
        "attacks.max_words_changed must be above 0 and at most 1": 0 < task.attacks.max_words_changed <= 1,
        f"attacks.query_budget must be {FEWEST_QUERIES} or more": task.attacks.query_budget >= FEWEST_QUERIES,
        f"steps must be {FEWEST_STEPS} or more": task.steps >= FEWEST_STEPS,
        f"head must be one of {', '.join(heads.names())}": task.head in heads.names(),
        "ratio must be True or False": isinstance(task.ratio, bool),
    }
    for said, holds in facts.items():
        rules.hold("members", holds, said)
    metrics = (*task.detail_metrics, *task.sliced_metrics, *task.averages.whole, *task.averages.sliced)
    once = len({task.metric, *(metric.name for metric in metrics)}) == 1 + len(metrics)
    rules.hold("details", once, "metric, detail_metrics, sliced_metrics and averages must not share a name")
    elsewhere = task.other_domain()
    same = (elsewhere.name, elsewhere.labels, elsewhere.fields) == (task.name, task.labels, task.fields)
    rules.hold("other domain", same, "other_domain() must keep name, labels and fields")


def _chosen(recipes: Sequence[str]) -> bool:
    return 0 < len(recipes) == len(set(recipes)) and set(recipes) <= set(get_args(AttackRecipe))


def _sample(
    task: Task, examples: tuple[Example, ...], several: frozenset[str], answer: Callable[[Task, Any], Response]
) -> task_rules.Sample:
    golds = [example.gold for example in examples]
    right = tuple(answer(task, gold) for gold in golds)
    pairs = zip(golds, right, _others(task, examples), strict=True)
    wrong = tuple(_wrong(task, gold, best, [answer(task, each) for each in others]) for gold, best, others in pairs)
    return task_rules.Sample(task, examples, right, wrong, answer, several)


def _others(task: Task, examples: Sequence[Example]) -> list[list[Any]]:
    """Return other golds for each: wrong labels, where the task makes them."""
    golds = [example.gold for example in examples]
    possible = [corrupt for corrupt in task.corruptions.values() if not corrupt.impossible(examples)]
    made = [corrupt(examples, 1.0, random.Random(0)) for corrupt in possible]
    # One that makes fewer or more than there are is told later, by the rule that it breaks.
    columns = [corrupted for corrupted in made if len(corrupted) == len(golds)]
    if not columns:
        return [[each for each in golds if each != gold] for gold in golds]
    return [[each for each in others if each != gold] for gold, *others in zip(golds, *columns, strict=True)]


def _wrong(task: Task, gold: Any, right: Response, answers: Sequence[Response]) -> Response | None:
    """Return an answer that scores unlike the right one, if any.

    The answer to another gold can be right too, where a gold accepts several. If all score alike, the first; None
    without answers.
    """
    best = task.score(gold, right)
    return next((answer for answer in answers if task.score(gold, answer) != best), answers[0] if answers else None)


def sure(task: Task, gold: Any) -> Response:
    """The answer that is sure of the target of a gold."""
    target = task.target(gold)
    if "numbers" in task.offers:
        return float(target)
    if "label_sets" in task.offers:
        return tuple(0.8 if label in target else 0.2 for label in task.labels)
    if "answers_in_context" in task.offers:
        return (
            Extracted("", 0, 0, 0.1, 0.8)
            if target is None
            else Extracted(target.text, target.word, target.letter, 0.8, 0.1)
        )
    return _sure(task, target) if isinstance(target, str) else tuple(_sure(task, label) for label in target)


def _sure(task: Task, label: str) -> tuple[float, ...]:
    place = task.labels.index(spans.among(label, task.labels) or label)
    rest = 0.2 / max(len(task.labels) - 1, 1)
    return tuple(0.8 if number == place else rest for number in range(len(task.labels)))
