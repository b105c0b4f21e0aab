"""Cells that name any number of labels: lists, and separated words."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

from auditor.errors import DataError
from auditor.labels import spellings

SEPARATORS = (";", "|", ",")
"""What stands between the labels of a cell, where a user does not say."""
Reader: TypeAlias = Callable[[Any], Sequence[Any] | None]
"""Cell → the labels that it names; None: the row has no gold."""
_ZERO_OR_ONE = frozenset({"0", "1", "0.0", "1.0", "True", "False"})
SEPARATOR = '[task] separator = ","'


def reader(
    cells: Sequence[Any], known: Iterable[str], *, separator: str | None = None, blank_is_empty: bool = False
) -> tuple[Reader, str]:
    """Decide for a whole column how its cells name labels.

    ``known``: spellings of labels, to tell separators apart; empty while they are not known. ``separator``: what a user
    names. ``blank_is_empty``: whether a blank cell says that no label holds; else its row has no gold. Returns the
    reader of its cells, and what was assumed. Raises DataError for a column that names one label in every row, or whose
    separator is not clear.
    """
    filled = [cell for cell in cells if not is_blank(cell)]
    words = [cell for cell in filled if isinstance(cell, str)]
    if len(words) < len(filled):
        if not words and not any(isinstance(cell, list | tuple) for cell in filled):
            raise _single(filled[0])
        _check_names([cell for cell in filled if isinstance(cell, list | tuple)])
        return listed, ""
    nothing: Sequence[Any] | None = () if blank_is_empty else None
    if separator is None and words and all(map(_looks_listed, words)):
        _check_names([made for word in words if (made := _written(word)) is not None])
        return lambda cell: nothing if is_blank(cell) else written_list(cell), "its lists are written as text"
    chosen = separator or _separator(words, set(known))
    _check_names([split(word, chosen or SEPARATORS[0]) for word in words])
    note = f"its labels are separated by {chosen!r}" if chosen and not separator else ""
    return lambda cell: nothing if is_blank(cell) else split(cell, chosen or SEPARATORS[0]), note


def _check_names(lists: Sequence[Sequence[Any]]) -> None:
    """Refuse lists of zeros and ones, which are no names.

    Raises DataError.
    """
    lengths = {len(each) for each in lists}
    if len(lengths) == 1 and min(lengths) > 1 and all(str(value) in _ZERO_OR_ONE for each in lists for value in each):
        hint = 'write names, as in ["a", "b"], or a column for each label ([task] label_columns)'
        raise DataError(
            f"holds lists of {min(lengths)} zeros and ones, such as {_short(lists[0])}, not names", hint=hint
        )


def is_blank(cell: Any) -> bool:
    """Whether a cell holds nothing."""
    # Parquet and pandas write a missing cell as a number that differs from itself.
    return cell is None or cell != cell or (isinstance(cell, str) and not cell.strip())


def listed(cell: Any) -> Sequence[Any] | None:
    """The labels of a list, None of a missing one.

    Raises DataError for another value.
    """
    if is_blank(cell):
        return None
    if not isinstance(cell, list | tuple):
        raise DataError(f"holds {_short(cell)}, not a list of labels", hint=f'write ["{cell}"], and [] for no label')
    return cell


def written_list(cell: str) -> Sequence[Any]:
    """The labels of a list written as text, as by pandas.

    Raises DataError for another text.
    """
    value = _written(cell)
    if value is None:
        raise DataError(f"holds {_short(cell)}, not a list of labels", hint="as in ['a', 'b'], and [] for no label")
    return value


def _written(cell: str) -> list[Any] | None:
    try:
        value = ast.literal_eval(cell.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return value if isinstance(value, list) else None


def split(cell: str, separator: str) -> Sequence[str]:
    """The labels between separators; blank ones are none."""
    return [part.strip() for part in cell.split(separator) if part.strip()]


def labels_of(cell: Any, separator: str | None = None) -> Sequence[Any]:
    """The labels of a cell by itself, without its column."""
    if is_blank(cell):
        return ()
    if not isinstance(cell, str):
        return listed(cell) or ()
    if separator is None and _looks_listed(cell):
        return written_list(cell)
    occurring = [each for each in SEPARATORS if each in cell]
    chosen = separator or next(iter(occurring), None)
    return (cell,) if chosen is None else split(cell, chosen)


def _looks_listed(cell: str) -> bool:
    return cell.strip().startswith("[") and cell.strip().endswith("]")


def _separator(words: Sequence[str], known: set[str]) -> str | None:
    """The separator of a column; None for one without a word.

    Of several the one counts that leaves known labels alone.
    """
    occurring = [each for each in SEPARATORS if any(each in word for word in words)]
    if len(occurring) > 1:
        names = spellings.names(known)
        fitting = [each for each in occurring if known and _all_known(words, each, names)]
        if len(fitting) == 1:
            return fitting[0]
        shown = " and ".join(map(repr, occurring))
        raise DataError(f"its cells hold {shown}: which of them separates labels?", hint=SEPARATOR)
    if words and not occurring:
        raise _single(words[0])
    return next(iter(occurring), None)


def _all_known(words: Sequence[str], separator: str, names: dict[str, str]) -> bool:
    parts = {part for word in words for part in split(word, separator)}
    return parts == spellings.match(parts, names).keys()


def _single(cell: Any) -> DataError:
    problem = f"names one label in every row, such as {_short(cell)}, but the model gives any number of labels"
    hint = f'[task] name = "text-classification" is for one label each; if the rows happen to have one: {SEPARATOR}'
    return DataError(problem, hint=hint)


def _short(value: Any) -> str:
    written = repr(value)
    return written if len(written) <= 60 else f"{written[:60]}…"
