"""Kept cases: failing cases of an audit, to be asked again.

A line of their JSONL file is an object with the fields of ``FIELDS``. ``expect`` says what passes: ``right``, the
answer to ``after`` is ``gold``; ``same``, it is the same decision as the answer to ``before``.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from auditor import text
from auditor.data import tables
from auditor.errors import AuditError, DataError, near_match
from auditor.storage.documents import short
from auditor.text import spans
from auditor.types import Facts, Inputs, Slice, Task

FORMAT = "auditor kept case 1"
"""What the field ``format`` of every line says."""
SUFFIX = ".jsonl"
HOW = "audit export-cases writes such a file"
RIGHT: Final = "right"
SAME: Final = "same"


@dataclass(frozen=True, slots=True)
class KeptCase:
    """A case of an audit that can be asked again."""

    id: str
    """Probe and digest of what is asked and expected: the same case has the same id in every audit."""
    task: str
    """Name of the task."""
    model: str
    """The model that was asked."""
    probe: str
    """The probe that made it."""
    slice: Slice
    """What the probe counted it under."""
    example: str
    """Id of the example that it was made of."""
    cluster: str
    """The independent unit."""
    expect: Literal["right", "same"]
    """What passes."""
    before: Inputs
    """Text field → the text as it stood."""
    after: Inputs
    """Text field → the text asked about."""
    gold: Any
    """The right answer to ``after``, as the task's ``dump`` gives it; None without."""
    answer_before: str
    """The model's answer to ``before``, in words."""
    answer_after: str
    """The model's answer to ``after``, in words."""
    facts: Facts
    """What the probe knew of it."""


FIELDS = ("format", *(field.name for field in dataclasses.fields(KeptCase)))
"""Fields of a line, in the order in which they are written."""


def line_of(case: KeptCase) -> dict[str, Any]:
    """Return a case as a line's object."""
    values = {field.name: getattr(case, field.name) for field in dataclasses.fields(case)}
    return {"format": FORMAT, **values}


def read(path: Path, task: Task) -> tuple[KeptCase, ...]:
    """Read a file of kept cases for a task.

    Raises DataError in one line with file, row and field: for a file that is not such a file, a field that is missing
    or of another kind, another task, a gold that the model cannot answer, and two cases of one id. Of files
    joined into one, an example's name may stand for several texts: their clusters are then told apart by the text.
    """
    where = str(path)
    if path.suffix.lower() != SUFFIX and path.exists() and not path.is_dir():
        cells = "; a spreadsheet's cells are not the exact texts" if path.suffix.lower() == ".csv" else ""
        raise DataError(f"kept cases are read from {SUFFIX} files", where=where, hint=f"{HOW}{cells}")
    rows: dict[str, int] = {}
    cases = []
    for number, row in tables.read(path).rows:
        case = _case(row, task, f"{where}: row {number}")
        if case.id in rows:
            problem = f"id {short(case.id)} is that of row {rows[case.id]} too"
            raise DataError(problem, where=f"{where}: row {number}", hint="keep one of the two")
        rows[case.id] = number
        cases.append(case)
    return tuple(_apart(cases))


def _apart(cases: Sequence[KeptCase]) -> Iterable[KeptCase]:
    """Yield the cases with clusters of different texts told apart."""
    texts: dict[tuple[str, str], set[str]] = {}
    for case in cases:
        texts.setdefault((case.probe, case.example), set()).add(_digest(case.before))
    several = {example for (_, example), own in texts.items() if len(own) > 1}
    for case in cases:
        named = f"{_digest(case.before)}:{case.cluster}" if case.example in several else case.cluster
        yield dataclasses.replace(case, cluster=named)


def _digest(inputs: Inputs) -> str:
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode("ascii")).hexdigest()[:12]


def _case(row: Mapping[str, Any], task: Task, where: str) -> KeptCase:
    if row.get("format") != FORMAT:
        told = "has no field 'format'" if "format" not in row else f"format = {short(row['format'])}"
        raise DataError(f"{told}: this is no kept case", where=where, hint=HOW)
    for name in FIELDS:
        if name not in row:
            raise DataError(f"has no field {name!r}", where=where, hint=HOW)
    for name in row:
        if name not in FIELDS:
            hint = near_match(name, FIELDS) or f"known: {', '.join(FIELDS)}"
            raise DataError(f"unknown field {short(name)}", where=where, hint=hint)
    values = {name: _checked(name, row[name], where) for name in FIELDS[1:]}
    case = KeptCase(**values)
    if case.task != task.name:
        raise DataError(f"task = {short(case.task)}, but the audit is of {task.name}", where=where)
    for name in ("before", "after"):
        _check_texts(name, values[name], task, where)
    if case.expect not in (RIGHT, SAME):
        raise DataError(f"expect = {short(case.expect)}", where=where, hint=f"one of {RIGHT}, {SAME}")
    if case.expect == RIGHT:
        _check_gold(case, task, where)
    return case


_OBJECTS = ("slice", "before", "after", "facts")


def _checked(name: str, value: Any, where: str) -> Any:
    """Return a field's value. Raises DataError for another kind of value."""
    if name == "gold":
        return value
    kind: type = dict if name in _OBJECTS else str
    if not isinstance(value, kind):
        wanted = "an object" if kind is dict else "a text"
        raise DataError(f"{name} = {short(value)} should be {wanted}", where=where)
    entries = value.items() if isinstance(value, dict) else [("", value)]
    for key, entry in entries:
        number = name == "facts" and isinstance(entry, int | float) and not isinstance(entry, bool)
        if not isinstance(entry, str) and not number:
            raise DataError(f"{name}.{key} = {short(entry)} should be a text", where=where)
        for word in (key, str(entry)):
            tables.cell(word, where, name)
    return value


def _check_texts(name: str, inputs: Inputs, task: Task, where: str) -> None:
    missing = sorted(set(task.fields) - inputs.keys())
    unknown = sorted(inputs.keys() - set(task.fields))
    if missing or unknown:
        told = f"lacks {missing[0]!r}" if missing else f"has {short(unknown[0])}"
        raise DataError(f"{name} {told}", where=where, hint=f"the task's texts: {', '.join(task.fields)}")


def _check_gold(case: KeptCase, task: Task, where: str) -> None:
    """Refuse a gold that no answer can equal."""
    try:
        gold = task.load(case.gold)
        same = task.dump(gold) == case.gold
    except (AuditError, TypeError, ValueError, LookupError, AttributeError):
        same = False
    if not same or case.gold is None:
        raise DataError(f"gold = {short(case.gold)} is no answer of {task.name}", where=where)
    words = [len(text.words_of(each)) for each in case.after.values()]
    if task.layout == "sentences" and words != [len(gold)]:
        raise DataError(f"gold has {len(gold)} labels, but after has {words[0]} words", where=where)
    try:
        for tag in gold if task.layout == "sentences" else ():
            spans.parts(tag)
        unknown = unknown_label(gold, task)
    except (AuditError, TypeError, ValueError, LookupError) as error:
        raise DataError(f"gold = {short(gold)} is no answer of {task.name}: {error}", where=where) from None
    if unknown is not None:
        hint = near_match(unknown, task.labels) or f"known: {', '.join(task.labels)}"
        raise DataError(f"gold names {short(unknown)}, which is no label of the model", where=where, hint=hint)


def unknown_label(gold: Any, task: Task) -> str | None:
    """Return the first label of a gold that the model lacks.

    Of spans it is their type. None where the model lacks none.
    """
    comparable = task.comparable((gold,))
    known = task.labels if comparable is None else comparable.counted
    if not task.labels:
        return None
    named = [span.type for own in task.gold_spans(gold).values() for span in own]
    label = task.stratum(gold)
    if label is not None:
        named.append(label)
    return next((each for each in named if each not in known), None)
