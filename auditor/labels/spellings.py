"""Spellings of labels in data, and the labels that they may mean."""

from __future__ import annotations

import difflib
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from auditor.errors import ConfigError, DataError, near_match

SHOWN = 20
"""The most labels that an error lists: some tasks have hundreds."""
NUMBER = re.compile(r"-?[0-9]{1,18}")
UNFILLED = "?"
"""Placeholder for an unknown label in a proposed mapping; a mapping that still has it is refused."""
MISTYPED = 0.85
"""The least similarity (difflib) of two spellings of one word."""
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
    """The file's names for its numbers, from 0 on; empty if it has none."""
    texts: str = ""
    """The file of the texts, if the labels are in another one."""

    def at(self, spelling: str) -> str | None:
        """Return the place of a spelling's first row, for an error.

        The result is None without a file.
        """
        return f"{self.where}: row {self.rows[spelling][0]}, column {self.name!r}" if self.where else None

    @property
    def numbers(self) -> bool:
        """Whether every label is a whole number."""
        return bool(self.rows) and all(map(NUMBER.fullmatch, self.rows))


def is_number(word: str) -> bool:
    """Whether a label is a whole number, also with ``.0``."""
    return NUMBER.fullmatch(spelled(word)) is not None


def spelled(value: object) -> str:
    """Return a cell as a label.

    JSON's true and false are as JSON writes them, 1.0 is 1, and white space around the label goes. pandas writes a
    column of whole numbers with ``.0`` if the column has a gap.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    word = str(value).strip()
    whole = _WHOLE.fullmatch(word)
    return whole[1] if whole else word


def alike(word: str) -> str:
    """Return what the spellings of one label have in common.

    Case, white space and Unicode's composition are left out.
    """
    return " ".join(unicodedata.normalize("NFC", word).casefold().split())


def by_number(label: str) -> tuple[bool, int, str]:
    """Return a sort key: whole numbers by value, then words.

    Digits of other scripts are words.
    """
    number = NUMBER.fullmatch(label) is not None
    return not number, int(label) if number else 0, label


def shown(labels: Sequence[str]) -> str:
    """Return labels for an error, the first of many."""
    known = ", ".join(labels[:SHOWN])
    return known if len(labels) <= SHOWN else f"{known}, … ({len(labels)} in all)"


def template(mapping: Mapping[str, str]) -> str:
    """Return the line of ``[data]`` in audit.toml for a mapping."""
    pairs = ", ".join(f"{_quoted(spelling)} = {_quoted(label)}" for spelling, label in mapping.items())
    return f"labels = {{ {pairs} }}"


def _quoted(word: str) -> str:
    return json.dumps(word, ensure_ascii=not word.isprintable())


def with_class_names(column: Column) -> Column:
    """Return the column with the file's names for its numbers.

    Raises DataError for a number without a name.
    """
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
    """Return the mapping of each label to itself."""
    return {label: label for label in labels}


def match(spellings: Iterable[str], keys: Mapping[str, str]) -> dict[str, str]:
    """Return spelling → value of the key that it matches.

    A spelling matches the same key, else one key that is alike. It is left out if its matches have several values.
    """
    exact: dict[str, set[str]] = {}
    near: dict[str, set[str]] = {}
    for key in keys:
        exact.setdefault(spelled(key), set()).add(keys[key])
        near.setdefault(alike(spelled(key)), set()).add(keys[key])
    matches = {}
    for spelling in spellings:
        values = exact.get(spelling) or near.get(alike(spelling)) or set()
        if len(values) == 1:
            matches[spelling] = next(iter(values))
    return matches


def positions(column: Column, labels: Sequence[str]) -> dict[str, str]:
    """Return number → label at its position in the model's list.

    The result is empty unless every number has a label.
    """
    places = {str(number): label for number, label in enumerate(labels)}
    return {number: places[number] for number in column.rows} if column.rows.keys() <= places.keys() else {}


def own_numbers(column: Column, labels: Sequence[str]) -> dict[str, str]:
    """Return number → label that names it, as "1 star" does.

    The result is empty unless each label names another number and all numbers of the column are among them.
    """
    named = _numbered(labels)
    return {number: named[number] for number in column.rows} if column.rows.keys() <= named.keys() else {}


def _numbered(labels: Sequence[str]) -> dict[str, str]:
    """Return number → the label with this number in its name.

    The result is empty unless each label has another number.
    """
    named: dict[str, str] = {}
    for label in labels:
        number = re.search(r"[0-9]{1,18}", label)
        named[number[0] if number else ""] = label
    return named if len(named) == len(labels) and "" not in named else {}


def proposed(column: Column, labels: Sequence[str], given: Mapping[str, str] | None = None) -> dict[str, str]:
    """Propose a mapping of every label, for a person to check.

    Numbers are mapped by one rule for all, words by name or likeness; UNFILLED stands for an unknown label. No two
    spellings get the same label, and none gets one that ``given``, the mapping so far, has for another, unless they are
    words that differ in a letter.
    """
    given = match(column.rows, given or {})
    ordered = [spelling for spelling in sorted(column.rows, key=by_number) if spelling not in given]
    means = _by_one_rule(column, labels) if column.numbers else match(ordered, names(labels))
    taken = {*given.values(), *means.values()}
    if not column.numbers:
        like = {spelling: _like(spelling, labels) for spelling in ordered if spelling not in means}
        means |= {
            spelling: label
            for spelling, label in like.items()
            if label and (label not in taken or _mistyped(spelling, label))
        }
    mapping = dict(given)
    for spelling in ordered:
        label = means.get(spelling, UNFILLED)
        rivals = [rival for rival, meant in (*given.items(), *means.items()) if meant == label and rival != spelling]
        ambiguous = any(column.numbers or not _mistyped(spelling, rival) for rival in rivals)
        mapping[spelling] = UNFILLED if ambiguous else label
    return {spelling: mapping[spelling] for spelling in sorted(mapping, key=by_number)}


def _by_one_rule(column: Column, labels: Sequence[str]) -> dict[str, str]:
    """Return number → label, by one rule for all numbers.

    The rule is the labels' own numbers or names, the position, or the order if there are as many numbers as labels.
    """
    # The numbers in default names are positions, not names.
    default = list(labels) == [f"LABEL_{place}" for place in range(len(labels))]
    named, known = {} if default else _numbered(labels), match(column.rows, names(labels))
    if named.keys() & column.rows.keys():
        return {number: named[number] for number in column.rows if number in named}
    if known:
        return known
    in_order = dict(zip(sorted(column.rows, key=by_number), labels, strict=False))
    return positions(column, labels) or (in_order if len(column.rows) == len(labels) else {})


def filled(mapping: Mapping[str, str]) -> None:
    """Refuse a proposed mapping that is not filled in.

    Raises DataError.
    """
    for spelling, label in mapping.items():
        if label == UNFILLED:
            problem = f"{spelling!r} is mapped to {UNFILLED!r}, which is a placeholder to fill in"
            raise DataError(problem, where="[data.labels]", hint="write what it means")


def _like(spelling: str, labels: Sequence[str]) -> str | None:
    """Return the label that resembles a spelling, or None.

    Either it alone begins like the spelling, or it is spelt nearly the same.
    """
    low = alike(spelling)
    begun = [label for label in labels if alike(label).startswith(low) or low.startswith(alike(label))]
    # A prefix reverses a meaning (not_spam, irrelevant), so the first letters must agree.
    near = difflib.get_close_matches(low, [label for label in map(alike, labels) if label[:1] == low[:1]], n=1)
    return begun[0] if len(begun) == 1 else next((label for label in labels if alike(label) in near), None)


def _mistyped(spelling: str, label: str) -> bool:
    """Whether a spelling and a label are one word, or nearly."""
    first, second = alike(spelling), alike(label)
    return first[:1] == second[:1] and difflib.SequenceMatcher(None, first, second, autojunk=False).ratio() > MISTYPED


def check_targets(mapping: Mapping[str, str], labels: Sequence[str]) -> None:
    """Refuse a mapping to what is no label of the model.

    Raises ConfigError.
    """
    for value, label in mapping.items():
        if label not in labels:
            hint = near_match(label, labels) or f"known: {shown(labels)}"
            problem = f"{value!r} is mapped to {label!r}, which is no label of the model"
            raise ConfigError(problem, where="[data.labels]", hint=hint)
