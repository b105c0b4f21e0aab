"""How data spell labels, and which of a model's labels a spelling may mean."""

from __future__ import annotations

import difflib
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from auditor.errors import DataError

SHOWN = 20
"""An error lists at most so many labels: some tasks have hundreds."""
NUMBER = re.compile(r"-?[0-9]{1,18}")
_WHOLE = re.compile(r"(-?[0-9]+)\.0+")


@dataclass(frozen=True, slots=True)
class Column:
    """The labels of a file as it spells them (``spelled``)."""

    name: str
    rows: Mapping[str, Sequence[int]]
    """Spelling → the rows that have it."""
    where: str = ""
    """The file."""
    classes: tuple[str, ...] = ()
    """What the file calls its numbers, from 0 on; empty where it does not say."""

    def at(self, spelling: str) -> str | None:
        """The place of its first row, for an error; None without a file."""
        return f"{self.where}: row {self.rows[spelling][0]}, column {self.name!r}" if self.where else None

    @property
    def numbers(self) -> bool:
        """Whether every label is a whole number."""
        return bool(self.rows) and all(map(NUMBER.fullmatch, self.rows))


def spelled(value: object) -> str:
    """A cell as a label: JSON's true and false as JSON writes them, 1.0 as 1, no white space around.

    A whole number with ``.0`` is how pandas writes a column of integers with a gap in it.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    word = str(value).strip()
    whole = _WHOLE.fullmatch(word)
    return whole[1] if whole else word


def alike(word: str) -> str:
    """What spellings of one label have in common: case, white space and Unicode's composition left out."""
    return " ".join(unicodedata.normalize("NFC", word).casefold().split())


def by_number(label: str) -> tuple[bool, int, str]:
    """Sorts whole numbers by value and before words. Digits of other scripts are words."""
    number = NUMBER.fullmatch(label) is not None
    return not number, int(label) if number else 0, label


def shown(labels: Sequence[str]) -> str:
    """Labels for an error, the first of many."""
    known = ", ".join(labels[:SHOWN])
    return known if len(labels) <= SHOWN else f"{known}, … ({len(labels)} in all)"


def template(mapping: Mapping[str, str]) -> str:
    """A line of ``[data]`` in audit.toml that maps labels so."""
    pairs = ", ".join(f"{_quoted(spelling)} = {_quoted(label)}" for spelling, label in mapping.items())
    return f"labels = {{ {pairs} }}"


def _quoted(word: str) -> str:
    return json.dumps(word, ensure_ascii=not word.isprintable())


def with_class_names(column: Column) -> Column:
    """The column with the file's names in place of its numbers. Raises DataError for a number without a name."""
    if not column.classes:
        return column
    rows: dict[str, Sequence[int]] = {}
    for spelling, numbers in column.rows.items():
        known = NUMBER.fullmatch(spelling) and 0 <= int(spelling) < len(column.classes)
        if not known and spelling not in column.classes:
            hint = f"its names: {shown(column.classes)}"
            raise DataError(f"the file has no name for {spelling!r}", where=column.at(spelling), hint=hint)
        name = column.classes[int(spelling)] if known else spelling
        rows[name] = sorted((*rows.get(name, ()), *numbers))
    return Column(column.name, rows, column.where)


def names(labels: Iterable[str]) -> dict[str, str]:
    return {label: label for label in labels}


def match(spellings: Iterable[str], keys: Mapping[str, str]) -> dict[str, str]:
    """Spelling → value of the key that it is: the same, or alike where it is like one key alone."""
    exact: dict[str, set[str]] = {}
    near: dict[str, set[str]] = {}
    for key in keys:
        exact.setdefault(spelled(key), set()).add(keys[key])
        near.setdefault(alike(spelled(key)), set()).add(keys[key])
    found = {}
    for spelling in spellings:
        values = exact.get(spelling) or near.get(alike(spelling)) or set()
        if len(values) == 1:
            found[spelling] = next(iter(values))
    return found


def positions(column: Column, labels: Sequence[str]) -> dict[str, str]:
    """Number → label in its place of the model's list; empty unless every number has one."""
    places = {str(number): label for number, label in enumerate(labels)}
    return {one: places[one] for one in column.rows} if column.rows.keys() <= places.keys() else {}


def own_numbers(column: Column, labels: Sequence[str]) -> dict[str, str]:
    """Number → label that names it, as "1 star" does; empty unless each label names another and all are among them."""
    named: dict[str, str] = {}
    for label in labels:
        number = re.search(r"[0-9]{1,18}", label)
        named[number[0] if number else ""] = label
    fits = len(named) == len(labels) and "" not in named and column.rows.keys() <= named.keys()
    return {one: named[one] for one in column.rows} if fits else {}


def proposed(column: Column, labels: Sequence[str]) -> dict[str, str]:
    """A mapping of every label of the column, for a person to check.

    By the labels' own numbers, by name, by position where numbers begin with 0, by likeness, else in order.
    """
    ordered = sorted(column.rows, key=by_number)
    own, known = own_numbers(column, labels), match(ordered, names(labels))
    from_zero = "0" in column.rows or not column.numbers
    places = {str(place): label for place, label in enumerate(labels)} if from_zero else {}
    found = {}
    for place, spelling in enumerate(ordered):
        in_order = labels[min(place * len(labels) // len(ordered), len(labels) - 1)]
        ways = (own.get(spelling), known.get(spelling), places.get(spelling), _like(spelling, labels), in_order)
        found[spelling] = next(label for label in ways if label is not None)
    return found


def _like(spelling: str, labels: Sequence[str]) -> str | None:
    """The label that begins as this one does, where one alone does, or is spelt nearly the same."""
    low = alike(spelling)
    begun = [one for one in labels if alike(one).startswith(low) or low.startswith(alike(one))]
    near = difflib.get_close_matches(spelling, labels, n=1)
    return begun[0] if len(begun) == 1 else next(iter(near), None)
