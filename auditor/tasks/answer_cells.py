"""Cells of data that name answers by their places in a context."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from auditor.errors import DataError
from auditor.text import answers
from auditor.types import GoldAnswer

SHOWN = 60
"""The most characters of a value that an error shows."""
FORMS = '{"text": ["…"], "answer_start": [17]}, with empty lists where there is no answer'
"""How a cell names answers."""


def golds(cell: Any, context: str) -> tuple[GoldAnswer, ...]:
    """Return the answers that a cell names, each once.

    Raises DataError for another cell, and for an answer that the context does not have where the cell says.
    """
    begins = answers.starts(context)
    return tuple(dict.fromkeys(_gold(context, *pair, begins) for pair in _pairs(cell)))


def _pairs(cell: Any) -> Iterator[tuple[str, int]]:
    """The text and start of each answer of a cell. Raises DataError."""
    if isinstance(cell, str):
        try:
            cell = json.loads(cell)
        except (ValueError, RecursionError):
            raise DataError(f"{_short(cell)} names no answers", hint=FORMS) from None
    cell = _listed(cell)
    if isinstance(cell, Mapping):
        texts, starts = _listed(cell.get("text")), _listed(cell.get("answer_start"))
        both = [[texts], [starts]] if isinstance(texts, str) else [texts, starts]
        lists = [list(values) for values in both if isinstance(values, list | tuple)]
        if len(lists) < len(both) or len(lists[0]) != len(lists[1]):
            raise DataError(f"{_short(cell)} names no answers", hint=FORMS)
        pairs: list[tuple[Any, Any]] = list(zip(*lists, strict=True))
    elif isinstance(cell, list | tuple) and all(isinstance(answer, Mapping) for answer in cell):
        pairs = [(answer.get("text"), answer.get("answer_start")) for answer in cell]
    else:
        raise DataError(f"{_short(cell)} names no answers", hint=FORMS)
    for text, start in ((text, _listed(start)) for text, start in pairs):
        if not isinstance(text, str) or not text.strip() or type(start) is not int:
            raise DataError(f"{_short({'text': text, 'answer_start': start})} names no answer", hint=FORMS)
        yield text, start


def _listed(value: Any) -> Any:
    """Return an array or a number of numpy as Python's own."""
    return value.tolist() if hasattr(value, "tolist") else value


def _gold(context: str, text: str, start: int, begins: Sequence[int]) -> GoldAnswer:
    """An answer in its place. Raises DataError."""
    there = context[start : start + len(text)] if start >= 0 else ""
    if there != text:
        raise DataError(f"answer_start = {start}: expected {_short(text)}, but {_short(there)} stands there")
    return answers.answer_at(context, start, start + len(text), begins)


def _short(value: object) -> str:
    said = repr(value)
    return said if len(said) <= SHOWN else f"{said[:SHOWN]}…"
