"""Files of words with tags → rows that a task reads.

They come with the columns and the reading that were used.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from auditor.data import columns as choosing
from auditor.data import tag_numbers, tokens
from auditor.data.columns import Columns
from auditor.data.in_memory import Source
from auditor.data.tables import Table
from auditor.errors import DataError
from auditor.labels import matching, spellings
from auditor.labels.matching import Reading
from auditor.text import spans
from auditor.text.spans import OUTSIDE
from auditor.types import Inputs, Task

_TAG = re.compile(f"[{spans.PREFIXES}]-(.+)")


@dataclass(frozen=True, slots=True)
class Sentences:
    """A table of words with IOB2 tags."""

    table: Table
    names: Mapping[str, str]
    """``text``, ``label`` and ``group`` → column."""
    reading: Reading
    """Its ``labels`` map number → tag if the tags are numbers, else type → type if types are mapped."""


def read(path: Source, columns: Columns, *, labels: Sequence[str] = (), mapping: Mapping[str, str]) -> Sentences:
    """Read a file of words with tags.

    ``labels``: the model's tags, for tags that are positions among them. Raises DataError for what ``tokens.read``
    refuses, and for missing columns.
    """
    for field_name in columns.fields:
        if field_name != "text":
            raise DataError(
                f"the task has no text field {field_name!r}", where="[data.columns]", hint="its field: text"
            )
    given = (columns.fields.get("text"), columns.label)
    tagged_rows = tokens.read(
        path,
        text=given[0],
        label=given[1],
        repair=columns.repair,
        shared=columns.shared,
        numbers=tag_numbers.Numbers(
            tuple(labels), {key: tag for key, tag in mapping.items() if spellings.is_number(key)}
        ),
    )
    names = dict(zip(("text", "label"), tagged_rows.columns, strict=True))
    if columns.group is not None:
        names["group"] = choosing.given(columns.group, tagged_rows.table)
    kinds = Counter(span.type for _, row in tagged_rows.table.rows for span in spans.spans(row[names["label"]]))
    _check_keys(mapping, kinds)
    reading = tagged_rows.reading
    if reading.by == matching.NAME:
        mapped = {kind: mapping[kind] for kind in sorted(kinds) if kind in mapping}
        reading = replace(reading, by=matching.MAPPING if mapped else reading.by, labels=mapped)
    else:
        meant = zip(reading.labels, spans.renamed(tuple(reading.labels.values()), mapping), strict=True)
        reading = replace(reading, labels=dict(meant))
    notes = [
        f"the file has no column names: its {'last' if name == given[1] else 'first'} column stands for {name!r}"
        for name in tagged_rows.assumed
    ]
    notes = [note for note in (reading.note, *notes, *_outside(kinds, mapping, labels)) if note]
    return Sentences(tagged_rows.table, names, replace(reading, note="; ".join(notes)))


def _check_keys(mapping: Mapping[str, str], kinds: Mapping[str, int]) -> None:
    """Refuse a mapping of tags, such as B-ORG, instead of types."""
    types = {key: match[1] for key in mapping if (match := _TAG.fullmatch(key)) and key not in kinds}
    for key, kind in types.items():
        if kind in kinds and kind not in mapping:
            meant = {types.get(spelling, spelling): label for spelling, label in mapping.items()}
            hint = f"[data] {spellings.template(meant)}"
            raise DataError(f"{key!r} is a tag, but the mapping takes types", where="[data.labels]", hint=hint)


def _outside(kinds: Mapping[str, int], mapping: Mapping[str, str], labels: Sequence[str]) -> Iterator[str]:
    """Describe the entities that are read as O.

    A further note is on types that the model knows all the same.
    """
    dropped = {kind: kinds[kind] for kind in sorted(kinds) if mapping.get(kind) == OUTSIDE}
    if not dropped:
        return
    counts = ", ".join(f"{count:,} {kind}" for kind, count in dropped.items())
    total = sum(dropped.values())
    yield f"{total:,} {'entity is' if total == 1 else 'entities are'} read as O: {counts}"
    known = {kind.casefold() for kind in spans.types(map(spans.typed, labels))}
    for kind in dropped:
        if kind.casefold() in known:
            yield f"the model knows {kind}: its predictions of that type there count as wrong"


def tagged(task: Task, row: Mapping[str, Any], sentences: Sentences, number: int) -> tuple[Inputs, Any]:
    """Return a row as the task reads it.

    An error names the line of the word that the task refuses.
    """
    names, table = sentences.names, sentences.table
    text, label = names["text"], names["label"]
    try:
        return task.read(row, names)
    except DataError:
        for index, (word, tag) in enumerate(zip(row[text], row[label], strict=True)):
            where = f"{table.path}: row {tokens.line_of(table, number, index)}, column {label!r}"
            try:
                task.read({text: (word,), label: (tag,)}, names)
            except DataError as error:
                raise _of_all_types(error, task, sentences).at(where) from None
        raise


def _of_all_types(error: DataError, task: Task, sentences: Sentences) -> DataError:
    """Return one error for all types that the task refuses.

    Its hint holds the mapping to write. Errors that are not about a type are returned as they are.
    """
    text, label = sentences.names["text"], sentences.names["label"]

    def refused(kind: str) -> bool:
        try:
            task.read({text: ("word",), label: (f"B-{kind}",)}, sentences.names)
        except DataError:
            return True
        return False

    every = Counter(span.type for _, row in sentences.table.rows for span in spans.spans(row[label]))
    unknown = [kind for kind in every if refused(kind)]
    if not unknown or spans.PLAIN in unknown:
        return error
    known = tuple(spans.types(task.labels))
    meant = {kind: spans.short_for(kind, known) or OUTSIDE for kind in sorted(unknown)}
    hint = f"map every type that the model lacks: [data] {spellings.template({**task.mapping, **meant})}"
    if OUTSIDE in meant.values():
        hint += "; O drops the entities of a type"
    if len(unknown) == 1:
        near = spans.near_type(unknown[0], known)
        return DataError(error.message, hint=hint if near is None else f"{near} or {hint}")
    counts = spellings.shown([f"{kind} ({every[kind]:,})" for kind in unknown])
    return DataError(f"unknown types {counts}; the model knows {', '.join(known)}", hint=hint)


def shared_among(files: Sequence[Source], columns: Columns) -> Columns:
    """Mark the columns as shared if one of the files has them.

    CoNLL files have no names, so the names may be those of another file.
    """
    if columns.shared or (columns.label is None and "text" not in columns.fields):
        return columns
    return replace(columns, shared=any(tokens.has(path, columns.fields.get("text"), columns.label) for path in files))


def tags_in(
    path: Source, columns: Columns, mapping: Mapping[str, str], others: Sequence[Source] = ()
) -> tuple[str, ...]:
    """Return the tags of a new head.

    They are O, and ``B-`` and ``I-`` of the training file's types, mapped, in alphabetical order. ``others``: files
    that the columns may be named after. Raises DataError for what ``load`` refuses, and for a file without any entity.
    """
    spellings.filled(mapping)
    sentences = read(path, shared_among((path, *others), columns), mapping=mapping)
    label = sentences.names["label"]
    every = {kind for _, row in sentences.table.rows for kind in spans.types(row[label])}
    kinds = {mapping.get(kind, kind) for kind in every} - {OUTSIDE}
    if not kinds:
        reason = f"every type is mapped to O: {', '.join(sorted(every))}" if every else "every word is O"
        raise DataError(f"has no entity: {reason}", where=str(path))
    return (spans.OUTSIDE, *(f"{prefix}-{kind}" for kind in sorted(kinds) for prefix in "BI"))
