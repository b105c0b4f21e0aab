"""Rows and files of relations: offsets, tokens, SemEval-2010 and TACRED."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from auditor.errors import DataError
from auditor.text.marked_entities import HINT, MARKERS
from auditor.types import FileReader

OFFSETS = ("e1_start", "e1_end", "e2_start", "e2_end")
"""Columns of characters, from 0; the end is the character after the last."""
TOKENS = ("subj_start", "subj_end", "obj_start", "obj_end")
"""Keys of TACRED's rows: tokens from 0, the end included."""


def arranged(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a row with marks, made of offsets or of tokens.

    Any other row is returned as it is. Raises DataError for offsets that are no places of the text.
    """
    if all(name in row for name in OFFSETS):
        return _from_offsets(row)
    if "token" in row and all(name in row for name in TOKENS):
        return _from_tokens(row)
    return row


def _from_offsets(row: Mapping[str, Any]) -> Mapping[str, Any]:
    field = next((name for name in ("text", "sentence") if name in row), None)
    if field is None:
        raise DataError("has offsets but no column called text or sentence", hint=HINT)
    content = str(row[field])
    ends = _whole(row, OFFSETS)
    if any(not 0 <= start < end <= len(content) for start, end in (ends[:2], ends[2:])):
        named = ", ".join(f"{name} {end}" for name, end in zip(OFFSETS, ends, strict=True))
        raise DataError(f"{named}: no places of a text of {len(content)} characters", hint="ends are exclusive, from 0")
    _check_apart(ends)
    cuts = sorted(zip(ends, MARKERS, strict=True))
    parts = [content[: cuts[0][0]]]
    for (place, mark), (after, _) in pairwise([*cuts, (len(content), "")]):
        parts += [mark, content[place:after]]
    return {**{name: cell for name, cell in row.items() if name not in OFFSETS}, field: "".join(parts)}


def _from_tokens(row: Mapping[str, Any]) -> Mapping[str, Any]:
    tokens = row["token"]
    if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
        raise DataError("'token' is no list of texts")
    places = _whole(row, TOKENS)
    ends = [places[0], places[1] + 1, places[2], places[3] + 1]
    if any(not 0 <= start < end <= len(tokens) for start, end in (ends[:2], ends[2:])):
        named = ", ".join(f"{name} {place}" for name, place in zip(TOKENS, places, strict=True))
        raise DataError(f"{named}: no places of {len(tokens)} tokens", hint="ends are inclusive, from 0")
    _check_apart(ends)
    before: dict[int, list[str]] = {ends[0]: [MARKERS[0]], ends[2]: [MARKERS[2]]}
    after = {ends[1] - 1: [MARKERS[1]], ends[3] - 1: [MARKERS[3]]}
    words = [
        word for place, token in enumerate(tokens) for word in (*before.get(place, ()), token, *after.get(place, ()))
    ]
    kept = {name: cell for name, cell in row.items() if name not in ("token", "relation", *TOKENS)}
    return {**kept, "text": " ".join(words), **({"label": row["relation"]} if "relation" in row else {})}


def _whole(row: Mapping[str, Any], names: Sequence[str]) -> list[int]:
    """Return the whole numbers of these columns. Raises DataError."""
    numbers = []
    for name in names:
        try:
            numbers.append(int(str(row[name])))
        except ValueError:
            raise DataError(f"{name} {row[name]!r} is no whole number") from None
    return numbers


def _check_apart(ends: Sequence[int]) -> None:
    if ends[0] < ends[3] and ends[2] < ends[1]:
        raise DataError(f"the entities [{ends[0]}, {ends[1]}) and [{ends[2]}, {ends[3]}) overlap", hint=HINT)


def _semeval(content: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the rows of a file of SemEval-2010.

    Each is a number and a quoted text, then the relation, a comment, and an empty line.
    """
    lines = [*content.split("\n"), ""]
    start = 0
    for number, line in enumerate(lines):
        if line.strip():
            continue
        block = [part.rstrip("\r") for part in lines[start:number]]
        if block:
            yield start + 1, _semeval_row(block, start + 1)
        start = number + 1


def _semeval_row(block: Sequence[str], number: int) -> Mapping[str, Any]:
    _, _, quoted = block[0].partition("\t")
    if not quoted or len(block) < 2:
        hint = "a number, a tab and the text in quotes; below it the relation, such as Cause-Effect(e1,e2)"
        raise DataError(f"row {number}: is no text with its relation in SemEval's format", hint=hint)
    return {"text": quoted.strip().removeprefix('"').removesuffix('"'), "label": block[1].strip()}


def _tacred(content: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the rows of a JSON list of objects, as TACRED is."""
    try:
        rows = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DataError(f"is not JSON: {error}") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DataError("is no list of objects", hint='[{"token": [...], "subj_start": 0, …, "relation": "…"}, …]')
    return enumerate(rows, 1)


FILES: Mapping[str, FileReader] = {".txt": _semeval, ".json": _tacred}
"""Ending of a file → reader of its text."""
