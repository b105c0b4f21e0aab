"""What a user ought to know of the rows of an audit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from auditor import data
from auditor.types import Encoded


def of_rows(
    sets: Mapping[str, data.Dataset], encoded: Mapping[str, Sequence[Encoded]], facts: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    """Say what is cut or left out, a line for each set.

    ``facts``: the data as results name them.
    """
    yield from _all_cut(sets, encoded)
    yield from _last_turns_cut(sets, encoded)
    yield from _nearly_leaked(facts)


def _all_cut(sets: Mapping[str, data.Dataset], encoded: Mapping[str, Sequence[Encoded]]) -> Iterator[str]:
    """The sets of which the model reads no text to its end."""
    for name, rows in encoded.items():
        if all(row.truncated for row in rows):
            read = f"longer than the {max(row.length for row in rows):,} tokens that the model reads"
            what = "the only row" if len(rows) == 1 else f"all {len(rows):,} rows"
            yield f"{what} of {sets[name].path.name} {'is' if len(rows) == 1 else 'are'} {read}"


def _last_turns_cut(sets: Mapping[str, data.Dataset], encoded: Mapping[str, Sequence[Encoded]]) -> Iterator[str]:
    """The sets with dialogues whose last turn alone is too long."""
    for name, rows in encoded.items():
        if last := sum(row.last_turn_cut for row in rows):
            cut = f"{sum(row.truncated for row in rows):,} of {len(rows):,} dialogues of {sets[name].path.name} are cut"
            yield f"{cut} at the beginning of the history, {last:,} of them lose all of it and the end of the last turn"


def _nearly_leaked(facts: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The sets with rows that training has in another spelling."""
    for facts_of_set in facts:
        if count := facts_of_set.get("nearly_leaked", 0):
            rows = f"{count:,} row{'s' if count > 1 else ''} of {Path(facts_of_set['path']).name}"
            differ = "differ from training rows in case, blanks or punctuation alone"
            yield f"{rows} {differ if count > 1 else differ.replace('differ', 'differs', 1)}: left out"
