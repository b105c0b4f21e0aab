"""Whether, and how surely, a model still finds entities that it found: what attacks on named entity recognition work against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from auditor import text
from auditor.text import spans
from auditor.text.spans import Span
from auditor.types import Response, Task

Found = tuple[Span, ...]
"""Entities that there are and that the model finds."""


def found(task: Task, gold: Any, answer: Response) -> Found:
    """The entities of the gold's tags that the answer has with their boundaries and type, in their order."""
    seen = set(spans.spans(tags(task, answer)))
    return tuple(one for one in spans.spans(gold) if one in seen)


def tags(task: Task, answer: Response) -> tuple[str, ...]:
    """The most probable tag of each word."""
    return tuple(task.answer(answer).split())


def surely(task: Task, answer: Response, wanted: Sequence[Span]) -> float:
    """In [0, 1], above one half exactly when all of them are found; by how likely the least likely of their words' tags is."""
    likely = min(
        _likely(task.labels, answer[place], tag)
        for one in wanted
        for place, tag in zip(range(one.start, one.end), spans.tags_of([one], one.end)[one.start :], strict=True)
    )
    # A certain answer with other boundaries is no tie: TextAttack takes the first of equals.
    return (1 + likely) / 2 if set(wanted) <= set(spans.spans(tags(task, answer))) else likely * 0.49


def _likely(labels: Sequence[str], row: Sequence[float], tag: str) -> float:
    """How likely the likeliest of the model's tags is that are of the tag's type, whatever its scheme; 0 without one."""
    return max((float(chance) for label, chance in zip(labels, row, strict=True) if label[1:] == tag[1:]), default=0.0)


def goal(
    task: Task, before: text.Words, texts: Sequence[str], answers: Sequence[Response], wanted: Found
) -> list[list[float]]:
    """Of what a text became and the answers to that: how surely the entities are still found, and how surely not.

    Two scores as of two labels, of which an attack wants the second: the goal that TextAttack's searches work for. 1 and 0
    where the entities cannot be told in a text, so that it is no success.
    """
    found = []
    for after, answer in zip(texts, answers, strict=True):
        moved = spans.followed(wanted, text.origins(before, text.diff(before, text.split(after))))
        held = 1.0 if moved is None or len(moved) < len(wanted) else surely(task, answer, moved)
        found.append([held, 1 - held])
    return found


def words_of(found: Found) -> frozenset[int]:
    """The places of the entities' words."""
    return frozenset(place for one in found for place in range(one.start, one.end))


def broken(
    before: text.Words, gold: Any, edits: Sequence[text.Edit], origins: Sequence[int], *, context_only: bool
) -> bool:
    """Whether edits, which words come from these origins by, took an entity apart; with ``context_only`` also whether they
    touched one of its words.
    """
    entities = spans.spans(gold)
    moved = spans.followed(entities, origins)
    if moved is None or spans.joined(gold, edits):
        return True
    # Whatever an attack took for a word: those of an entity stand as they stood.
    after = text.apply(before, edits)
    return context_only and [_words(before, one) for one in entities] != [_words(after, one) for one in moved]


def _words(words: text.Words, one: Span) -> tuple[str, ...]:
    return words.words[one.start : one.end]
