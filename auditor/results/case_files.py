"""Files of cases: for programs, people and inspect_ai."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from auditor.data.kept_cases import FIELDS, SAME, KeptCase, line_of
from auditor.results.spreadsheets import harmless


def json_lines(cases: Sequence[KeptCase]) -> bytes:
    """Return the cases as ``audit run --cases`` reads them, in ASCII."""
    return _lines([line_of(case) for case in cases])


def inspect_samples(cases: Sequence[KeptCase]) -> bytes:
    """Return the cases as samples of inspect_ai and as documents for lm-evaluation-harness.

    A line has ``id``, ``input`` (the text asked about), ``target`` (the answer that passes, in words) and ``metadata``
    (everything else). A case without a gold has the answer to its text before as its target.
    """
    return _lines([_sample(case) for case in cases])


def _sample(case: KeptCase) -> dict[str, Any]:
    target = case.answer_before if case.expect == SAME else _words(case.gold)
    metadata = {name: value for name, value in line_of(case).items() if name not in ("id", "after")}
    return {"id": case.id, "input": _text(case.after), "target": target, "metadata": metadata}


def _text(inputs: Mapping[str, str]) -> str:
    """Return the texts as one: of several each with its field's name."""
    if len(inputs) == 1:
        return next(iter(inputs.values()))
    return "\n\n".join(f"{name}: {text}" for name, text in inputs.items())


def _words(gold: Any) -> str:
    if isinstance(gold, list) and all(isinstance(word, str) for word in gold):
        return " ".join(gold)
    return gold if isinstance(gold, str) else json.dumps(gold, ensure_ascii=False, sort_keys=True)


def _lines(rows: Sequence[Mapping[str, Any]]) -> bytes:
    return "".join(f"{json.dumps(row, ensure_ascii=True, allow_nan=False)}\n" for row in rows).encode("ascii")


def spreadsheet(cases: Sequence[KeptCase]) -> bytes:
    """Return the cases as CSV, in UTF-8 with a byte-order mark.

    Each text field has a column of its own: ``before.text``, ``after.text``. No cell is a formula, so that the texts
    may differ from those asked about: ``audit run --cases`` reads JSON lines alone.
    """
    texts = list(dict.fromkeys(name for case in cases for name in case.after))
    header = [
        column
        for name in FIELDS
        for column in ([f"{name}.{text}" for text in texts] if name in ("before", "after") else [name])
    ]
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow([harmless(name) for name in header])
    for case in cases:
        line = line_of(case)
        values = [line[first].get(rest, "") if rest else line[first] for first, _, rest in map(_parts, header)]
        writer.writerow([harmless(_cell(value)) for value in values])
    return stream.getvalue().encode("utf-8-sig", "backslashreplace")


def _parts(column: str) -> tuple[str, str, str]:
    return column.partition(".")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False, sort_keys=True) if isinstance(value, dict) else _words(value)
