"""Templates: texts with slots, and the fillings that are drawn of them."""

from __future__ import annotations

import math
import random
import re
import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

_SLOT = re.compile(r"[\w -]+")


@dataclass(frozen=True, slots=True)
class Template:
    """A text with slots."""

    text: str
    """As it is written: ``The {thing} was {good}.``"""
    parts: tuple[tuple[str, str | None], ...]
    """Words, and the slot behind them, if any."""

    @property
    def slots(self) -> tuple[str, ...]:
        """The slots that it names, each once, in their order."""
        return tuple(dict.fromkeys(slot for _, slot in self.parts if slot is not None))

    def filled(self, words: Mapping[str, str]) -> str:
        """Return the text with the word of each slot."""
        return "".join(literal + ("" if slot is None else words[slot]) for literal, slot in self.parts)


def parse(text: str) -> Template:
    """Read a template; ``{{`` is a brace.

    Raises ValueError, in words, for braces that do not match and for a slot that is no name.
    """
    parts: list[tuple[str, str | None]] = []
    try:
        for literal, slot, spec, conversion in string.Formatter().parse(text):
            if slot is not None and (not _SLOT.fullmatch(slot) or spec or conversion):
                raise ValueError(f"{{{slot}}} is no slot: a name in braces is")
            parts.append((literal, slot))
    except ValueError as error:
        problem = str(error)
        if "is no slot" not in problem:
            problem = "a brace has no partner (write {{ or }} for a brace of the text)"
        raise ValueError(problem) from None
    return Template(text, tuple(parts))


def fillings(
    slots: Mapping[str, Sequence[str]], vary: str | None, n: int, rng: random.Random
) -> Iterator[tuple[Mapping[str, str], Mapping[str, str]]]:
    """Draw up to n different fillings.

    Each is the words of the slots, before and after; the slot ``vary`` alone has two different words, the others the
    same.
    """
    sizes = [len(words) * (len(words) - 1 if name == vary else 1) for name, words in slots.items()]
    total = math.prod(sizes)
    for number in rng.sample(range(total), min(n, total)):
        before: dict[str, str] = {}
        after: dict[str, str] = {}
        for (name, words), size in zip(slots.items(), sizes, strict=True):
            number, place = divmod(number, size)
            place, shift = divmod(place, len(words) - 1) if name == vary else (place, -1)
            before[name] = words[place]
            after[name] = words[(place + shift + 1) % len(words)]
        yield before, after
