"""Checks of what a probe yields.

Results files hold words as slices, and words and numbers as facts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from auditor.errors import ProbeError
from auditor.results import spreadsheets
from auditor.storage.documents import short
from auditor.types import ASKED, Case, Finding, Table


def check(item: Case | Finding, probe: str) -> None:
    """Check what a probe yields before anything is made of it.

    Raises ProbeError for a slice that is not words to words, for a fact that is neither a word nor a finite number, for
    edits of a text field that the example lacks, for edits of a text that is asked about once more, and for a table
    that no file can hold.
    """
    where = f"probe {probe}"
    if isinstance(item, Table):
        _check_table(item, where)
        return
    _check_slice(item.slice, where)
    if isinstance(item, Case):
        for name, fact in item.facts.items():
            if not is_fact(fact):
                hint = f"use {int(fact)}" if isinstance(fact, bool) else "use a word or a finite number"
                raise ProbeError(f"the fact {name!r} of a case is {short(fact)}", where=where, hint=hint)
        if item.asked is not None and (item.edits or item.asked not in ASKED):
            what = "about an edited text" if item.edits else "in a way that there is not"
            hint = "leave edits empty" if item.edits else f"use one of {', '.join(ASKED)}"
            raise ProbeError(f"asks again ({item.asked!r}) {what}", where=where, hint=hint)
        for field in item.edits:
            if field not in item.example.inputs:
                fields = ", ".join(map(repr, item.example.inputs))
                raise ProbeError(f"edits the text field {field!r}", where=where, hint=f"the example has: {fields}")


def is_fact(fact: object) -> bool:
    """Whether a value is a word or a finite number."""
    if isinstance(fact, bool):
        return False
    return isinstance(fact, str) or (isinstance(fact, int | float) and math.isfinite(fact))


def _check_slice(slice_: object, where: str) -> None:
    if not isinstance(slice_, Mapping):
        raise ProbeError(f"a slice is {short(slice_)}", where=where, hint='such as {"family": "typos"}')
    for key, value in slice_.items():
        if not isinstance(key, str) or not isinstance(value, str):
            problem = f"a slice holds {key!r}: {short(value)}"
            raise ProbeError(problem, where=where, hint=f"keys and values are words: {str(key)!r}: {str(value)!r}")


def _check_table(table: Table, where: str) -> None:
    problem = spreadsheets.problem_of(table)
    if problem is None and not all(is_fact(cell) for row in table.rows for cell in row):
        problem = "has a cell that is neither a word nor a finite number"
    if problem is not None:
        raise ProbeError(f"a table {problem}", where=where, hint="see Table in the reference of the probe API")
