"""Ranges of settings, said once, in the types of their fields.

Config files are validated against the types, the same settings made in Python by ``CheckedSettings``, and the reference
documentation shows them.
"""

from __future__ import annotations

import functools
import math
import pathlib
import types
from collections.abc import Callable, Iterator, Mapping, Sequence, Sized
from dataclasses import fields
from typing import Annotated, Any, TypeAlias, Union, get_args, get_origin, get_type_hints

from annotated_types import Ge, GroupedMetadata, Gt, Le, Lt, MinLen

from auditor.errors import ConfigError

Count: TypeAlias = Annotated[int, Ge(1)]
"""How many of something, where none would leave nothing to do."""
Share: TypeAlias = Annotated[float, Gt(0), Le(1)]
"""A part of something, or all of it."""
Fraction: TypeAlias = Annotated[float, Ge(0), Le(1)]
"""None of something, a part of it, or all of it."""
NotNegative: TypeAlias = Annotated[float, Ge(0)]
"""A size or a weight; 0 takes its effect away."""


class _OfTheData:
    """Marks the name of a column of the data."""


DataColumn: TypeAlias = Annotated[str, _OfTheData()]
"""A column of the file to audit on, which ``Example.meta`` then holds. It has to be there."""


class _UnderALimit:
    """Marks a word that a user puts under a limit."""


LimitedWord: TypeAlias = Annotated[str, _UnderALimit()]
"""A word that the user lists to have its effect on answers limited."""


class _Checkpoint:
    """Marks the folder of a checkpoint that the audited one continues."""


class _OldRows:
    """Marks the file with the test rows of that checkpoint."""


class _KeptCases:
    """Marks the file of kept cases."""


CasesFile: TypeAlias = Annotated[pathlib.Path, _KeptCases()]
"""File of kept cases (``audit export-cases``) to ask the model again."""
EarlierCheckpoint: TypeAlias = Annotated[str, _Checkpoint()]
"""Folder of the checkpoint that the audited one continues; ``Audit.earlier`` then ends with it."""
EarlierRows: TypeAlias = Annotated[str, _OldRows()]
"""File with the test rows of that checkpoint."""

Path: TypeAlias = tuple[int | str, ...]
"""From a field to a value in it: the place in a list, the key in a table."""


class CheckedSettings:
    """Base of frozen dataclasses that refuse values out of range.

    They do however they are made: from a config, in Python, by ``replace``. Types are checked where a config is read,
    not here. A subclass with checks of its own calls
    ``check(self)`` first in its ``__post_init__``.
    """

    __slots__ = ()

    def __post_init__(self) -> None:
        check(self)


def check(settings: Any) -> None:
    """Refuse what the types of the fields do not allow.

    That is a number out of range or without an end, a list that is too short, and a list that names something twice.
    Raises ConfigError.
    """
    kind: Any = type(settings)
    for field in fields(settings):
        value = getattr(settings, field.name)
        for path, wrong, problem in _problems(hints(kind)[field.name], value, (field.name,)):
            raise ConfigError(f"{key_path(path)} = {wrong} {problem}")
        refuse_repeated(field.name, settings)


def refuse_repeated(key: str, settings: object) -> None:
    """Refuse a list that names something twice.

    It may do so where its settings name it in ``MAY_REPEAT``. Raises ConfigError.
    """
    chosen = getattr(settings, key)
    if isinstance(chosen, tuple) and key not in getattr(settings, "MAY_REPEAT", ()):
        for value in chosen:
            if chosen.count(value) > 1:
                raise ConfigError(f"{key} names {value!r} twice")


def key_path(path: Path) -> str:
    """A key as TOML writes it, after its tables: ``[severities] low``.

    Of a long key the first 60 characters stand for it.
    """
    words = (str(part) for part in path)
    *tables, last = (word if len(word) <= 60 else f"{word[:60]}…" for word in words)
    return f"[{'.'.join(tables)}] {last}" if tables else last


def range_of(hint: Any) -> str:
    """The range of a type in words; empty where it has none.

    ``at least 1``, ``from 1 to 12``, ``above 0 and at most 1``.
    """
    marks = _unwrapped(hint)[1]
    lows: list[tuple[Any, str]] = [(mark.gt, "above") for mark in marks if isinstance(mark, Gt)]
    lows += [(mark.ge, "at least") for mark in marks if isinstance(mark, Ge)]
    highs: list[tuple[Any, str]] = [(mark.lt, "below") for mark in marks if isinstance(mark, Lt)]
    highs += [(mark.le, "at most") for mark in marks if isinstance(mark, Le)]
    # The tightest bound counts; of two equal ones, max and min take the first: the one that excludes the number.
    ends = [max(lows, key=_bound, default=None), min(highs, key=_bound, default=None)]
    match ends:
        case [(least, "at least"), (most, "at most")]:
            return f"from {_short(least)} to {_short(most)}"
    return " and ".join(f"{word} {_short(bound)}" for bound, word in filter(None, ends))


def _bound(end: tuple[Any, str]) -> Any:
    return end[0]


def element(hint: Any) -> Any:
    """The type of the values of a list or table; else None."""
    kind = _unwrapped(hint)[0]
    origin = get_origin(kind)
    if not isinstance(origin, type):
        return None
    inner = get_args(kind)
    if issubclass(origin, Mapping):
        return inner[1]
    alike = issubclass(origin, Sequence) and (origin is not tuple or inner[1:] == (...,))
    return inner[0] if alike else None


@functools.cache
def hints(kind: Any) -> dict[str, Any]:
    """Field → type with its annotations, of a dataclass."""
    return get_type_hints(kind, include_extras=True)


def data_columns(settings: Any) -> tuple[str, ...]:
    """The columns of the data that settings name, each once."""
    return _marked(settings, _OfTheData)


def limited_words(settings: Any) -> tuple[str, ...]:
    """The words that settings list under a limit, each once."""
    return _marked(settings, _UnderALimit)


def _marked(settings: Any, mark: type) -> tuple[str, ...]:
    """The values of the fields that a mark annotates, each once."""
    values: dict[str, None] = {}
    for field in _fields(settings, mark):
        value = getattr(settings, field)
        values |= dict.fromkeys((value,) if isinstance(value, str) else value or ())
    return tuple(values)


def _fields(settings: Any, mark: type) -> Iterator[str]:
    """The fields that a mark annotates, or whose entries it does."""
    kind: Any = type(settings)
    for field, hint in hints(kind).items():
        if any(isinstance(own, mark) for own in (*_unwrapped(hint)[1], *_unwrapped(element(hint))[1])):
            yield field


def earlier(settings: Any) -> tuple[str | None, str | None]:
    """The earlier checkpoint and its test rows, as settings name them."""
    named = [(getattr(settings, field) for field in _fields(settings, mark)) for mark in (_Checkpoint, _OldRows)]
    return next(named[0], None), next(named[1], None)


def cases_fields(settings: Any) -> tuple[str, ...]:
    """The fields that name a file of kept cases."""
    return tuple(_fields(settings, _KeptCases))


def changed_paths(settings: Any, change: Callable[[pathlib.Path], Any]) -> dict[str, Any]:
    """Fields that hold paths → their values, after ``change`` of every path.

    These are the fields that hold a ``pathlib.Path`` or a tuple of them.
    """
    values = {field.name: getattr(settings, field.name) for field in fields(settings)}
    single = {name: change(value) for name, value in values.items() if isinstance(value, pathlib.Path)}
    several = {
        name: tuple(change(path) for path in value)
        for name, value in values.items()
        if isinstance(value, tuple) and value and all(isinstance(path, pathlib.Path) for path in value)
    }
    return single | several


def path_fields(settings: Any) -> frozenset[str]:
    """The fields whose type is a path, or a list of paths."""
    kind: Any = type(settings)
    return frozenset(
        name
        for name, hint in hints(kind).items()
        if pathlib.Path in (_unwrapped(hint)[0], _unwrapped(element(hint))[0])
    )


def _unwrapped(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """A type without ``| None`` and what annotates it, and the annotations."""
    marks: list[Any] = []
    while True:
        arms = [arm for arm in get_args(hint) if arm is not types.NoneType]
        if get_origin(hint) is Annotated:
            hint, *own = get_args(hint)
            marks += [mark for annotation in own for mark in _single(annotation)]
        elif get_origin(hint) in (Union, types.UnionType) and len(arms) == 1:
            (hint,) = arms
        else:
            return hint, tuple(marks)


def _single(mark: Any) -> Sequence[Any]:
    """The bounds that an annotation holds.

    An ``Interval`` and pydantic's ``Field`` hold several.
    """
    return tuple(mark) if isinstance(mark, GroupedMetadata) else tuple(getattr(mark, "metadata", (mark,)))


def _problems(hint: Any, value: Any, path: Path) -> Iterator[tuple[Path, object, str]]:
    """Every value out of bounds, in a value of this type.

    Each has its path, itself, and what is wrong with it.
    """
    marks = _unwrapped(hint)[1]
    if isinstance(value, int | float) and not all(_holds(mark, value) for mark in marks):
        yield path, value, f"must be {range_of(hint)}"
    elif isinstance(value, float) and marks and math.isinf(value):
        yield path, value, "must be finite"
    least = max((mark.min_length for mark in marks if isinstance(mark, MinLen)), default=0)
    if isinstance(value, Sized) and len(value) < least:
        yield path, value, "is empty" if least == 1 else f"must have at least {least} entries"
    arms = [list(_problems(arm, value, path)) for arm in _arms(hint) if _is_of(arm, value)]
    if arms and all(arms):
        yield from arms[0]
    inner = element(hint)
    if inner is not None and value is not None:
        entries = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, entry in entries:
            yield from _problems(inner, entry, (*path, key))


def _arms(hint: Any) -> tuple[Any, ...]:
    """The types of a union of several; none for any other type."""
    kind = _unwrapped(hint)[0]
    return get_args(kind) if get_origin(kind) in (Union, types.UnionType) else ()


def _is_of(arm: Any, value: Any) -> bool:
    """Whether a value is of a type, whatever it holds."""
    kind = _unwrapped(arm)[0]
    kind = get_origin(kind) or kind
    return isinstance(kind, type) and isinstance(value, (int, float) if kind is float else kind)


def _holds(mark: Any, value: Any) -> bool:
    """Whether a number keeps a bound.

    One that is not a number (NaN) keeps none.
    """
    match mark:
        case Ge(ge=bound):
            return bool(value >= bound)
        case Gt(gt=bound):
            return bool(value > bound)
        case Le(le=bound):
            return bool(value <= bound)
        case Lt(lt=bound):
            return bool(value < bound)
    return True


def _short(bound: Any) -> str:
    return f"{bound:g}" if isinstance(bound, float) else str(bound)
