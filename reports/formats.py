"""Formatting of numbers and text for the page."""

from __future__ import annotations

import bisect
import itertools
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from auditor.types import HOME
from reports.words import later, recorded, say

LABELS = 12
"""Labels listed under the title."""
_UNSEEN = frozenset({0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0})
"""Invisible characters whose category is that of letters, marks or symbols."""
_UNSEEN_RANGES = ((0x180B, 0x180F), (0xFE00, 0xFE0F), (0xE0100, 0xE01EF))
"""Variation selectors."""
_CATEGORIES = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"})


def visible(text: str) -> str:
    """Spell out invisible and direction-changing characters: ``⟨U+200B⟩``.

    The plain space, tab and line break stay. Lone surrogates are spelled out too, so the result is valid UTF-8.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(f"⟨U+{ord(character):04X}⟩" if _hidden(character) else character for character in text)


def _hidden(character: str) -> bool:
    if character in " \t\n":
        return False
    code = ord(character)
    if code in _UNSEEN or any(first <= code <= last for first, last in _UNSEEN_RANGES):
        return True
    return unicodedata.category(character) in _CATEGORIES


def signed(value: float, digits: int = 1) -> str:
    """Format a signed number with a true minus sign: ``+3.1``, ``−0.4``, ``0.0``."""
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else text.replace("-", "−")


def number(value: float | None, unit: str) -> str:
    """Format a number without its unit; None is an infinite bound.

    Shares and points are multiplied by 100 and have one decimal.
    """
    if value is None:
        return "∞"
    if unit == "points":
        return signed(100 * value)
    if unit == "share":
        return f"{100 * value:.1f}"
    if unit == "ratio":
        return f"{value:.2f}".replace("-", "−")
    return f"{value:,.1f}".removesuffix(".0").replace("-", "−")


_SUFFIX = {"points": later(" points"), "words": later(" words")}
_NAMED_BY_PROBES = frozenset(
    {
        *("asked", "axis", "candidates", "capability", "change", "content", "copies", "entities", "family", "of"),
        *("perturbation", "position", "property", "severity", "the model reads", "words between the entities"),
        *("context", "heuristic", "history", "pairs", "place", "score", "sentence"),
    }
)
"""Keys of slices whose values are words of the probes; the others' may come from the data."""
ALL = "all"
"""Value of a slice that holds every part."""
_SETS = frozenset({HOME, "train", "validation"})
"""Names of data sets that auditor gives, where a slice names sets."""


def amount(value: float | None, unit: str) -> str:
    """Format a number with its unit.

    Examples: ``81.2 %``, ``+3.1 points``, ``24``, ``0.42``, ``3.5 words``.
    """
    if value is None:
        return number(value, unit)
    return number(value, unit) + (" %" if unit == "share" else say(_SUFFIX[unit]) if unit in _SUFFIX else "")


def unsigned(value: float | None, unit: str) -> str:
    """Format a number with its unit, without a plus sign."""
    return amount(value, unit).removeprefix("+")


def capitalised(text: str) -> str:
    """Begin a text with a capital letter."""
    return f"{text[:1].upper()}{text[1:]}"


def in_a_row(*sentences: str) -> str:
    """Write sentences one after the other; empty ones are left out."""
    return say(" ").join(sentence for sentence in sentences if sentence)


def interval(low: float | None, high: float | None, unit: str) -> str:
    """Format an interval as ``[a, b]`` in the value's unit.

    None is an infinite bound.
    """
    below = "−∞" if low is None else number(low, unit)
    return f"[{below}, {number(high, unit)}]"


def measured_interval(measurement: Mapping[str, Any], unit: str) -> str:
    """Format a measurement's interval.

    A descriptive number without an interval gets a dash.
    """
    return (
        "–"
        if measurement["low"] == measurement["value"] == measurement["high"]
        else interval(measurement["low"], measurement["high"], unit)
    )


def shortened(text: str, columns: int) -> str:
    """Cut a text to its columns; wide characters have two."""
    wide = list(itertools.accumulate(1 + (unicodedata.east_asian_width(character) in "WF") for character in text))
    if not wide or wide[-1] <= columns:
        return text
    return f"{text[: bisect.bisect_right(wide, columns - 1)]}…"


def difference_unit(unit: str) -> str:
    """Return the unit of a difference; for shares it is points."""
    return "points" if unit == "share" else unit


def p_value(p: float) -> str:
    """Format a p-value with three decimals, or as ``< 0.001``."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def slice_text(slice_: Mapping[str, str] | None) -> str:
    """Format a slice as ``family typos, severity middle``, or ``all``."""
    if not slice_:
        return say("all")
    return say(", ").join(f"{recorded(key)} {slice_value(key, value)}" for key, value in slice_.items())


def slice_value(key: str, value: str) -> str:
    """Say a slice's value.

    It stays as it is where it may come from the data.
    """
    named = key in _NAMED_BY_PROBES or (value in _SETS and key in ("against", "domain", "in", "input", "rows"))
    return recorded(value) if named or (value == ALL and key in ("category", "kind")) else value


def labels_text(labels: Sequence[str]) -> str:
    """List a task's labels, of many the first.

    It is empty for a single name, which is no choice.
    """
    if len(labels) < 2:
        return ""
    first, rest = say(", ").join(labels[:LABELS]), len(labels) - LABELS
    return say("{labels} and {n} more", labels=first, n=rest) if rest > 0 else first


def words_of(name: str) -> str:
    """Replace underscores: ``forward_passes`` → ``forward passes``."""
    return name.replace("_", " ")


def setting(value: object) -> str:
    """Format a setting's value in one line.

    Lists are joined by commas, mappings written as ``key: value``.
    """
    if value is None:
        return say("none")
    if isinstance(value, bool):
        return say("yes") if value else say("no")
    if isinstance(value, Mapping):
        return say("; ").join(f"{key}: {setting(inner)}" for key, inner in value.items()) or say("none")
    if isinstance(value, list | tuple):
        return say(", ").join(setting(inner) for inner in value) or say("none")
    return str(value)
