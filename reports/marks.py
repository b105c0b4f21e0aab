"""Marking of what changed between two texts, word by word."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any, Literal, TypeAlias

from reports.formats import visible
from reports.words import recorded, say

CONTEXT = 10
"""Unchanged words shown on either side of a change; the page gives the number of words left out."""
LONG = 1_000_000
"""Pairs of words above which two texts count as long."""
UNCHANGED = 60
"""Words shown of an unchanged text."""

CUT = re.compile(r"… \[([0-9,]+ characters? left out)\] …")
"""Pattern of the text that replaces the rest of a very long text in the results."""
_WORD = re.compile(rf"{CUT.pattern}\s*|\S+\s*|\s+")

Part: TypeAlias = tuple[Literal["same", "del", "ins", "gap"], str]


def marked(before: str, after: str) -> list[Part]:
    """Split two texts into parts in reading order.

    A removed part precedes its replacement. Words are compared together with the white space after them, so that a
    changed space is marked too.
    """
    old, new = _words(before), _words(after)
    parts: list[Part] = []
    codes = _codes(old, new)
    for place, (tag, i, j, k, end) in enumerate(codes):
        if tag == "equal":
            parts += _context(old[i:j], first=place == 0, last=place == len(codes) - 1)
            continue
        if j > i:
            parts.append(("del", _shown(old[i:j])))
        if end > k:
            parts.append(("ins", _shown(new[k:end])))
        parts.append(("same", " "))
    return parts


def _codes(old: Sequence[str], new: Sequence[str]) -> list[tuple[str, int, int, int, int]]:
    """Return difflib's opcodes for two sequences of words.

    Long texts are compared without their equal first and last words; comparing them whole takes minutes.
    """
    head = tail = 0
    least = min(len(old), len(new))
    if len(old) * len(new) > LONG:
        head = next((at for at in range(least) if old[at] != new[at]), least)
        tail = next((at for at in range(least - head) if old[-1 - at] != new[-1 - at]), least - head)
    inner = SequenceMatcher(None, old[head : len(old) - tail], new[head : len(new) - tail], autojunk=False)
    return [
        *([("equal", 0, head, 0, head)] if head else []),
        *((tag, i + head, j + head, k + head, end + head) for tag, i, j, k, end in inner.get_opcodes()),
        *([("equal", len(old) - tail, len(old), len(new) - tail, len(new))] if tail else []),
    ]


def marked_fields(before: Mapping[str, str], after: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return each text field with its marked parts.

    A field has a name only if there are several.
    """
    names = [*before, *(name for name in after if name not in before)]
    return [
        {"name": name if len(names) > 1 else "", "parts": marked(before.get(name, ""), after.get(name, ""))}
        for name in names
    ]


def _words(text: str) -> list[str]:
    return [match.group() for match in _WORD.finditer(text)]


def _context(words: Sequence[str], *, first: bool, last: bool) -> list[Part]:
    if first and last:
        rest = len(words) - UNCHANGED
        return (
            [("same", _plain(words))] if rest <= 0 else [("same", _plain(words[:UNCHANGED])), _gap(words[UNCHANGED:])]
        )
    head, tail = (0 if first else CONTEXT), (0 if last else CONTEXT)
    rest = len(words) - head - tail
    if rest <= 1:
        return [("same", _plain(words))]
    parts: list[Part] = [("same", _plain(words[:head]))] if head else []
    parts.append(_gap(words[head : len(words) - tail]))
    return [*parts, ("same", _plain(words[len(words) - tail :]))] if tail else parts


def _gap(words: Sequence[str]) -> Part:
    cuts = [cut[1] for word in words if (cut := CUT.match(word))]
    unchanged = say("{n} unchanged words", n=len(words) - len(cuts))
    left_out = say(", ").join([unchanged, *map(recorded, cuts)])
    return ("gap", f"… {left_out} …")


def _plain(words: Sequence[str]) -> str:
    return visible("".join(words))


def _shown(words: Sequence[str]) -> str:
    """Join changed words; spell out unusual white space between and after them."""
    text = "".join(words)
    text = text[:-1] if re.search(r"\S $", text) else text
    text = re.sub(r"^ | $|  +", lambda match: "␣" * len(match[0]), text)
    return visible(text.replace("\t", "⇥").replace("\n", "⏎"))
