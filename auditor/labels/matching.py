"""Interpretation of a column of labels, decided once for all its cells.

A column is read by the mapping under ``[data.labels]``, by the names that the file has for its numbers (ClassLabel), by
the model's names, by those names in another case, or, if all its labels are whole numbers, by position in the model's
list. Two of these are never mixed in one column, and one rule reads the numbers of all files of an audit.
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
"""The most labels that a hint maps: nobody checks a longer line, and a column with more often holds no labels."""
SENTENCE, LETTERS = 5, 60
"""The most words and letters of a label; anything longer is a sentence."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a column's labels mean, and how that was decided."""

    column: str
    by: str
    labels: Mapping[str, str] = field(default_factory=dict)
    """Spelling in the data → the model's label; numbers by value, then words."""
    note: str = ""
    """Further assumptions."""

    @property
    def line(self) -> str:
        """The reading in words: ``by position: 0 = negative, 1 = positive``."""
        pairs = [f"{spelling} = {label}" for spelling, label in self.labels.items()]
        listed = f": {', '.join(pairs[:SHOWN])}{', …' if len(pairs) > SHOWN else ''}"
        meanings = listed if self.by != NAME and pairs else ""
        return f"by {self.by}{meanings}{f'; {self.note}' if self.note else ''}"


def read(
    column: Column,
    labels: Sequence[str],
    mapping: Mapping[str, str] | None = None,
    *,
    ignore_case: bool = False,
    rule: str | None = None,
) -> Reading:
    """Decide how a column is read against the model's labels.

    ``mapping``: spelling in the data → the model's label; if it has one label of the column it must have all.
    ``ignore_case``: spellings that differ only in case are one label. ``rule``: NAME or POSITION, how numbers are read
    that could be both. Raises DataError, with the mapping to write, for a label without a meaning, for numbers that are
    neither all names nor all positions or could be either, and for one label in several spellings.
    """
    named = spellings.with_class_names(column)
    way, matched = _mapped(column, named, mapping or {})
    if matched:
        _check_all(way, matched, labels, mapping or {})
        _check_spellings(way, mapping or {}, ignore_case)
        return _reading(column, MAPPING, matched, named if way is named else column)
    # Default labels such as LABEL_0 say nothing, unless the file's own names are among them.
    numbered = all(label in (str(place), f"LABEL_{place}") for place, label in enumerate(labels))
    if column.classes and (not numbered or set(column.classes) <= set(labels)):
        return _reading(column, CLASS, _by_name(named, labels, ignore_case), named)
    if column.numbers and not mapping:
        return _numbers(column, labels, rule)
    meanings = _by_name(column, labels, ignore_case)
    own = {label.strip() for label in labels}
    exact = all(spelling in own or NUMBER.fullmatch(spelling) for spelling in meanings)
    return _reading(column, NAME if exact else CASE, meanings, column)


def rules(column: Column, labels: Sequence[str], mapping: Mapping[str, str] | None = None) -> frozenset[str]:
    """Return the rules, NAME and POSITION, that a numeric column allows.

    The result is empty where both rules agree, and for other columns.
    """
    if mapping or column.classes or not column.numbers:
        return frozenset()
    by_name, by_position = spellings.match(column.rows, spellings.names(labels)), spellings.positions(column, labels)
    if len(by_name) < len(column.rows):
        by_name = spellings.own_numbers(column, labels)
    if by_name == by_position:
        return frozenset()
    return frozenset(rule for rule, means in ((NAME, by_name), (POSITION, by_position)) if means)


def trained(column: Column, mapping: Mapping[str, str] | None = None, *, ignore_case: bool = False) -> Reading:
    """Return how a training file names the labels of a new head.

    The reading's ``labels`` are in the order of that head. The names come from the mapping, from the file's names for
    its numbers and in their order, else from the spellings; with ``ignore_case``, the most frequent of the spellings
    that differ only in case counts. Raises DataError as ``read`` does, and for a mapping that is not filled in.
    """
    spellings.filled(mapping or {})
    named = spellings.with_class_names(column)
    if mapping and _mapped(column, named, mapping)[1]:
        reading = read(column, tuple(mapping.values()), mapping, ignore_case=ignore_case)
        return Reading(column.name, MAPPING, dict(sorted(reading.labels.items(), key=lambda pair: by_number(pair[1]))))
    if column.classes:
        return Reading(column.name, CLASS, _reading(column, CLASS, {name: name for name in named.rows}, named).labels)
    _check_spellings(column, {}, ignore_case)
    common: dict[str, str] = {}
    for spelling in sorted(column.rows, key=lambda spelling: (-len(column.rows[spelling]), by_number(spelling))):
        common.setdefault(alike(spelling), spelling)
    return _reading(column, NAME, {spelling: common[alike(spelling)] for spelling in column.rows}, column)


def _mapped(column: Column, named: Column, mapping: Mapping[str, str]) -> tuple[Column, dict[str, str]]:
    """Return the column that a mapping is about, and its matches.

    The mapping may be about the file's names for its numbers or about the numbers. If it matches both, the one that it
    covers completely wins, then the names.
    """
    ways = [
        (way, spellings.match(way.rows, mapping)) for way in ((named, column) if named is not column else (column,))
    ]
    return max(ways, key=lambda match: (len(match[1]) == len(match[0].rows), bool(match[1])))


def _reading(column: Column, by: str, meanings: Mapping[str, str], named: Column) -> Reading:
    """Return the reading by the spellings of the column itself.

    ``named``: the column whose spellings ``meanings`` has. Class names may be numbers too: those of another class must
    not be taken for the column's own.
    """
    if named is not column:
        names = {
            spelling: column.classes[int(spelling)] if NUMBER.fullmatch(spelling) else spelling
            for spelling in column.rows
        }
        meanings = {spelling: meanings[name] for spelling, name in names.items()}
    return Reading(column.name, by, {spelling: meanings[spelling] for spelling in sorted(meanings, key=by_number)})


def _numbers(column: Column, labels: Sequence[str], rule: str | None) -> Reading:
    by_name, by_position = spellings.match(column.rows, spellings.names(labels)), spellings.positions(column, labels)
    if len(by_name) == len(column.rows) and not (by_position and rule == POSITION):
        reading = _reading(column, NAME, by_name, column)
        return (
            replace(reading, note="its numbers could be positions too")
            if by_position and by_position != by_name
            else reading
        )
    own = spellings.own_numbers(column, labels)
    if by_position and (rule == POSITION or not own or own == by_position):
        reading = _reading(column, POSITION, by_position, column)
        unused = [label for label in labels if label not in by_position.values()]
        return replace(reading, note=f"no row is {shown(unused)}") if unused else reading
    numbers = shown(sorted(column.rows, key=by_number))
    if by_position:
        odd, problem = next(iter(column.rows)), "may be positions or the numbers in the labels"
    else:
        places = {str(number) for number in range(len(labels))}
        odd = next(
            (spelling for spelling in column.rows if spelling not in places and spelling not in by_name),
            next(iter(column.rows)),
        )
        problem = f"are neither all labels of the model nor all positions (0 to {len(labels) - 1})"
    raise DataError(
        f"{odd!r}: the numbers of the column ({numbers}) {problem}; the model knows {shown(labels)}",
        where=column.at(odd),
        hint=_hint(column, labels),
    )


def _hint(column: Column, labels: Sequence[str]) -> str:
    """Return a hint with the mapping to write.

    The hint is short if the column hardly holds labels, or has too many of them.
    """
    sentences = sum(len(spelling.split()) > SENTENCE or len(spelling) > LETTERS for spelling in column.rows)
    if len(column.rows) > MOST or 2 * sentences > len(column.rows):
        known = spellings.match(column.rows, spellings.names(labels))
        odd = [spelling for spelling in column.rows if spelling not in known]
        if len(odd) == 1 and not column.texts:
            return f"if no label of the model is right for its rows: --out-of-scope {odd[0]} ([data] out_of_scope)"
        many = f"are these {len(column.rows):,} values labels?"
        if column.texts:
            return f"{many} --labels-file ([data] labels_files) is for labels, and {column.texts} for texts: swapped?"
        return f"{many} Name the column: --label-column or [data] label_column"
    return f"say what each means: {_to_paste(spellings.proposed(column, labels), labels)}"


def _to_paste(mapping: Mapping[str, str], labels: Sequence[str]) -> str:
    """Return a mapping for audit.toml, and what fills its gaps."""
    filling = f"; replace each {UNFILLED} by one of: {shown(labels)}" if UNFILLED in mapping.values() else ""
    return f"[data] {template(mapping)}{filling}"


def _by_name(column: Column, labels: Sequence[str], ignore_case: bool) -> dict[str, str]:
    meanings = spellings.match(column.rows, spellings.names(labels))
    for spelling in column.rows:
        if spelling not in meanings:
            raise _unknown(column, spelling, labels, mixed=next(iter(meanings), None))
    _check_spellings(column, spellings.names(labels), ignore_case)
    return meanings


def _unknown(column: Column, spelling: str, labels: Sequence[str], mixed: str | None) -> DataError:
    every = _hint(column, labels)
    near = near_match(spelling, labels)
    hint = every if near is None else f"{near} or {every}"
    short = spelling if len(spelling) <= LETTERS else f"{spelling[:LETTERS]}…"
    problem = f"unknown label {short!r}; the model knows {shown(labels)}"
    if mixed is not None and NUMBER.fullmatch(spelling):
        problem += f"; a number counts as a position only if every label is one, but {mixed!r} is not"
    return DataError(problem, where=column.at(spelling), hint=hint)


def _check_all(column: Column, matched: Mapping[str, str], labels: Sequence[str], mapping: Mapping[str, str]) -> None:
    """Refuse a mapping that names only some labels of a column.

    Raises DataError with the mapping that names all.
    """
    for spelling in column.rows:
        if spelling not in matched:
            every = spellings.proposed(column, labels, matched)
            more = {name: label for name, label in every.items() if name not in matched}
            raise DataError(
                f"label {spelling!r} is not mapped, but {next(iter(matched))!r} in the same column is",
                where=column.at(spelling),
                hint=f"map every label of the data: {_to_paste({**mapping, **more}, labels)}",
            )


def _check_spellings(column: Column, keys: Mapping[str, str], ignore_case: bool) -> None:
    """Refuse a label in several spellings.

    They are allowed if each is a key of its own or case is to be ignored.
    """
    exact = {spelled(key) for key in keys}
    together: dict[str, list[str]] = {}
    for spelling in column.rows:
        together.setdefault(alike(spelling), []).append(spelling)
    for same in together.values():
        if len(same) > 1 and not ignore_case and not exact.issuperset(same):
            variants = ", ".join(f"{spelling!r} ({_rows(column.rows[spelling])})" for spelling in sorted(same))
            where = f"{column.where}: column {column.name!r}" if column.where else None
            hint = "[data] ignore_case = true or --ignore-case makes them one label; else map each under [data.labels]"
            raise DataError(f"a label is spelt in {len(same)} ways: {variants}", where=where, hint=hint)


def _rows(numbers: Sequence[int]) -> str:
    return f"row {numbers[0]}" if len(numbers) == 1 else f"{len(numbers)} rows, the first {numbers[0]}"
