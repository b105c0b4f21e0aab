"""How a column of labels is read: one way, decided once for all of its cells.

By the mapping under ``[data.labels]``, by the names that the file has for its numbers (ClassLabel), by the model's names, by
those names in another case, or, where all of it are whole numbers, by position in the model's list. Two of these are never
mixed in one column, and the numbers of several files of one audit are read by one rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from auditor.errors import DataError, near_match
from auditor.labels import spellings
from auditor.labels.spellings import NUMBER, SHOWN, UNFILLED, Column, alike, by_number, shown, spelled, template

MAPPING, CLASS, NAME, CASE, POSITION = "mapping", "class name", "name", "name in another case", "position"
"""Ways to read a column."""
MOST = 20
"""A hint maps at most so many labels: nobody checks a longer line, and a column with more is often none of labels."""
SENTENCE, LETTERS = 5, 60
"""Words and letters of a label, at most; what has more is a sentence."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a column's labels mean, and how that was decided."""

    column: str
    by: str
    labels: Mapping[str, str] = field(default_factory=dict)
    """Spelling in the data → the model's label; numbers by value, then words."""
    note: str = ""
    """What else was taken for granted."""

    @property
    def line(self) -> str:
        """In words: ``by position: 0 = negative, 1 = positive``."""
        pairs = [f"{spelling} = {label}" for spelling, label in self.labels.items()]
        told = f": {', '.join(pairs[:SHOWN])}{', …' if len(pairs) > SHOWN else ''}" if self.by != NAME else ""
        return f"by {self.by}{told}{f'; {self.note}' if self.note else ''}"


def read(
    column: Column,
    labels: Sequence[str],
    mapping: Mapping[str, str] | None = None,
    *,
    ignore_case: bool = False,
    rule: str | None = None,
) -> Reading:
    """Decide how a column is read against the model's labels.

    ``mapping``: spelling in the data → the model's label; where it has one label of the column it has to have all.
    ``ignore_case``: spellings that differ in case alone are one label. ``rule``: NAME or POSITION, how numbers are read
    that could be both. Raises DataError, with the mapping to write, for a label that has no meaning, numbers that are
    neither all names nor all positions or could be either, and one label in several spellings.
    """
    named = spellings.with_class_names(column)
    way, matched = _mapped(column, named, mapping or {})
    if matched:
        _check_all(way, matched, labels, mapping or {})
        _check_spellings(way, mapping or {}, ignore_case)
        return _reading(column, MAPPING, matched, named if way is named else column)
    # Labels that are only numbered say nothing, unless they are what the file's own names are.
    numbered = all(label in (str(place), f"LABEL_{place}") for place, label in enumerate(labels))
    if column.classes and (not numbered or set(column.classes) <= set(labels)):
        return _reading(column, CLASS, _by_name(named, labels, ignore_case), named)
    if column.numbers and not mapping:
        return _numbers(column, labels, rule)
    found = _by_name(column, labels, ignore_case)
    own = {label.strip() for label in labels}
    exact = all(spelling in own or NUMBER.fullmatch(spelling) for spelling in found)
    return _reading(column, NAME if exact else CASE, found, column)


def rules(column: Column, labels: Sequence[str], mapping: Mapping[str, str] | None = None) -> frozenset[str]:
    """The rules, NAME and POSITION, that a column of numbers allows; none where both say the same, or of other columns."""
    if mapping or column.classes or not column.numbers:
        return frozenset()
    by_name, by_position = spellings.match(column.rows, spellings.names(labels)), spellings.positions(column, labels)
    if len(by_name) < len(column.rows):
        by_name = spellings.own_numbers(column, labels)
    if by_name == by_position:
        return frozenset()
    return frozenset(rule for rule, means in ((NAME, by_name), (POSITION, by_position)) if means)


def trained(column: Column, mapping: Mapping[str, str] | None = None, *, ignore_case: bool = False) -> Reading:
    """What the labels of a training file are called, for a new head; ``labels`` is in the order of that head.

    By the mapping, by the file's names for its numbers and in their order, else as they are spelled; of spellings that
    differ in case alone, with ``ignore_case``, the most frequent. Raises DataError as ``read`` does, and for a mapping that
    is not filled in.
    """
    spellings.filled(mapping or {})
    named = spellings.with_class_names(column)
    if mapping and _mapped(column, named, mapping)[1]:
        found = read(column, tuple(mapping.values()), mapping, ignore_case=ignore_case)
        return Reading(column.name, MAPPING, dict(sorted(found.labels.items(), key=lambda one: by_number(one[1]))))
    if column.classes:
        return Reading(column.name, CLASS, _reading(column, CLASS, {one: one for one in named.rows}, named).labels)
    _check_spellings(column, {}, ignore_case)
    common: dict[str, str] = {}
    for spelling in sorted(column.rows, key=lambda one: (-len(column.rows[one]), by_number(one))):
        common.setdefault(alike(spelling), spelling)
    return _reading(column, NAME, {one: common[alike(one)] for one in column.rows}, column)


def _mapped(column: Column, named: Column, mapping: Mapping[str, str]) -> tuple[Column, dict[str, str]]:
    """What a mapping says of the file's names for its numbers, or else of the numbers; of both, of the one it has whole."""
    ways = [
        (way, spellings.match(way.rows, mapping)) for way in ((named, column) if named is not column else (column,))
    ]
    return max(ways, key=lambda one: (len(one[1]) == len(one[0].rows), bool(one[1])))


def _reading(column: Column, by: str, found: Mapping[str, str], named: Column) -> Reading:
    """The reading by the spellings of the column itself; ``named``: the column whose spellings ``found`` has.

    Class names may be numbers too: those of another class must not be taken for the column's own.
    """
    if named is not column:
        names = {one: column.classes[int(one)] if NUMBER.fullmatch(one) else one for one in column.rows}
        found = {one: found[name] for one, name in names.items()}
    return Reading(column.name, by, {one: found[one] for one in sorted(found, key=by_number)})


def _numbers(column: Column, labels: Sequence[str], rule: str | None) -> Reading:
    by_name, by_position = spellings.match(column.rows, spellings.names(labels)), spellings.positions(column, labels)
    if len(by_name) == len(column.rows) and not (by_position and rule == POSITION):
        found = _reading(column, NAME, by_name, column)
        return (
            replace(found, note="its numbers could be positions too")
            if by_position and by_position != by_name
            else found
        )
    own = spellings.own_numbers(column, labels)
    if by_position and (rule == POSITION or not own or own == by_position):
        found = _reading(column, POSITION, by_position, column)
        unused = [label for label in labels if label not in by_position.values()]
        return replace(found, note=f"no row is {shown(unused)}") if unused else found
    numbers = shown(sorted(column.rows, key=by_number))
    if by_position:
        odd, problem = next(iter(column.rows)), "may be positions or the numbers in the labels"
    else:
        places = {str(number) for number in range(len(labels))}
        odd = next((one for one in column.rows if one not in places and one not in by_name), next(iter(column.rows)))
        problem = f"are neither all labels of the model nor all positions (0 to {len(labels) - 1})"
    raise DataError(
        f"{odd!r}: the numbers of the column ({numbers}) {problem}; the model knows {shown(labels)}",
        where=column.at(odd),
        hint=_hint(column, labels),
    )


def _hint(column: Column, labels: Sequence[str]) -> str:
    """A hint with the mapping to write; short where the column is hardly one of labels, or has too many of them."""
    sentences = sum(len(one.split()) > SENTENCE or len(one) > LETTERS for one in column.rows)
    if len(column.rows) > MOST or 2 * sentences > len(column.rows):
        many = f"are these {len(column.rows):,} values labels?"
        if column.texts:
            return f"{many} --labels-file ([data] labels_files) is for labels, and {column.texts} for texts: swapped?"
        return f"{many} Name the column: --label-column or [data] label_column"
    return f"say what each means: {_to_paste(spellings.proposed(column, labels), labels)}"


def _to_paste(mapping: Mapping[str, str], labels: Sequence[str]) -> str:
    """A mapping for audit.toml, and what goes where nothing tells."""
    filling = f"; for each {UNFILLED} one of: {shown(labels)}" if UNFILLED in mapping.values() else ""
    return f"[data] {template(mapping)}{filling}"


def _by_name(column: Column, labels: Sequence[str], ignore_case: bool) -> dict[str, str]:
    found = spellings.match(column.rows, spellings.names(labels))
    for spelling in column.rows:
        if spelling not in found:
            raise _unknown(column, spelling, labels, mixed=next(iter(found), None))
    _check_spellings(column, spellings.names(labels), ignore_case)
    return found


def _unknown(column: Column, spelling: str, labels: Sequence[str], mixed: str | None) -> DataError:
    every = _hint(column, labels)
    near = near_match(spelling, labels)
    hint = every if near is None else f"{near} or {every}"
    told = spelling if len(spelling) <= LETTERS else f"{spelling[:LETTERS]}…"
    problem = f"unknown label {told!r}; the model knows {shown(labels)}"
    if mixed is not None and NUMBER.fullmatch(spelling):
        problem += f"; a number counts as a position only where every label is one, and {mixed!r} is none"
    return DataError(problem, where=column.at(spelling), hint=hint)


def _check_all(column: Column, matched: Mapping[str, str], labels: Sequence[str], mapping: Mapping[str, str]) -> None:
    """A mapping names every label of a column or none. Raises DataError with the mapping that does."""
    for spelling in column.rows:
        if spelling not in matched:
            every = spellings.proposed(column, labels, matched)
            more = {one: label for one, label in every.items() if one not in matched}
            raise DataError(
                f"label {spelling!r} is not mapped, and {next(iter(matched))!r} of the same column is",
                where=column.at(spelling),
                hint=f"map every label of the data: {_to_paste({**mapping, **more}, labels)}",
            )


def _check_spellings(column: Column, keys: Mapping[str, str], ignore_case: bool) -> None:
    """Refuse a label in several spellings, unless each is a key of its own or case is to be ignored."""
    exact = {spelled(key) for key in keys}
    together: dict[str, list[str]] = {}
    for spelling in column.rows:
        together.setdefault(alike(spelling), []).append(spelling)
    for same in together.values():
        if len(same) > 1 and not ignore_case and not exact.issuperset(same):
            told = ", ".join(f"{one!r} ({_rows(column.rows[one])})" for one in sorted(same))
            where = f"{column.where}: column {column.name!r}" if column.where else None
            hint = "[data] ignore_case = true or --ignore-case makes them one label; else map each under [data.labels]"
            raise DataError(f"a label is spelt in {len(same)} ways: {told}", where=where, hint=hint)


def _rows(numbers: Sequence[int]) -> str:
    return f"row {numbers[0]}" if len(numbers) == 1 else f"{len(numbers)} rows, the first {numbers[0]}"
