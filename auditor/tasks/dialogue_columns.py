"""Columns of dialogues: lists of turns, several columns, whole dialogues."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from auditor.errors import DataError
from auditor.text import turns
from auditor.text.column_names import called
from auditor.types import Gathering

HISTORY, TURN = "history", "turn"
HISTORIES = (HISTORY, "context", "dialog_history", "previous_turns")
TURNS = (TURN, "utterance", "last_turn", "query", "message", "response", "text")
USUAL = tuple((first, last) for first in HISTORIES for last in TURNS if (first, last) != (HISTORY, TURN))
"""What the two columns are usually called together, beside the fields' own names."""
DIALOGUES = ("dialogue", "dialog", "turns", "utterances", "messages", "conversation")
"""Usual names of a column of whole dialogues, the last turn of which is asked about."""
BEFORE, LAST = "[:-1]", "[-1]"
"""Ends of the names of such a column's parts: ``messages[:-1]`` and ``messages[-1]``."""
TEXTS, SPEAKERS = ("text", "content", "utterance"), ("speaker", "role")
"""Keys of a turn that is an object."""
HINT = '["hello", "how can I help?"], or [{"speaker": "user", "text": "hello"}, …]'
_NUMBERED = re.compile(r"(turn|utterance)_?([1-9][0-9]*)", re.IGNORECASE)
_LISTED = re.compile(r"""\[\s*(["'{]|\]$)""")
_OBJECT = re.compile(r"""\{\s*"[^"]*"\s*:.*\}$""", re.DOTALL)
Cells: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the turns of a field stand."""

    name: str
    """What the column is called in which they are gathered."""
    columns: tuple[str, ...]
    part: str = ""
    """BEFORE, LAST, or empty for all of it."""


def gathering(
    header: Sequence[str], columns: Mapping[str, str], *, speakers: bool
) -> tuple[Mapping[str, str], Gathering]:
    """Return the columns of history and turn, and what fills them.

    As ``Task.gathered``. ``speakers``: whether each turn begins with the name of its speaker.
    """
    columns = _chosen(header, columns)
    places = {field: _place(column, header) for field, column in columns.items()}
    history, last = places.get(HISTORY), places.get(TURN)
    if history is None or last is None:
        return columns, lambda row: row
    if last.columns[-1] in history.columns and (history.part, last.part) != (BEFORE, LAST) and history != last:
        hint = f'name its parts, {HISTORY} = "{last.columns[-1]}{BEFORE}" and {TURN} = "{last.columns[-1]}{LAST}"'
        hint = hint if history.part or last.part else f"leave it out of [data] columns.{HISTORY}"
        raise DataError(f"column {last.columns[-1]!r}: the {HISTORY} holds the {TURN} too", hint=hint)

    def gathered(row: Cells) -> Cells:
        before, turn = _all(row, history, speakers), _last(row, last, speakers)
        if not turn.strip():
            raise DataError(f"column {last.name!r}: the last turn is missing", hint="the model is asked about it")
        return {**row, history.name: turns.joined(before), last.name: turn}

    return {**columns, HISTORY: history.name, TURN: last.name}, gathered


def _chosen(header: Sequence[str], columns: Mapping[str, str]) -> Mapping[str, str]:
    """Return the configured columns, with what usual names tell.

    Raises DataError where they tell several things.
    """
    if columns and (len(columns) > 1 or not columns.keys() <= {HISTORY, TURN}):
        return columns
    fits = [own for own in _usual(header) if columns.items() <= own.items()]
    for field, column in columns.items():
        missing, names = (TURN, TURNS) if field == HISTORY else (HISTORY, HISTORIES)
        fits = fits or [{**columns, missing: name} for name in called(names, header) if name != column]
    if len(fits) > 1:
        told = ", or ".join(f"{own[HISTORY]} and {own[TURN]}" for own in fits)
        hint = f'name them: [data] columns = {{ {HISTORY} = "…", {TURN} = "…" }}'
        raise DataError(f"several columns may be its dialogue: {told}", hint=hint)
    return fits[0] if fits else columns


def _usual(header: Sequence[str]) -> Iterator[dict[str, str]]:
    """Yield each dialogue that the usual names make of the columns."""
    for first in called(HISTORIES, header):
        yield from ({HISTORY: first, TURN: last} for last in called(TURNS, header))
    for whole in called(DIALOGUES, header):
        yield {HISTORY: f"{whole}{BEFORE}", TURN: f"{whole}{LAST}"}
    families: dict[str, dict[int, str]] = {}
    for name in header:
        if match := _NUMBERED.fullmatch(name.strip()):
            families.setdefault(match[1].casefold(), {})[int(match[2])] = name
    for numbered in families.values():
        if len(numbered) > 1 and sorted(numbered) == list(range(1, len(numbered) + 1)):
            *before, last = (numbered[number] for number in sorted(numbered))
            yield {HISTORY: ", ".join(before), TURN: last}


def _place(column: str, header: Sequence[str]) -> _Place | None:
    """Return where a configured column's turns stand.

    None where the file has no such columns.
    """
    for name in (column, f"column {column}"):
        if name in header:
            return _Place(name, (name,))
    for part in (BEFORE, LAST):
        if column.endswith(part) and column.removesuffix(part) in header:
            return _Place(column, (column.removesuffix(part),), part)
    several = tuple(name.strip() for name in column.split(","))
    return _Place(column, several) if set(several) <= set(header) else None


def _all(row: Cells, place: _Place, speakers: bool) -> list[str]:
    """Return the turns of a history. Raises DataError with the column."""
    if len(place.columns) > 1:
        return [_single(row.get(column), column) for column in place.columns]
    (column,) = place.columns
    made = _listed(row.get(column), column, speakers)
    if place.part and not made:
        raise DataError(f"column {column!r}: an empty dialogue", hint=HINT)
    return made[:-1] if place.part == BEFORE else made


def _last(row: Cells, place: _Place, speakers: bool) -> str:
    """Return the turn that is asked about. Raises DataError with the column."""
    column, cell = place.columns[-1], row.get(place.columns[-1])
    if place.part == LAST:
        made = _listed(cell, column, speakers)
        if not made:
            raise DataError(f"column {column!r}: an empty dialogue", hint=HINT)
        return made[-1]
    if isinstance(cell, str) and _OBJECT.match(cell.strip()):
        cell = _object(cell)
    if isinstance(cell, Mapping):
        return _turn(cell, f"column {column!r}: the turn", speakers)
    return _single(cell, column)


def _single(cell: Any, column: str) -> str:
    """Return a cell that holds a turn, "" if it is missing."""
    if isinstance(cell, list | tuple | Mapping):
        kind = "an object" if isinstance(cell, Mapping) else "a list"
        parts = f'{{ {HISTORY} = "{column}{BEFORE}", {TURN} = "{column}{LAST}" }}'
        hint = f"a column of whole dialogues is named in two parts: [data] columns = {parts}"
        raise DataError(f"column {column!r}: {kind}, not a turn", hint=hint)
    if isinstance(cell, bytes):
        try:
            return cell.decode("utf-8")
        except UnicodeDecodeError:
            raise DataError(f"column {column!r}: holds bytes that are not UTF-8 text") from None
    return "" if _missing(cell) else str(cell)


def _missing(cell: Any) -> bool:
    # Parquet and pandas write a missing cell as a number that differs from itself.
    return cell is None or cell != cell


def _listed(cell: Any, column: str, speakers: bool) -> list[str]:
    """Return the turns of a cell: a list, JSON, or lines."""
    if _missing(cell):
        return []
    if isinstance(cell, str):
        if _OBJECT.match(cell.strip()):
            cell = _object(cell)
        elif _LISTED.match(cell.strip()):
            cell = _parsed(cell, column)
    if isinstance(cell, str):
        return cell.splitlines()
    if not isinstance(cell, list | tuple):
        raise DataError(f"column {column!r}: {_short(cell)} is no list of turns", hint=HINT)
    return [_turn(each, f"column {column!r}: turn {number}", speakers) for number, each in enumerate(cell, 1)]


def _object(cell: str) -> Any:
    """Return the turn that a cell writes as a JSON object.

    The cell itself, where it writes something else: a turn may be JSON.
    """
    try:
        read = json.loads(cell)
    except (ValueError, RecursionError):
        return cell
    return read if any(isinstance(read.get(key), str) for key in TEXTS) else cell


def _parsed(cell: str, column: str) -> Any:
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        hint = "write it with json.dumps, as " + HINT
        raise DataError(f"column {column!r}: {_short(cell)} is no JSON list", hint=hint) from None


def _turn(value: Any, where: str, speakers: bool) -> str:
    """Return the text of a turn. Raises DataError for a turn without."""
    if isinstance(value, str):
        return value
    if not isinstance(value, Mapping):
        raise DataError(f"{where}, {_short(value)}, is neither a text nor an object", hint=HINT)
    text = next((value[key] for key in TEXTS if value.get(key) is not None), None)
    if not isinstance(text, str) or not text.strip():
        raise DataError(f"{where} has no text: {_short(value)}", hint=f"under one of the keys {', '.join(TEXTS)}")
    if not speakers:
        return text
    speaker = next((value[key] for key in SPEAKERS if value.get(key) is not None), None)
    if not isinstance(speaker, str) or not speaker.strip():
        hint = f"under one of the keys {', '.join(SPEAKERS)}, or leave [task] speakers out"
        raise DataError(f"{where} has no speaker: {_short(value)}", hint=hint)
    return f"{'_'.join(speaker.split())}: {text}"


def _short(value: Any) -> str:
    told = repr(value)
    return told if len(told) <= 60 else f"{told[:59]}…"
