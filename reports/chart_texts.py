"""Charts in words, for screen readers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reports.formats import in_a_row
from reports.words import later, say

_LINES = {
    "limit": later("Limit {value} {unit}."),
    "edge": later("Limit with its margin {value} {unit}."),
    "chance": later("Chance {value} {unit}."),
}


def described(
    rows: Sequence[tuple[str, Sequence[str | None]]], names: Sequence[str], lines: Mapping[str, str], unit: str
) -> str:
    """Say all numbers of a chart.

    ``rows``: label, and what each model's point says, None if not measured. ``names``: the models. ``lines``: limit,
    edge or chance → its value.
    """
    said = [
        say("{row}: {values}", row=label, values=say("; ").join(map(_point, names, points))) for label, points in rows
    ]
    ends = [say(_LINES[name], value=value, unit=unit) for name, value in lines.items()]
    return in_a_row(sentences(said), *ends)


def _point(name: str, text: str | None) -> str:
    said = say("not measured") if text is None else text
    return f"{name} {said}"


def sentences(texts: Sequence[str]) -> str:
    """Write texts as a row of sentences."""
    return say(". ").join(texts) + say(".")
