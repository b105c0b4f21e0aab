"""The rules for the golds that an audit reads from data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from auditor import data, text
from auditor.testing.rules import Rules
from auditor.text import answers, spans
from auditor.types import Example, Task

SET = "row"
"""The name of the rows as a data set: their ids begin with it."""

Rows = Sequence[Mapping[str, Any]]


def read(rules: Rules, task: Task, rows: Rows, columns: Mapping[str, str]) -> tuple[Example, ...]:
    """Return the rows as ``read`` gives them, with and without a label."""
    examples = []
    for number, row in enumerate(rows, start=1):
        with rules.calm("read", f"read of row {number}"):
            inputs, gold = task.read(row, columns)
            without = task.read(row, {field: column for field, column in columns.items() if field != "label"})
        texts = set(inputs) == set(task.fields) and all(isinstance(value, str) for value in inputs.values())
        rules.hold("read", texts, f"row {number} has the inputs {dict(inputs)!r}")
        rules.hold("read", gold is not None, f"row {number} has a label, but no gold")
        rules.hold("read", without == (inputs, None), f"row {number} without its label makes {without!r}")
        examples.append(Example(f"{SET}:{number}", inputs, gold))
    return tuple(examples)


def loaded(
    rules: Rules, task: Task, rows: Rows, columns: Mapping[str, str], examples: Sequence[Example]
) -> tuple[Example, ...]:
    """Return the examples as an audit reads them.

    ``examples``: the same rows as ``read`` gives them. Raises AssertionError where the two differ.
    """
    if task.layout == "rows":
        _check_cells(rules, task, rows, columns["label"])
    with rules.calm("gold", "auditor.data.load of the rows"):
        source = data.source([dict(row) for row in rows], "rows")
        dataset = data.load(source, name=SET, task=task, columns=data.Columns.of(columns))
    of_data = {example.id: example for example in dataset.examples}
    for own in examples:
        # A row that repeats another is left out: its own reading stands for it.
        example = of_data.setdefault(own.id, own)
        said = f"{own.id} has the gold {own.gold!r} from read, but {example.gold!r} from auditor.data.load"
        # Tags of sentences are IOB2 in a file, whatever their scheme in the row.
        same = example.gold is not None if task.layout == "sentences" else _alike(example.gold, own.gold)
        rules.hold("gold", same, said)
        inputs, others = dict(own.inputs), dict(example.inputs)
        rules.hold("read", others == inputs, f"{own.id} has the inputs {inputs}, but {others} from auditor.data.load")
        _check_target(rules, task, example)
    return tuple(of_data[own.id] for own in examples)


def several(task: Task, rows: Rows, columns: Mapping[str, str], examples: Sequence[Example]) -> frozenset[str]:
    """Return the ids of the examples whose cell names several labels."""
    if task.layout == "sentences":
        return frozenset()
    if task.layout == "answers":
        return frozenset(example.id for example in examples if len(example.gold) > 1)
    column = columns["label"]
    pairs = zip(rows, examples, strict=True)
    if "label_sets" in task.offers:
        return frozenset()
    return frozenset(example.id for row, example in pairs if len(set(map(str, task.labels_of(row[column])))) > 1)


def _alike(gold: Any, own: Any) -> bool:
    return type(gold) is type(own) and gold == own


def _check_cells(rules: Rules, task: Task, rows: Rows, column: str) -> None:
    with rules.calm("construction", "calling the class without labels"):
        kind: Any = type(task)
        unlabelled: Task = kind((), {})
    for number, row in enumerate(rows, start=1):
        with rules.calm("labels of a cell", f"labels_of the cell of row {number}"):
            labels, without = list(task.labels_of(row[column])), list(unlabelled.labels_of(row[column]))
        named = any(label is not None and str(label).strip() for label in labels)
        named = named or ("label_sets" in task.offers and not labels)
        rules.hold("labels of a cell", named, f"labels_of names no label for the cell {row[column]!r} of row {number}")
        said = f"row {number} names {labels}, but {without} where the task has no labels yet"
        rules.hold("labels of a cell", labels == without, said)


def _check_target(rules: Rules, task: Task, example: Example) -> None:
    with rules.calm("target", f"target of {example.gold!r}"):
        target = task.target(example.gold)
    if task.layout == "answers":
        places = answers.start_of(example.inputs[task.fields[-1]], target) if target else 0
        rules.hold(
            "target", places >= 0, f"target of {example.id} is {target!r}, which its context does not hold there"
        )
        return
    if task.layout == "rows":
        if "numbers" in task.offers:
            finite = isinstance(target, float) and math.isfinite(target)
            rules.hold("target", finite, f"target of {example.gold!r} is {target!r}, not a finite number")
            return
        several = "label_sets" in task.offers and isinstance(target, tuple)
        known = set(target) <= set(task.labels) if several else isinstance(target, str) and target in task.labels
        rules.hold("target", known, f"target of {example.gold!r} is {target!r}, not one of {', '.join(task.labels)}")
        return
    count = len(text.words_of(example.inputs[task.fields[0]]))
    each = isinstance(target, tuple) and len(target) == count
    rules.hold("target", each, f"target of {example.id} is {target!r}, not a tuple of {count} labels, one per word")
    unknown = [tag for tag in target if (spans.among(tag, task.labels) or tag) not in task.labels]
    rules.hold("target", not unknown, f"target of {example.id} has {unknown}, not among {', '.join(task.labels)}")
