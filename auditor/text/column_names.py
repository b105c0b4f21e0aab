"""Names of columns, compared without case and without blanks around them."""

from __future__ import annotations

from collections.abc import Sequence


def called(names: Sequence[str], header: Sequence[str]) -> list[str]:
    """Return the columns with one of the names, the earliest name first.

    ``names``: in small letters.
    """
    return [column for name in names for column in header if column.strip().casefold() == name]


def sets(names: Sequence[Sequence[str]], header: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the columns of each set of names that are all there.

    Of several columns with a name, the first counts.
    """
    by_name = {column.strip().casefold(): column for column in reversed(header)}
    return [tuple(by_name[name] for name in own) for own in names if all(name in by_name for name in own)]
