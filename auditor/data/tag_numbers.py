"""Meanings of tags that are numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from auditor.data.tables import Table
from auditor.errors import DataError
from auditor.labels import spellings
from auditor.labels.matching import CLASS, MAPPING, NAME, POSITION, Reading
from auditor.labels.spellings import UNFILLED
from auditor.text import spans
from auditor.text.spans import OUTSIDE

PADDING = "-100"
"""Tag of a word piece without a tag, in training inputs."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """What tags that are numbers may mean.

    They are positions among the model's tags (``known``), or mapped to tags (``mapping``).
    """

    known: tuple[str, ...] = ()
    mapping: Mapping[str, str] = field(default_factory=dict)


def in_words(table: Table, tags: str, numbers: Numbers) -> tuple[Table, Reading]:
    """Return the table with tags as words, and its reading.

    One decision covers all numbers: by the mapping, by the file's names, or by position.
    """
    every = Counter(spellings.spelled(tag) for _, cells in table.rows for tag in listed(cells.get(tags)))
    if not every or not all(numeric(tag) for _, cells in table.rows for tag in listed(cells.get(tags))):
        return table, Reading(tags, NAME)
    names, by = _meanings(table, tags, sorted(every, key=spellings.by_number), numbers)

    def named(value: Any) -> Any:
        return tuple(names[spellings.spelled(tag)] for tag in value) if isinstance(value, list | tuple) else value

    rows = tuple((number, {**cells, tags: named(cells.get(tags))}) for number, cells in table.rows)
    outside = [f"{number} ({every[number]:,} words)" for number, tag in names.items() if tag == OUTSIDE]
    note = f"several numbers are O: {', '.join(outside)}" if len(outside) > 1 else ""
    return replace(table, rows=rows), Reading(tags, by, names, note)


def _meanings(table: Table, tags: str, every: Sequence[str], numbers: Numbers) -> tuple[dict[str, str], str]:
    """Return number → tag, and how that was decided.

    Raises DataError with the mapping to write.
    """
    classes = {str(number): name for number, name in enumerate(table.classes.get(tags, ()))}
    known = {str(number): tag for number, tag in enumerate(numbers.known)}
    mapping = {spellings.spelled(number): tag for number, tag in numbers.mapping.items()}
    ways = ((mapping, MAPPING), (classes, CLASS), (known, POSITION))
    means, by = next(((means, by) for means, by in ways if means), ({}, ""))
    lacking = [number for number in every if number not in means]
    if not lacking:
        return {number: means[number] for number in every}, by
    where = f"{table.path}: column {tags!r}"
    if by == CLASS:
        raise DataError(
            f"the file has no name for {lacking[0]}", where=where, hint=f"its names: {', '.join(classes.values())}"
        )
    problem = f"tags are numbers ({spellings.shown(every)}), but the file does not say what they mean"
    if by == MAPPING:
        problem = f"the tag {lacking[0]} is not mapped"
    elif by == POSITION:
        problem = f"the tag {lacking[0]} is not a position in the model (0 to {len(known) - 1})"
    rows = [tuple(map(spellings.spelled, listed(cells.get(tags)))) for _, cells in table.rows]
    raise DataError(problem, where=where, hint=_hint(every, rows, numbers.known, mapping))


def _hint(every: Sequence[str], rows: Sequence[Sequence[str]], known: Sequence[str], mapping: Mapping[str, str]) -> str:
    """Return a hint with the mapping to write.

    The mapping is whole if one is certain to be consistent; else it comes with the model's tags to choose from.
    """
    if PADDING in every and PADDING not in mapping:
        return f"{PADDING} marks word pieces in training inputs: give whole words and their tags"
    given = {number: mapping[number] for number in every if number in mapping}
    if not known:
        return f"say what each means: [data] {spellings.template({**_guessed(every), **given})}"
    filled = {**dict.fromkeys(every, UNFILLED), **(given or _in_order(every, rows, known))}
    instruction = f"say what each means: [data] {spellings.template(filled)}"
    if UNFILLED not in filled.values():
        return instruction
    tags = spellings.shown([f"{number} = {tag}" for number, tag in enumerate(known)])
    return (
        f"{instruction}; replace each {UNFILLED} by one of the model's tags ({tags}), or by O for a type that it lacks"
    )


def _in_order(every: Sequence[str], rows: Sequence[Sequence[str]], known: Sequence[str]) -> dict[str, str]:
    """Return the model's tags in order, if they fit, else nothing.

    They fit if there are as many tags as numbers and every sentence makes sense.
    """
    names = dict(zip(every, known, strict=False))
    tags = [tuple(names.get(number, "") for number in row) for row in rows]
    if len(every) != len(known):
        return {}
    scheme = spans.scheme(tags)
    return {} if any(spans.illegal(sentence, scheme) for sentence in tags) else names


def _guessed(every: Sequence[str]) -> dict[str, str]:
    """Propose the tags of a new model.

    They are O, then the two tags of each type, whose names are to be filled in.
    """
    return {
        number: f"{'BI'[(place - 1) % 2]}-TYPE{(place + 1) // 2}" if place else OUTSIDE
        for place, number in enumerate(every)
    }


def numeric(tag: Any) -> bool:
    """Whether a tag is a whole number.

    3.0 is one too: pandas writes a column with a gap like that.
    """
    return not isinstance(tag, bool) and isinstance(tag, int | float | str) and spellings.is_number(str(tag))


def listed(value: Any) -> Sequence[Any]:
    """Return a list or tuple as it is, else an empty one."""
    return value if isinstance(value, list | tuple) else ()
