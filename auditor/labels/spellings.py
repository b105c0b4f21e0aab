"""How data spell labels, and which of a model's labels a spelling may mean."""

from __future__ import annotations

import difflib
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from auditor.errors import DataError

SHOWN = 20
"""An error lists at most so many labels: some tasks have hundreds."""
NUMBER = re.compile(r"-?[0-9]{1,18}")
UNFILLED = "?"
"""Stands in a proposed mapping for a label that nothing tells; a mapping with it is refused."""
MISTYPED = 0.85
"""Likeness (difflib) of two spellings of one word, at least."""
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
    texts: str = ""
    """The file of the texts, where the labels stand in another one."""

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
    return replace(column, rows=rows, classes=())


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
    named = _numbered(labels)
    return {one: named[one] for one in column.rows} if column.rows.keys() <= named.keys() else {}


def _numbered(labels: Sequence[str]) -> dict[str, str]:
    """Number → the label with this number in its name; empty unless each label has another."""
    named: dict[str, str] = {}
    for label in labels:
        number = re.search(r"[0-9]{1,18}", label)
        named[number[0] if number else ""] = label
    return named if len(named) == len(labels) and "" not in named else {}


def proposed(column: Column, labels: Sequence[str], given: Mapping[str, str] | None = None) -> dict[str, str]:
    """A mapping of every label of the column, to be checked by a person.

    Numbers by one rule for all, words by name or likeness, UNFILLED where nothing tells. No two get the same label, nor one that ``given``, the mapping
    so far, has for another, unless they are words that differ in a letter.
    """
    given = match(column.rows, given or {})
    ordered = [one for one in sorted(column.rows, key=by_number) if one not in given]
    means = _by_one_rule(column, labels) if column.numbers else match(ordered, names(labels))
    taken = {*given.values(), *means.values()}
    if not column.numbers:
        like = {one: _like(one, labels) for one in ordered if one not in means}
        means |= {one: label for one, label in like.items() if label and (label not in taken or _mistyped(one, label))}
    found = dict(given)
    for one in ordered:
        label = means.get(one, UNFILLED)
        others = [other for other, meant in (*given.items(), *means.items()) if meant == label and other != one]
        told_apart = any(column.numbers or not _mistyped(one, other) for other in others)
        found[one] = UNFILLED if told_apart else label
    return {one: found[one] for one in sorted(found, key=by_number)}


def _by_one_rule(column: Column, labels: Sequence[str]) -> dict[str, str]:
    """Number → label: by the labels' own numbers or names, by position, or in order where there are as many of both."""
    # The numbers of default names are positions, which are no names.
    default = list(labels) == [f"LABEL_{place}" for place in range(len(labels))]
    named, known = {} if default else _numbered(labels), match(column.rows, names(labels))
    if named.keys() & column.rows.keys():
        return {one: named[one] for one in column.rows if one in named}
    if known:
        return known
    in_order = dict(zip(sorted(column.rows, key=by_number), labels, strict=False))
    return positions(column, labels) or (in_order if len(column.rows) == len(labels) else {})


def filled(mapping: Mapping[str, str]) -> None:
    """Raise DataError for a mapping as it was proposed, with a place that is not filled in."""
    for spelling, label in mapping.items():
        if label == UNFILLED:
            problem = f"{spelling!r} is mapped to {UNFILLED!r}, which stands for a label to fill in"
            raise DataError(problem, where="[data.labels]", hint="write what it means")


def _like(spelling: str, labels: Sequence[str]) -> str | None:
    """The label that begins as this one does, where one alone does, or is spelt nearly the same."""
    low = alike(spelling)
    begun = [one for one in labels if alike(one).startswith(low) or low.startswith(alike(one))]
    # What stands before a word turns it round: not_spam, irrelevant.
    near = difflib.get_close_matches(low, [one for one in map(alike, labels) if one[:1] == low[:1]], n=1)
    return begun[0] if len(begun) == 1 else next((one for one in labels if alike(one) in near), None)


def _mistyped(spelling: str, label: str) -> bool:
    """Whether they are one word, or nearly."""
    one, other = alike(spelling), alike(label)
    return one[:1] == other[:1] and difflib.SequenceMatcher(None, one, other, autojunk=False).ratio() > MISTYPED
