"""Cases, pairs of rows and tables that the page shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reports import spans
from reports.formats import amount, slice_text, words_of
from reports.marks import marked_fields
from reports.words import recorded

WORST = 5
"""Worst cases shown per slice."""
FIRST = 10
"""Rows shown of a table for reviewers; its file has all of them."""
UNSAID = frozenset({"attacked", "claimed", "constant_numerator", "constant_denominator"})
"""Facts that numbers are made of, which say nothing of a case."""
SHARES = frozenset({"words_touched", "confidence"})
"""Facts that are a share."""
CELL = 300
"""Characters shown of a cell."""


def pairs(record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the rows that are alike, by slice; both texts whole."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for pair in record.get("pairs", ()):
        rows = ((pair["example"], pair["texts"]), (pair["twin"], pair["twin_texts"]))
        entry = {
            "likeness": f"{pair['likeness']:.2f}",
            "rows": [
                {"example": example, "fields": [(name if len(texts) > 1 else "", text) for name, text in texts.items()]}
                for example, texts in rows
            ],
        }
        groups.setdefault(slice_text(pair["slice"]), []).append(entry)
    yield from ({"slice": label, "pairs": entries} for label, entries in groups.items())


def tables(record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the first rows of each table for reviewers."""
    for table in record.get("tables", ()):
        yield {
            "title": recorded(table["title"]),
            "file": f"{table['name']}.csv",
            "n": len(table["rows"]),
            "columns": [recorded(words_of(name)) for name in table["columns"]],
            "rows": [[_cell(cell) for cell in row] for row in table["rows"][:FIRST]],
        }


def _cell(cell: str | float) -> str:
    text = f"{cell:.3g}" if isinstance(cell, float) else str(cell)
    return text if len(text) <= CELL else f"{text[:CELL]} …"


def worst(record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a model's worst cases by slice, with the changes marked."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for case in record["worst"]:
        groups.setdefault(slice_text(case["slice"]), []).append(case)
    if groups:
        slices = [{"slice": label, "cases": [_case(case) for case in cases[:WORST]]} for label, cases in groups.items()]
        yield {"model": record["model"], "n": sum(len(entry["cases"]) for entry in slices), "slices": slices}


def _case(case: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "sentences": spans.sentences(case),
        "example": case["example"],
        "fields": _fields(case),
        "changed": case["before"] != case["after"],
        "before": case["answer_before"],
        "after": case["answer_after"],
        "gold": case["gold"],
        "facts": [
            f"{recorded(words_of(name))} {_fact(name, value)}"
            for name, value in case["facts"].items()
            if name not in UNSAID and not (name == "row" and case["example"].endswith(str(value)))
        ],
    }


def _fields(case: Mapping[str, Any]) -> list[dict[str, Any]]:
    """List the texts with their marked parts.

    Of an unchanged case they are those without spans, such as a question.
    """
    fields = marked_fields(case["before"], case["after"])
    if case["before"] != case["after"]:
        return fields
    spanned = {name for marks in case.get("marks", {}).values() for name in marks}
    return [field for name, field in zip(case["before"], fields, strict=True) if name not in spanned]


def _fact(name: str, value: float | str) -> str:
    if not isinstance(value, float):
        return str(value)
    return amount(value, "share") if name in SHARES else f"{value:.4g}"
