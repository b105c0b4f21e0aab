"""Numbers and text as people read them."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

_UNSEEN = frozenset({0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0})
"""Characters that draw nothing although their category is a letter's, a mark's or a symbol's."""
_UNSEEN_RANGES = ((0x180B, 0x180F), (0xFE00, 0xFE0F), (0xE0100, 0xE01EF))
"""Variation selectors."""
_CATEGORIES = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"})


def visible(text: str) -> str:
    """Text whose invisible and direction-changing characters are spelt out: ``⟨U+200B⟩``.

    The plain space, tab and line break stay. Lone surrogates are spelt out too, so the result is valid UTF-8.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(f"⟨U+{ord(one):04X}⟩" if _hidden(one) else one for one in text)


def _hidden(character: str) -> bool:
    if character in " \t\n":
        return False
    code = ord(character)
    if code in _UNSEEN or any(first <= code <= last for first, last in _UNSEEN_RANGES):
        return True
    return unicodedata.category(character) in _CATEGORIES


def signed(value: float, digits: int = 1) -> str:
    """``+3.1``, ``−0.4`` with a true minus sign, ``0.0`` without any."""
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else text.replace("-", "−")


def number(value: float | None, unit: str) -> str:
    """A number without its unit: shares and points times 100, one decimal. None is an infinite bound."""
    if value is None:
        return "∞"
    if unit == "points":
        return signed(100 * value)
    if unit == "share":
        return f"{100 * value:.1f}"
    if unit == "ratio":
        return f"{value:.2f}".replace("-", "−")
    return f"{value:,.1f}".removesuffix(".0").replace("-", "−")


_SUFFIX = {"share": " %", "points": " points", "words": " words"}


def amount(value: float | None, unit: str) -> str:
    """A number with its unit: ``81.2 %``, ``+3.1 points``, ``24``, ``0.42``, ``3.5 words``."""
    return number(value, unit) + ("" if value is None else _SUFFIX.get(unit, ""))


def interval(low: float | None, high: float | None, unit: str) -> str:
    """``[a, b]`` in the unit of the value beside it; None is infinite."""
    below = "−∞" if low is None else number(low, unit)
    return f"[{below}, {number(high, unit)}]"


def measured_interval(one: Mapping[str, Any], unit: str) -> str:
    """A measurement's interval; a dash for a descriptive number that comes without one."""
    return "–" if one["low"] == one["value"] == one["high"] else interval(one["low"], one["high"], unit)


def difference_unit(unit: str) -> str:
    """The unit of a difference of two values: of shares it is points."""
    return "points" if unit == "share" else unit


def p_value(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def slice_text(slice_: Mapping[str, str] | None) -> str:
    """``family typos, severity middle``; ``all`` for the whole."""
    return ", ".join(f"{key} {value}" for key, value in (slice_ or {}).items()) or "all"


def words_of(name: str) -> str:
    """``forward_passes`` → ``forward passes``."""
    return name.replace("_", " ")


def setting(value: object) -> str:
    """A setting's value in one line: lists joined, mappings as ``key: value``."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {setting(inner)}" for key, inner in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(setting(inner) for inner in value) or "none"
    return str(value)
