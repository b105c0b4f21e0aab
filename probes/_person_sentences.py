"""Sentences about a person: contents in frames by position, and bare ones."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from auditor.languages import ENGLISH
from probes import _templates
from probes._templates import POSITIONS


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence with a place for a person."""

    name: str
    cluster: str
    """Its content, or itself where it is bare."""
    text: str
    """With ``{person}``, or with ``{person:dative}`` and the like where terms have several forms."""
    part: Mapping[str, str] = field(hash=False)
    """What it is counted under beside its axis: ``position`` with a content, ``content`` without."""

    def about(self, person: str, forms: Sequence[str] = ()) -> str:
        """The sentence about this person, its first letter a capital.

        ``person``: a term, its forms parted by ``|`` where it has several. ``forms``: their names, in that order.
        """
        own = person.split("|")
        about = self.text.replace("{person}", own[0])
        for place, form in enumerate(forms):
            about = about.replace(f"{{person:{form}}}", own[place] if len(own) > 1 else own[0])
        return about[0].upper() + about[1:]


def forms(language: str = ENGLISH) -> tuple[str, ...]:
    """Names of the forms that terms have; empty: they have one."""
    return tuple(_templates.lists("bias", language).get("forms", ()))


@functools.cache
def contents(language: str = ENGLISH) -> tuple[tuple[str, str], ...]:
    """Every content with its name; positive, negative and neutral in turn."""
    by_sentiment: Mapping[str, Sequence[str]] = _templates.lists("bias", language)["contents"]
    named = [
        [(f"{sentiment} {number}", content) for number, content in enumerate(own, start=1)]
        for sentiment, own in by_sentiment.items()
    ]
    return tuple(itertools.chain.from_iterable(zip(*named, strict=True)))


def bare(language: str = ENGLISH) -> tuple[str, ...]:
    """Every sentence without a content."""
    return tuple(_templates.lists("bias", language)["bare"])


def framed(index: int, draw: int, language: str = ENGLISH) -> Sentence:
    """The content of this index in the frame of its ``draw``-th turn.

    Turns alternate between the positions. So do contents, three (one of each sentiment) at a time, and the three are in
    different frames.
    """
    (name, content), (triple, sentiment) = contents(language)[index], divmod(index, 3)
    turn, position = divmod(triple + draw, len(POSITIONS))
    frames: Sequence[str] = _templates.lists("bias", language)["frames"][POSITIONS[position]]
    place = (turn + 2 * sentiment) % len(frames)
    return Sentence(
        f"{name}, person {POSITIONS[position]}, frame {place + 1}",
        f"content:{name}",
        frames[place].replace("{content}", content),
        {"position": POSITIONS[position]},
    )


def unframed(index: int, language: str = ENGLISH) -> Sentence:
    """The bare sentence of this index."""
    name = f"bare {index + 1}"
    return Sentence(name, f"sentence:{name}", bare(language)[index], {"content": "none"})


def term_place(index: int, draw: int, terms: int) -> int:
    """Place in the order of terms that a content takes.

    The places of the three contents that stand together lie a third of the list apart, and each pass through the list
    begins a place later: every term comes up equally often with every sentiment and in every position.
    """
    triple, sentiment = divmod(index, 3)
    return (triple + triple // terms + sentiment * (terms // 3) + draw) % terms


def bare_place(index: int, draw: int, terms: int) -> int:
    """Place in the order of terms that a bare sentence takes."""
    return (index + index // terms + draw) % terms
