"""SQuAD's JSON, of version 1.1 and 2.0.

It holds articles, their paragraphs, and questions on each paragraph.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from auditor.errors import DataError
from auditor.types import FileReader

COLUMNS = ("id", "title", "context", "question", "answers")
"""Columns of its rows, named as ``datasets`` names them."""
HINT = "a file with one object per line ends in .jsonl"
IMPOSSIBLE = "is_impossible"


def _squad(content: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield a row for each question, counted from 1.

    Raises DataError for what is no JSON, or is laid out otherwise, and for a question that is said to be impossible but
    has answers.
    """
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DataError(f"is not JSON: {error}", hint=HINT) from None
    if not isinstance(document, dict) or not isinstance(document.get("data"), list):
        raise DataError("is JSON, but not SQuAD's: it has no list 'data'", hint=HINT)
    return enumerate(_questions(document["data"]), start=1)


def _questions(articles: list[Any]) -> Iterator[Mapping[str, Any]]:
    for number, article in enumerate(articles, start=1):
        place = f"article {number}"
        for at, paragraph in enumerate(_listed(article, "paragraphs", place), start=1):
            own = f"{place}, paragraph {at}"
            for which, question in enumerate(_listed(paragraph, "qas", own), start=1):
                asked = f"{own}, question {which}"
                answers = _listed(question, "answers", asked)
                if question.get(IMPOSSIBLE) is True and answers:
                    problem = f"{asked}: {IMPOSSIBLE} is true, but it has {len(answers)} answers"
                    raise DataError(problem, hint="leave out one of the two")
                given = {**article, **paragraph, **question}
                yield {name: given.get(name) for name in COLUMNS}


def _listed(entry: Any, name: str, place: str) -> list[Any]:
    """Return the list of that name in an object. Raises DataError."""
    if not isinstance(entry, dict) or not isinstance(entry.get(name), list):
        raise DataError(f"{place}: has no list {name!r}", hint="is it SQuAD's JSON?")
    values: list[Any] = entry[name]
    return values


FILES: Mapping[str, FileReader] = {".json": _squad}
