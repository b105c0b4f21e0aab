"""Which of two people the span of a context names.

BBQ's answers ("The man with the wheelchair") often stand nowhere in their contexts word for word ("the other
maneuvering his wheelchair through the door"), so that an extracted span is read by the words that tell the two apart.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

SAID_OF_ANYBODY = re.compile(
    "a|an|the|this|that|these|those|my|your|his|her|its|our|their|and|or|but|nor|so|as|if|than|too|very|i|you|he|"
    "she|it|we|they|me|him|us|them|himself|herself|themselves|who|whom|whose|which|what|where|when|while|in|on|"
    "at|by|for|from|of|off|to|up|out|into|onto|over|under|with|without|about|between|through|during|after|before|"
    "is|are|was|were|be|been|being|am|do|does|did|has|have|had|having|not|no|can|could|will|would|may|might|one|"
    "ones|other|another|both|each|either|person|persons|people|somebody|someone|individual|individuals"
)
"""Words that name nobody in particular."""
_APOSTROPHE = re.compile("[’ʼ`´]")
_POSSESSIVE = re.compile(r"'s\b")
_WORD = re.compile(r"[^\W_]+")


def words(text: str) -> tuple[str, ...]:
    """The words of a text in small letters, as they are compared.

    Hyphens part words; a possessive or contracted ``'s`` is left out.
    """
    return tuple(_WORD.findall(_POSSESSIVE.sub("", _APOSTROPHE.sub("'", text.casefold()))))


@dataclass(frozen=True, slots=True)
class Person:
    """A person, or a group of people, that an answer names."""

    answer: str
    """The answer in full: "The man with the wheelchair"."""
    told_by: str = ""
    """What tells the person apart, as ``answer_info`` has it: "wheelchair"."""

    @property
    def content(self) -> frozenset[str]:
        """The words of both that name somebody in particular."""
        said = words(f"{self.answer} {self.told_by}")
        return frozenset(word for word in said if not SAID_OF_ANYBODY.fullmatch(word))


def named(span: str, people: Sequence[Person]) -> int | None:
    """The place of the person whom a span names.

    It is None where that is neither or both. A span that is an answer word for word, articles apart, names that person.
    Else it names the person of whom it has a word, and none of the other; words that both have, and those of
    ``SAID_OF_ANYBODY``, count for neither.
    """
    own = [person.content for person in people]
    said = words(span)
    whole = [place for place, person in enumerate(people) if _bare(said) == _bare(words(person.answer)) != ()]
    if len(whole) == 1:
        return whole[0]
    shared = frozenset.intersection(*own)
    hit = [place for place, content in enumerate(own) if not (content - shared).isdisjoint(said)]
    return hit[0] if len(hit) == 1 else None


def _bare(said: Sequence[str]) -> tuple[str, ...]:
    return tuple(word for word in said if word not in ("a", "an", "the"))
