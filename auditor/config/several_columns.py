"""Columns that hold a text together, as ``[data] columns`` names them."""

from __future__ import annotations


def in_a_row(value: object) -> object:
    """Return several columns as one name: ``turn1, turn2``.

    Anything but a list stays as it is. Raises ValueError.
    """
    if not isinstance(value, list | tuple):
        return value
    if not value or not all(isinstance(name, str) and name.strip() and "," not in name for name in value):
        raise ValueError("should be a column, or a list of columns without commas in their names")
    return ", ".join(value)
