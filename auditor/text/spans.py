"""Entities as spans of words, and the ways in which tags spell them out.

A span covers the words [start, end) and has a type. Tags are one a word: IOB2 begins every entity with ``B-``; IOB1 only
one that follows another of its type at once; IOBES and BILOU also mark ends (``E-``, ``L-``) and entities of one word
(``S-``, ``U-``). Ramshaw & Marcus (1995); Tjong Kim Sang & Veenstra (1999); Ratinov & Roth (2009).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from auditor import text
from auditor.errors import DataError, near_match
from auditor.types import Span

OUTSIDE = "O"
PREFIXES = "BIESLU"
PLAIN = "entity"
"""The type of tags that name none, as in files and models that know one type only."""
_ALIKE = {"L": "E", "U": "S"}
"""BILOU's letters → those of IOBES."""
SCHEMES = ("IOB1", "IOB2", "IOBES", "BILOU")


def overlap(one: Span, other: Span) -> bool:
    """Whether they have a word in common."""
    return one.start < other.end and other.start < one.end


def places(entities: Iterable[Span]) -> frozenset[int]:
    """The places of the entities' words."""
    return frozenset(place for entity in entities for place in range(entity.start, entity.end))


def typed(tag: str) -> str:
    """The tag with a type: ``B`` → ``B-entity``. Others as they are."""
    return f"{tag}-{PLAIN}" if len(tag) == 1 and tag in PREFIXES else tag


def parts(tag: str) -> tuple[str, str]:
    """``B-PER`` → (``B``, ``PER``); ``O`` → (``O``, ````). Raises DataError for a tag without prefix or type."""
    if tag == OUTSIDE:
        return OUTSIDE, ""
    prefix, _, kind = tag.partition("-")
    hint = "tags are O, or a prefix (B, I, E, S, L, U), a dash and a type, such as B-PER"
    if prefix not in PREFIXES or len(prefix) != 1:
        raise DataError(f"tag {tag!r} has no prefix", hint=hint)
    if not kind:
        raise DataError(f"tag {tag!r} has no type", hint=hint)
    return prefix, kind


def scheme(sentences: Iterable[Sequence[str]]) -> str:
    """The scheme that these sentences' tags are written in; IOB2 where nothing tells it from another.

    Raises DataError for a tag without prefix.
    """
    letters: set[str] = set()
    bare = adjacent = other = False
    for tags in sentences:
        before = (OUTSIDE, "")
        for tag in tags:
            now = parts(tag)
            letters.add(now[0])
            if now[0] == "I" and (before[0] == OUTSIDE or before[1] != now[1]):
                bare = True
            if now[0] == "B":
                follows = before[0] != OUTSIDE and before[1] == now[1]
                adjacent, other = adjacent or follows, other or not follows
            before = now
    if letters & {"L", "U"}:
        return "BILOU"
    if letters & {"E", "S"}:
        return "IOBES"
    # Where some entities begin with B- for no other reason than that they begin, I- after O is a mistake.
    return "IOB1" if bare and not other else "IOB2"


def illegal(tags: Sequence[str], scheme: str) -> tuple[int, str] | None:
    """The first tag that violates the scheme, and why; None where all are legal."""
    before = (OUTSIDE, "")
    for index, tag in enumerate((*tags, OUTSIDE)):
        now = parts(tag)
        problem = _problem(before, now, tag, scheme)
        if problem:
            return min(index, len(tags) - 1), problem
        before = now
    return None


def _problem(before: tuple[str, str], now: tuple[str, str], tag: str, written: str) -> str:
    if written == "IOB1":
        return ""
    ends = written in ("IOBES", "BILOU")
    letter, kind = _ALIKE.get(now[0], now[0]), now[1]
    last = _ALIKE.get(before[0], before[0])
    opened = last in ("B", "I") and (before[1] == kind)
    if letter in ("I", "E") and not opened:
        after = OUTSIDE if last == OUTSIDE else f"{before[0]}-{before[1]}"
        return f"{tag} follows {after}: an entity begins with {'B- or S-' if ends else 'B-'}"
    if ends and last in ("B", "I") and letter not in ("I", "E"):
        return (
            f"{before[0]}-{before[1]} is followed by {tag}: an entity ends with {'E-' if written == 'IOBES' else 'L-'}"
        )
    return ""


def spans(tags: Sequence[str], *, strict: bool = True) -> tuple[Span, ...]:
    """The entities of tags of any scheme but IOB1, in their order.

    ``strict``: as seqeval's strict mode has them for IOB2: what begins with ``I-`` is no entity. Otherwise, as the
    conlleval script, and for IOB1, a change of type or a word outside begins one as well.
    """
    found: list[Span] = []
    start, kind = 0, ""
    for index, tag in enumerate((*tags, OUTSIDE)):
        prefix, now = (OUTSIDE, "") if tag == OUTSIDE else (tag[:1], tag[2:])
        prefix = _ALIKE.get(prefix, prefix)
        goes_on = kind and prefix in ("I", "E") and now == kind
        if kind and not goes_on:
            found.append(Span(start, index, kind))
            kind = ""
        if prefix in ("B", "S") or (prefix in ("I", "E") and not goes_on and not strict):
            start, kind = index, now
        if kind and prefix in ("E", "S"):
            found.append(Span(start, index + 1, kind))
            kind = ""
    return tuple(found)


def tags_of(found: Iterable[Span], words: int) -> tuple[str, ...]:
    """Spans that do not overlap → IOB2 tags of so many words."""
    tags = [OUTSIDE] * words
    for start, end, kind in found:
        tags[start:end] = [f"B-{kind}", *[f"I-{kind}"] * (end - start - 1)]
    return tuple(tags)


def converted(tags: Sequence[str]) -> tuple[str, ...]:
    """Tags of any scheme → IOB2; what is illegal is repaired: it begins or ends an entity."""
    return tags_of(spans(tags, strict=False), len(tags))


def renamed(tags: Sequence[str], names: Mapping[str, str]) -> tuple[str, ...]:
    """The tags with types by their other names, where they have one; OUTSIDE is one too."""

    def other(tag: str) -> str:
        kind = tag[2:]
        if tag == OUTSIDE or (kind != OUTSIDE and names.get(kind) == OUTSIDE):
            return OUTSIDE
        return f"{tag[:2]}{names.get(kind, kind)}"

    return tuple(map(other, tags))


def followed(found: Iterable[Span], origins: Sequence[int]) -> tuple[Span, ...] | None:
    """The spans of a text after word edits; None where an entity's words no longer stand together.

    ``origins``: of each word after, the word before that it comes from; −1: a new one. New words within an entity are
    part of it; an entity without any word left is gone.
    """
    moved = []
    for start, end, kind in found:
        places = [index for index, origin in enumerate(origins) if start <= origin < end]
        if not places:
            continue
        first, last = places[0], places[-1] + 1
        if any(origins[index] >= 0 and not start <= origins[index] < end for index in range(first, last)):
            return None
        moved.append(Span(first, last, kind))
    return tuple(sorted(moved))


def follow(tags: Sequence[str], origins: Sequence[int]) -> tuple[str, ...] | None:
    """The IOB2 tags of a text after word edits; None where an entity's words no longer stand together."""
    moved = followed(spans(tags), origins)
    return None if moved is None else tags_of(moved, len(origins))


def joined(tags: Sequence[str], edits: Iterable[text.Edit]) -> bool:
    """Whether an edit merges words across an entity boundary, so that no single tag is right for the merged word."""
    found = spans(tags)

    def place(word: int) -> int:
        return next((index for index, one in enumerate(found) if one.start <= word < one.end), -1)

    merging = [edit for edit in edits if 0 < len(edit.words) < edit.end - edit.start]
    return any(len({place(word) for word in range(edit.start, edit.end)}) > 1 for edit in merging)


def among(tag: str, known: Sequence[str]) -> str | None:
    """The tag, or where only others of its type are known, as of a scheme without beginnings, the first of these."""
    return tag if tag in known else next((one for one in known if tag != OUTSIDE and one[1:] == tag[1:]), None)


def near_type(kind: str, known: Sequence[str]) -> str | None:
    """A hint at the type that may be meant: spelt alike, or one the beginning of the other, as PER is of person."""
    return near_match(kind, known) or begun_type(kind, known)


def begun_type(kind: str, known: Sequence[str]) -> str | None:
    """A hint at a type that is the beginning of this one, or that this one is the beginning of."""
    low = kind.casefold()
    found = next((one for one in known if low.startswith(one.casefold()) or one.casefold().startswith(low)), None)
    return found and f"did you mean {found!r}?"


_WHOLE = {
    "per": ("person", "people"),
    "loc": ("location",),
    "org": ("organization", "organisation"),
    "misc": ("miscellaneous",),
}
"""Short names of types → their words."""


def short_for(kind: str, known: Sequence[str]) -> str | None:
    """The type that this one is another name of, as PER is of person; None where no two are sure to be one."""
    low = kind.casefold()
    same = {low, *_WHOLE.get(low, ()), *(short for short, words in _WHOLE.items() if low in words)}
    return next((one for one in known if one.casefold() in same), None)


def types(tags: Iterable[str]) -> Iterator[str]:
    """The types that tags name, each once, in their order."""
    return iter(dict.fromkeys(tag[2:] for tag in tags if tag != OUTSIDE))
