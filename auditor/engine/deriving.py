"""Consequences of a case's edits.

They are the texts, the gold, whether the label still holds, and the share of words changed.
"""

from __future__ import annotations

import itertools

from auditor import text
from auditor.types import SAME_WORDS, Case, Edited, Task


def derived(case: Case, task: Task) -> Edited:
    """Return a case's edited texts, and what else follows from its edits."""
    example = case.example
    if not case.edits:
        return Edited(example.inputs, example.gold, SAME_WORDS, case.invalid, None)
    inputs, alignment = text.edited(example.inputs, case.edits)
    gold = None if example.gold is None else task.follow(example.gold, alignment)
    invalid = case.invalid or (gold is None and example.gold is not None)
    return Edited(inputs, gold, alignment, invalid, _share_touched(case))


def _share_touched(case: Case) -> float:
    words = case.words
    if words is None:
        words = sum(len(text.words_of(case.example.inputs[field])) for field in case.edits)
    if case.touched is not None:
        return min(1.0, case.touched / words) if words else 0.0
    return text.share_touched(words, itertools.chain.from_iterable(case.edits.values()))
