"""Properties of rows: length, words, class, and columns of the user's."""

from __future__ import annotations

import bisect
import functools
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from auditor import languages
from auditor.text import tokens
from auditor.types import Audit, Example, FloatArray
from probes import _lengths
from probes._embedded_rows import embedded

NO_VALUE = "no value"
"""Value of a row whose cell is blank."""
RARER = "rarer values"
"""Value that stands for all values of too few rows each."""
NO_TRAINING = "no training data given (--train)"
NO_EMBEDDINGS = "the model tells no embeddings of texts"
BLANKS = frozenset({"", "-", "n/a", "na", "none", "null"})
"""Spellings of a missing number, beside those that are numbers to Python, such as nan and inf."""
NEGATION = re.compile(r"\b(?:no|not|never|none|nobody|nothing|nowhere|neither|nor|cannot|without)\b|n['’]t\b", re.I)
QUESTION = re.compile("[?？؟]")
NUMBER = re.compile(r"\d")
CAPITALS = re.compile(r"\b[^\W\d_]{2,}\b")


@dataclass(frozen=True, slots=True)
class Property:
    """What rows have of one kind."""

    kind: Literal["property", "column"]
    """The key of its slices: a property of the text or the label, or a column of the user's."""
    name: str
    values: Mapping[str, str]
    """Id of a row → its value, for the rows that have one, in the order of the values."""
    missing: str | None = None
    """Why no row has a value."""

    @property
    def slices(self) -> tuple[str, ...]:
        """Its values, each once."""
        return tuple(dict.fromkeys(self.values.values()))


def declared(audit: Audit, fewest: int, quantiles: int) -> list[Property]:
    """Return the properties of the home domain's rows, then the user's columns.

    All rows decide which values there are, whichever a look draws. ``fewest``: rows of a value that stands for itself.
    """
    rows = audit.examples("home")
    texts = {row.id: whole_text(audit, row) for row in rows}
    classes = {row.id: stratum for row in rows if (stratum := audit.task.stratum(row.gold)) is not None}
    unit = _lengths.unit(audit)
    lengths = {name: float(unit.count(text)) for name, text in texts.items()}
    signs = signs_in(audit.language)
    properties = [
        Property("property", "length", in_quantiles(lengths, quantiles, f" {unit.name}")),
        _rare_words(audit, texts, quantiles),
        _distances(audit, quantiles),
        Property("property", "class", _ordered(classes)),
        *(
            Property("property", name, {}, has)
            if isinstance(has, str)
            else Property("property", name, _ordered(_having(texts, has)))
            for name, has in signs.items()
        ),
    ]
    return [*properties, *(_column(name, rows, fewest, quantiles) for name in audit.settings.columns)]


def whole_text(audit: Audit, row: Example) -> str:
    """Return the text of all fields."""
    return "\n".join(row.inputs[field] for field in audit.task.fields)


def _in_capitals(text: str) -> bool:
    return any(word.isupper() for word in CAPITALS.findall(text))


SIGNS: Mapping[str, Callable[[str], bool]] = {
    "negation": lambda text: NEGATION.search(text) is not None,
    "question mark": lambda text: QUESTION.search(text) is not None,
    "number": lambda text: NUMBER.search(text) is not None,
    "word in capitals": _in_capitals,
}
"""What an English text has or lacks."""


@functools.cache
def signs_in(code: str) -> Mapping[str, Callable[[str], bool] | str]:
    """What a text has or lacks, or why that cannot be told."""
    language = languages.of(code)
    if language.is_english:
        return SIGNS
    negation: Callable[[str], bool] | str = f"{language.no_list('list of negations')}"
    if language.negations:
        negation = _denying(language)
    capitals = _in_capitals if language.cased else f"{language.name} has no capital letters"
    return {**SIGNS, "negation": negation, "word in capitals": capitals}


def _denying(language: languages.Language) -> Callable[[str], bool]:
    """Whether a text has a word that denies.

    Without blanks between words a part of the text does.
    """
    words = "|".join(map(re.escape, language.negations))
    pattern = re.compile(rf"\b(?:{words})\b" if language.spaced else words, re.I)
    return lambda text: pattern.search(text) is not None


def _having(texts: Mapping[str, str], has: Callable[[str], bool]) -> dict[str, str]:
    return {name: "with" if has(text) else "without" for name, text in texts.items()}


def _rare_words(audit: Audit, texts: Mapping[str, str], quantiles: int) -> Property:
    """The share of a text's words that no training row has."""
    name = "words unknown to training"
    if not audit.has("train"):
        return Property("property", name, {}, NO_TRAINING)
    known = {word for row in audit.examples("train") for word in tokens.words(whole_text(audit, row))}
    shares = {
        row: round(100.0 * sum(word not in known for word in words) / len(words), 1)
        for row, text in texts.items()
        if (words := tokens.words(text))
    }
    return Property("property", name, in_quantiles(shares, quantiles, " %"))


def _distances(audit: Audit, quantiles: int) -> Property:
    """The distance of a row from the training rows nearest to it.

    It is measured between the model's embeddings.
    """
    import numpy as np

    name, settings = "distance from training", audit.settings
    if not audit.has("train"):
        return Property("property", name, {}, NO_TRAINING)
    # The rows that are asked, in the order in which other probes embed them: they are embedded once.
    sets = (audit.examples("home")[: settings.examples], audit.examples("train", settings.training))
    home, training = (embedded(audit, rows) for rows in sets)
    if not home or not training:
        return Property("property", name, {}, NO_EMBEDDINGS)
    ours, theirs = (_directions(np.array(list(points.values()))) for points in (home, training))
    near = min(settings.nearest, len(theirs))
    distances = 1.0 - np.sort(ours @ theirs.T, axis=1)[:, -near:].mean(axis=1)
    rounded = {row: round(max(float(distance), 0.0), 4) for row, distance in zip(home, distances, strict=True)}
    return Property("property", name, in_quantiles(rounded, quantiles))


def _directions(points: FloatArray) -> FloatArray:
    """Embeddings of length 1."""
    import numpy as np

    directions: FloatArray = points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12)
    return directions


def _column(name: str, rows: Sequence[Example], fewest: int, quantiles: int) -> Property:
    """A column of the user's: numbers in quantiles, words as they are."""
    cells = {row.id: _unlike_sentinels(row.meta.get(name, "")) for row in rows}
    # In a column of numbers "n/a" and "nan" are blanks; among words they may be values.
    if all(_number(cell) is not None or _is_blank(cell) for cell in cells.values()):
        cells = {row: "" if _is_blank(cell) else cell for row, cell in cells.items()}
    numbers = {row: number for row, cell in cells.items() if (number := _number(cell)) is not None}
    blanks = {row: NO_VALUE for row, cell in cells.items() if not cell}
    if len(blanks) == len(cells):
        return Property("column", name, {}, "every cell is blank")
    if len(numbers) + len(blanks) == len(cells) and len(set(numbers.values())) > quantiles:
        in_parts = in_quantiles(numbers, quantiles)
        # Where nearly all numbers are the largest there is one quantile: that number is a value like a word.
        if len(set(in_parts.values())) > 1:
            return Property("column", name, {**in_parts, **blanks})
    counts = Counter(cells.values())
    values = {row: cell if counts[cell] >= fewest else RARER for row, cell in cells.items() if cell}
    if RARER in values.values() and set(values.values()) == {RARER}:
        return Property("column", name, {}, f"no value of the column has {fewest} rows")
    last = {row: value for row, value in values.items() if value == RARER}
    return Property("column", name, {**_ordered({row: values[row] for row in values.keys() - last}), **last, **blanks})


def _unlike_sentinels(cell: str) -> str:
    """Return the cell, quoted where it reads like a sentinel."""
    return repr(cell) if cell.strip("'\"") in (NO_VALUE, RARER) else cell


def _is_blank(cell: str) -> bool:
    try:
        return not math.isfinite(float(cell))
    except ValueError:
        return cell.strip().lower() in BLANKS


def _number(cell: str) -> float | None:
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _ordered(values: Mapping[str, str]) -> dict[str, str]:
    """The rows in the order of their values, then of their ids."""
    return dict(sorted(values.items(), key=lambda item: (item[1], item[0])))


def in_quantiles(numbers: Mapping[str, float], n: int, unit: str = "") -> dict[str, str]:
    """Return row → the quantile of its number, in words.

    The smallest come first. Rows of one number are of one quantile, so there may be fewer than n. Each quantile ends
    with a number of the data.
    """
    if not numbers:
        return {}
    parts = Quantiles(list(numbers.values()), n, unit)
    ranked = sorted(numbers.items(), key=lambda item: (item[1], item[0]))
    return {row: parts.of(number) for row, number in ranked}


class Quantiles:
    """The quantiles of numbers, each named by its ends."""

    def __init__(self, numbers: Sequence[float], n: int, unit: str = "") -> None:
        ordered = sorted(numbers)
        self._ends = sorted({ordered[math.ceil(len(ordered) * part / n) - 1] for part in range(1, n + 1)})
        self._names = list(_names(self._ends, unit))

    def of(self, number: float) -> str:
        """Return the quantile of a number, in words.

        The last one has no end.
        """
        return self._names[min(bisect.bisect_left(self._ends, number), len(self._ends) - 1)]


def _names(ends: Sequence[float], unit: str) -> Iterator[str]:
    """Name the quantiles by their ends.

    ``up to 8 words``, ``above 8, up to 14 words``, ``above 14 words``.
    """
    if len(ends) == 1:
        yield f"{ends[0]:.12g}{unit}"
        return
    for place, end in enumerate(ends):
        below = f"above {ends[place - 1]:.12g}" if place else ""
        if place == len(ends) - 1:
            yield f"{below}{unit}"
        else:
            yield f"{f'{below}, ' if below else ''}up to {end:.12g}{unit}"
