"""The rule that a task's kinds of wrong labels are held against."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable, Sequence
from typing import Any

from auditor.testing.rules import Rules
from auditor.testing.task_rules import Sample
from auditor.text import shares, spans
from auditor.types import Task

RATES = (0.0, 0.1, 0.3, 0.7, 1.0)


def _marks(task: Task, golds: Sequence[Any]) -> set[Any]:
    """Spans, or golds of the whole, each with its place."""
    if "labelled_spans" in task.offers:
        return {(number, span) for number, gold in enumerate(golds) for span in spans.spans(gold)}
    return {(number, json.dumps(task.dump(gold), sort_keys=True)) for number, gold in enumerate(golds)}


def wrong_labels(rules: Rules, sample: Sample) -> None:
    """A larger share of wrong labels adds to a smaller one."""
    task, golds = sample.task, [example.gold for example in sample.examples]
    right = _marks(task, golds)
    for kind, corrupt in task.corruptions.items():
        reason = corrupt.impossible([])
        rules.hold("wrong labels", isinstance(reason, str) and reason, f"{kind}: impossible([]) must give a reason")
        refused = corrupt.impossible(sample.examples)
        rules.hold("wrong labels", refused is None, f"{kind}: impossible(rows) must be None, not {refused!r}")
        made = [corrupt(sample.examples, rate, random.Random(3)) for rate in RATES]
        rules.hold("wrong labels", made[0] == golds, f"{kind}: a rate of 0 must change nothing")
        alike = all(
            len(corrupted) == len(golds) and {type(gold) for gold in corrupted} == {type(gold) for gold in golds}
            for corrupted in made
        )
        rules.hold("wrong labels", alike, f"{kind}: the number and type of golds must stay")
        gone, new = ([side(_marks(task, corrupted)) for corrupted in made] for side in (right.difference, _new(right)))
        most = len(gone[-1])
        counts = [len(wrong) for wrong in gone]
        wanted = [shares.nearest(rate, most) for rate in RATES]
        said = f"{kind}: the rates {RATES} make {counts} wrong labels, not {wanted}"
        rules.hold("wrong labels", most and counts == wanted, said)
        nested = all(few <= more for side in (gone, new) for few, more in itertools.pairwise(side))
        rules.hold("wrong labels", nested, f"{kind}: a larger rate must keep the wrong labels of a smaller one")
        again = [corrupt(sample.examples, 0.3, random.Random(seed)) for seed in (3, 4)]
        drawn = again[0] == made[2] != again[1]
        rules.hold("wrong labels", drawn, f"{kind}: the choice of wrong labels must follow from rng alone")


def _new(right: set[Any]) -> Callable[[set[Any]], set[Any]]:
    return lambda marks: marks - right
