"""Rows out of scope, as ``[data] out_of_scope`` names them.

It names a label or a file, of all of them or of each of several kinds.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, TypeAlias, TypeVar

from pydantic import AfterValidator, BeforeValidator

Text = TypeVar("Text")
EVERY_KIND = "all"
"""The kind of all rows out of scope, where no kinds of them are named."""
TABLES = (".csv", ".tsv", ".jsonl", ".parquet")
"""Endings of files with rows, which tell a file from a label."""


def not_blank(value: Text) -> Text:
    """Refuse an empty label, or file. Raises ValueError."""
    if isinstance(value, str) and not value.strip():
        raise ValueError("is empty; leave it out instead")
    return value


def _named(value: object) -> object:
    """A label or a file alone stands for every kind."""
    if not isinstance(value, str | Path | dict):
        raise ValueError("should be a label or a file in quotes, or a table of them")
    return {EVERY_KIND: not_blank(value)} if isinstance(value, str | Path) else value


def told_apart(kinds: Mapping[str, str | Path]) -> dict[str, str | Path]:
    """Files as paths, labels as words.

    Raises ValueError for kinds without a name, and for what is named twice.
    """
    written = [str(value) for value in kinds.values()]
    for kind, value in zip(kinds, written, strict=True):
        if not kind.strip() or (kind == EVERY_KIND and len(kinds) > 1):
            raise ValueError(f"names a kind {kind!r}; give each of several kinds a name of its own")
        if written.count(value) > 1:
            raise ValueError(f"names {value!r} twice")
    return {kind: Path(value) if Path(value).suffix.lower() in TABLES else str(value) for kind, value in kinds.items()}


Kinds: TypeAlias = Annotated[
    dict[str, Annotated[str | Path, BeforeValidator(not_blank)]], BeforeValidator(_named), AfterValidator(told_apart)
]
"""Kind of rows out of scope → label or file."""
