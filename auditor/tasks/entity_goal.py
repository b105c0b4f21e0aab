"""Goal of attacks on named entity recognition: entities that are still found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from auditor import text
from auditor.text import spans
from auditor.types import Edits, Example, Goal, Inputs, Response, Span

if TYPE_CHECKING:
    from auditor.tasks.ner import NamedEntityRecognition

FIELD = "text"


def goal(task: NamedEntityRecognition, example: Example, before: Response) -> Goal | None:
    """Whether the entities found before are still found, and how surely.

    None where none is found before. The scores of an edited text in which the entities cannot be told are those of a
    certain success for the model: an attack gains nothing there.
    """
    wanted = task.spans_found(example, before)
    if not wanted:
        return None
    words = text.split(example.inputs[FIELD])

    def scores(inputs: Inputs, response: Response, edits: Edits | None = None) -> tuple[float, ...]:
        changes = text.diff(words, text.split(inputs[FIELD])) if edits is None else edits.get(FIELD, ())
        moved = spans.followed(wanted, text.origins(words, changes))
        held = 1.0 if moved is None or len(moved) < len(wanted) else confidence(task, response, moved)
        return held, 1.0 - held

    return scores


def confidence(task: NamedEntityRecognition, response: Response, wanted: Sequence[Span]) -> float:
    """In [0, 1], above one half exactly while all entities are found.

    By the least likely tag of their words.
    """
    likely = min(
        _likely(task.labels, response[place], tag)
        for entity in wanted
        for place, tag in zip(
            range(entity.start, entity.end), spans.tags_of([entity], entity.end)[entity.start :], strict=True
        )
    )
    # Scale down a confident but wrong answer: TextAttack keeps the first of equally scored candidates.
    return (1 + likely) / 2 if set(wanted) <= set(task.entities(response)) else likely * 0.49


def _likely(labels: Sequence[str], row: Sequence[float], tag: str) -> float:
    """The probability of the likeliest tag of the same type.

    Whatever the model's scheme; 0 without such a tag.
    """
    return max((float(chance) for label, chance in zip(labels, row, strict=True) if label[1:] == tag[1:]), default=0.0)
