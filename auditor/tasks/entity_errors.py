"""What predicted entities got wrong, and the flattering counts by token."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal

from auditor.text.spans import overlap
from auditor.types import Detail, Metric, Score, Span

ERRORS = ("boundary", "type", "boundary and type", "missed", "spurious")
"""Right type with other boundaries; right boundaries with another type; neither, and they overlap; nothing there; and,
of what the model sees, what overlaps no entity."""
MEASURES = ("f1", "precision", "recall")
COUNTS_O = "token level, O counted: most words are outside every entity, so this looks better than F1 of entities"


def _ratio(name: str, title: str, better: Literal["higher", "lower"] | None = "higher") -> Metric:
    return Metric(name, title, "mean", "share", 0.0, 1.0, better, ratio=True)


WHOLE = (
    _ratio("precision", "entity-level precision"),
    _ratio("recall", "entity-level recall"),
    _ratio(
        "lenient_f1",
        "F1 as conlleval and seqeval's default count it: I- after O or another type begins an entity "
        "([task] lenient = true reads the model so)",
    ),
)
"""Metrics of a whole sentence's details."""
SLICED = (
    _ratio("type_f1", "F1 by type of entity"),
    _ratio("error_rate", "share of entities by kind of error (spurious: share of predicted entities)", "lower"),
    _ratio("type_recall", "recall by type of entity"),
    _ratio("type_precision", "precision by type of entity"),
    _ratio("token_f1", f"F1 of tags ({COUNTS_O})", None),
    _ratio("token_precision", f"precision of tags ({COUNTS_O})", None),
    _ratio("token_recall", f"recall of tags ({COUNTS_O})", None),
)
"""Metrics by type, by kind of error and by tag."""


def details(
    gold: Sequence[Span], seen: Sequence[Span], types: Sequence[str], tags: Sequence[tuple[str, str]]
) -> Iterator[Detail]:
    """The details of one sentence.

    ``tags``: gold and predicted tag of each word. Precision and recall of the entities; F1, precision and recall of
    each type; of each kind of error, how many of the entities there are (of what the model sees: spurious); of each tag
    F1, precision and recall, O among them.
    """
    agreed = set(gold).intersection(seen)
    yield Detail("precision", {}, Score(float(len(agreed)), float(len(seen))))
    yield Detail("recall", {}, Score(float(len(agreed)), float(len(gold))))
    for kind in types:
        counts = [sum(span.type == kind for span in spans_) for spans_ in (agreed, seen, gold)]
        yield from _three("type", kind, *counts)
    errors = Counter(_errors(gold, seen))
    for name in ERRORS:
        total = len(seen if name == "spurious" else gold)
        yield Detail("error_rate", {"error": name}, Score(float(errors[name]), float(total)))
    for tag in dict.fromkeys(tag for pair in tags for tag in pair):
        yield from _three(
            "token",
            tag,
            sum(right == answer == tag for right, answer in tags),
            sum(answer == tag for _, answer in tags),
            sum(right == tag for right, _ in tags),
            key="tag",
        )


def _three(level: str, name: str, right: int, seen: int, wanted: int, *, key: str = "type") -> Iterator[Detail]:
    yield Detail(f"{level}_f1", {key: name}, Score(2.0 * right, float(seen + wanted)))
    yield Detail(f"{level}_precision", {key: name}, Score(float(right), float(seen)))
    yield Detail(f"{level}_recall", {key: name}, Score(float(right), float(wanted)))


def _errors(gold: Sequence[Span], seen: Sequence[Span]) -> Iterator[str]:
    for span in gold:
        if span in seen:
            continue
        near = [entity for entity in seen if overlap(span, entity)]
        if any(entity[:2] == span[:2] for entity in near):
            yield "type"
        elif any(entity.type == span.type for entity in near):
            yield "boundary"
        else:
            yield "boundary and type" if near else "missed"
    for span in seen:
        if not any(overlap(span, entity) for entity in gold):
            yield "spurious"
