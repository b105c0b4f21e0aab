"""Texts with two marked entities, and the files that have them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from auditor import text
from auditor.errors import DataError
from auditor.types import Edit, FileReader

MARKERS = ("<e1>", "</e1>", "<e2>", "</e2>")
"""Words around the first and the second entity, in the texts that every probe sees."""
_MARK = re.compile(r"</?e[12]>")
OFFSETS = ("e1_start", "e1_end", "e2_start", "e2_end")
"""Columns of characters, from 0; the end is the character after the last."""
TOKENS = ("subj_start", "subj_end", "obj_start", "obj_end")
"""Keys of TACRED's rows: tokens from 0, the end included."""
HINT = "mark both entities: <e1>child</e1> … <e2>cradle</e2>, or give the columns e1_start, e1_end, e2_start, e2_end"


def spaced(marked: str) -> str:
    """Make each mark a word of its own, a blank beside it.

    Raises DataError for a mark that is missing, doubled, nested or around nothing.
    """
    marks = _MARK.findall(marked)
    for mark in MARKERS:
        if marks.count(mark) != 1:
            problem = "has no mark" if mark not in marks else f"has {marks.count(mark)} marks"
            raise DataError(f"{problem} {mark}", hint=HINT)
    if tuple(marks) not in (MARKERS, (*MARKERS[2:], *MARKERS[:2])):
        raise DataError(f"has its marks in the order {' '.join(marks)}", hint="entities must not hold one another")
    apart = text.split(_MARK.sub(lambda mark: f" {mark.group()} ", marked))
    words = apart.words
    for name, (start, end) in _inside(words).items():
        if start == end:
            raise DataError(f"has nothing between {name} and </{name[1:]}", hint=HINT)
    return str(text.Words(words, _one_blank(apart)))


def _one_blank(apart: text.Words) -> tuple[str, ...]:
    """Return the white space around the words, a blank beside each mark."""
    first, *between, last = apart.separators
    pairs = zip(between, pairwise(apart.words), strict=True)
    inner = (" " if before in MARKERS or after in MARKERS else gap for gap, (before, after) in pairs)
    return ("" if apart.words[0] in MARKERS else first, *inner, "" if apart.words[-1] in MARKERS else last)


def _inside(words: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Opening mark → the places [start, end) of its entity's words."""
    return {mark: (words.index(mark) + 1, words.index(f"</{mark[1:]}")) for mark in MARKERS[::2]}


def entities(marked: str) -> dict[str, tuple[int, int]]:
    """Return ``e1`` and ``e2`` → the places [start, end) of their words.

    ``marked``: a text as ``spaced`` gives it.
    """
    return {mark[1:-1]: place for mark, place in _inside(text.words_of(marked)).items()}


def places(marked: str) -> Iterator[int]:
    """Yield the places of both entities' words and of their marks."""
    for start, end in entities(marked).values():
        yield from range(start - 1, end + 1)


def with_marks(marked: str, marks: Sequence[str]) -> str:
    """Write other marks in the place of ``MARKERS``."""
    names = dict(zip(MARKERS, marks, strict=True))
    words = text.split(marked)
    return str(text.Words(tuple(names.get(word, word) for word in words.words), words.separators))


def exchange(marked: str) -> tuple[Edit, ...]:
    """Return the edits that make the first entity the second."""
    names = dict(zip(MARKERS, (*MARKERS[2:], *MARKERS[:2]), strict=True))
    words = text.words_of(marked)
    return tuple(Edit(place, place + 1, (names[word],)) for place, word in enumerate(words) if word in names)


def exchanged(edits: Iterable[Edit]) -> bool:
    """Tell whether edits are those of ``exchange``."""
    written = [word for edit in edits for word in edit.words if word in MARKERS]
    return sorted(written) == sorted(MARKERS)


def arranged(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a row with marks in its text, from offsets or from tokens.

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
    kept = {name: cell for name, cell in row.items() if name not in ("token", *TOKENS)}
    return {"text": " ".join(words), **({"label": kept.pop("relation")} if "relation" in kept else {}), **kept}


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
    """Yield the rows of a JSON file that is a list of objects, as TACRED is."""
    try:
        rows = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DataError(f"is not JSON: {error}") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DataError("is no list of objects", hint='[{"token": [...], "subj_start": 0, …, "relation": "…"}, …]')
    return enumerate(rows, 1)


FILES: Mapping[str, FileReader] = {".txt": _semeval, ".json": _tacred}
"""Ending of a file → reader of its text."""
