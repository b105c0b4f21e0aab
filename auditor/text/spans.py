"""Entities as spans of words, and the schemes of their tags.

A span covers the words [start, end) and has a type. Each word has one tag. IOB2 begins every entity with ``B-``; IOB1
only an entity that directly follows another of its type; IOBES and BILOU also mark ends (``E-``, ``L-``) and entities
of one word (``S-``, ``U-``). Ramshaw & Marcus (1995); Tjong Kim Sang & Veenstra (1999); Ratinov & Roth (2009).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from auditor import text
from auditor.errors import DataError, near_match
from auditor.types import Span

OUTSIDE = "O"
PREFIXES = "BIESLU"
PLAIN = "entity"
"""The type of tags without one, as in files and models that know only one type."""
_ALIKE = {"L": "E", "U": "S"}
"""BILOU's letters → those of IOBES."""
_IOB2 = {"S": "B", "U": "B", "E": "I", "L": "I"}
"""Letters of other schemes → those of IOB2."""


def overlap(first: Span, second: Span) -> bool:
    """Whether two spans have a word in common."""
    return first.start < second.end and second.start < first.end


def places(entities: Iterable[Span]) -> frozenset[int]:
    """Return the places of the entities' words."""
    return frozenset(place for entity in entities for place in range(entity.start, entity.end))


def typed(tag: str) -> str:
    """Return the tag with a type: ``B`` → ``B-entity``.

    Other tags stay as they are.
    """
    return f"{tag}-{PLAIN}" if len(tag) == 1 and tag in PREFIXES else tag


def parts(tag: str) -> tuple[str, str]:
    """Return prefix and type of a tag.

    ``B-PER`` → (``B``, ``PER``); ``O`` → (``O``, ""). Raises DataError for a tag without prefix or type.
    """
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
    """Return the scheme that these sentences' tags are written in.

    It is IOB2 where nothing tells it from another. Raises DataError for a tag without prefix.
    """
    letters: set[str] = set()
    bare = unforced = False
    for tags in sentences:
        before = (OUTSIDE, "")
        for tag in tags:
            now = parts(tag)
            letters.add(now[0])
            if now[0] == "I" and (before[0] == OUTSIDE or before[1] != now[1]):
                bare = True
            if now[0] == "B" and (before[0] == OUTSIDE or before[1] != now[1]):
                unforced = True
            before = now
    if letters & {"L", "U"}:
        return "BILOU"
    if letters & {"E", "S"}:
        return "IOBES"
    # IOB1 needs B- only after an entity of the same type; if B- occurs elsewhere, I- after O is a mistake.
    return "IOB1" if bare and not unforced else "IOB2"


def illegal(tags: Sequence[str], scheme: str) -> tuple[int, str] | None:
    """Return the first tag that violates the scheme, and why.

    The tag is given by its index. The result is None where all tags are legal.
    """
    before = (OUTSIDE, "")
    for index, tag in enumerate((*tags, OUTSIDE)):
        now = parts(tag)
        problem = _problem(before, now, tag, scheme)
        if problem:
            return min(index, len(tags) - 1), problem
        before = now
    return None


def _problem(before: tuple[str, str], now: tuple[str, str], tag: str, scheme: str) -> str:
    if scheme == "IOB1":
        return ""
    ends = scheme in ("IOBES", "BILOU")
    letter, kind = _ALIKE.get(now[0], now[0]), now[1]
    last = _ALIKE.get(before[0], before[0])
    opened = last in ("B", "I") and (before[1] == kind)
    if letter in ("I", "E") and not opened:
        after = OUTSIDE if last == OUTSIDE else f"{before[0]}-{before[1]}"
        return f"{tag} follows {after}: an entity begins with {'B- or S-' if ends else 'B-'}"
    if ends and last in ("B", "I") and letter not in ("I", "E"):
        return (
            f"{before[0]}-{before[1]} is followed by {tag}: an entity ends with {'E-' if scheme == 'IOBES' else 'L-'}"
        )
    return ""


def spans(tags: Sequence[str], *, strict: bool = True) -> tuple[Span, ...]:
    """Return the entities of tags of any scheme but IOB1, in order.

    ``strict``: as in seqeval's strict mode for IOB2, what begins with ``I-`` is not an entity. Otherwise, as in the
    conlleval script and for IOB1, ``I-`` also begins an entity after another type or after a word outside.
    """
    entities: list[Span] = []
    start, kind = 0, ""
    for index, tag in enumerate((*tags, OUTSIDE)):
        prefix, now = (OUTSIDE, "") if tag == OUTSIDE else (tag[:1], tag[2:])
        prefix = _ALIKE.get(prefix, prefix)
        goes_on = kind and prefix in ("I", "E") and now == kind
        if kind and not goes_on:
            entities.append(Span(start, index, kind))
            kind = ""
        if prefix in ("B", "S") or (prefix in ("I", "E") and not goes_on and not strict):
            start, kind = index, now
        if kind and prefix in ("E", "S"):
            entities.append(Span(start, index + 1, kind))
            kind = ""
    return tuple(entities)


def tags_of(entities: Iterable[Span], words: int) -> tuple[str, ...]:
    """Return the IOB2 tags of spans that do not overlap.

    ``words``: the number of words.
    """
    tags = [OUTSIDE] * words
    for start, end, kind in entities:
        tags[start:end] = [f"B-{kind}", *[f"I-{kind}"] * (end - start - 1)]
    return tuple(tags)


def converted(tags: Sequence[str]) -> tuple[str, ...]:
    """Convert tags of any scheme to IOB2.

    An illegal tag is repaired: it begins or ends an entity.
    """
    return tags_of(spans(tags, strict=False), len(tags))


def renamed(tags: Sequence[str], names: Mapping[str, str]) -> tuple[str, ...]:
    """Return the tags with their types renamed.

    Types that ``names`` lacks stay. The new name OUTSIDE turns the tags of a type into O.
    """

    def renamed_tag(tag: str) -> str:
        kind = tag[2:]
        if tag == OUTSIDE or (kind != OUTSIDE and names.get(kind) == OUTSIDE):
            return OUTSIDE
        return f"{tag[:2]}{names.get(kind, kind)}"

    return tuple(map(renamed_tag, tags))


def followed(entities: Iterable[Span], origins: Sequence[int]) -> tuple[Span, ...] | None:
    """Return the spans of a text after word edits.

    The result is None where an entity's words are no longer together. ``origins``: for each word after the edits, the
    word before that it comes from; −1 for a new one. New words within an entity are part of it; an entity without any
    word left is gone.
    """
    moved = []
    for start, end, kind in entities:
        places = [index for index, origin in enumerate(origins) if start <= origin < end]
        if not places:
            continue
        first, last = places[0], places[-1] + 1
        if any(origins[index] >= 0 and not start <= origins[index] < end for index in range(first, last)):
            return None
        moved.append(Span(first, last, kind))
    return tuple(sorted(moved))


def follow(tags: Sequence[str], origins: Sequence[int]) -> tuple[str, ...] | None:
    """Return the IOB2 tags of a text after word edits.

    The result is None where an entity's words are no longer together.
    """
    moved = followed(spans(tags), origins)
    return None if moved is None else tags_of(moved, len(origins))


def joined(tags: Sequence[str], edits: Iterable[text.Edit]) -> bool:
    """Whether an edit merges words across an entity boundary.

    No single tag is right for such a merged word.
    """
    entities = spans(tags)

    def place(word: int) -> int:
        return next((index for index, span in enumerate(entities) if span.start <= word < span.end), -1)

    merging = [edit for edit in edits if 0 < len(edit.words) < edit.end - edit.start]
    return any(len({place(word) for word in range(edit.start, edit.end)}) > 1 for edit in merging)


def read_alike(known: Sequence[str]) -> dict[str, list[int]]:
    """Return the places of tags, by what IOB2 reads.

    ``S-`` and ``U-`` are ``B-`` there, ``E-`` and ``L-`` are ``I-``.
    """
    places: dict[str, list[int]] = {}
    for place, tag in enumerate(known):
        same = tag if tag == OUTSIDE else _IOB2.get(tag[0], tag[0]) + tag[1:]
        places.setdefault(same, []).append(place)
    return places


def among(tag: str, known: Sequence[str]) -> str | None:
    """Return the tag, or the first known tag of the same type.

    The second serves models whose scheme has no beginnings. The result is None where the type is unknown.
    """
    return (
        tag
        if tag in known
        else next((other_tag for other_tag in known if tag != OUTSIDE and other_tag[1:] == tag[1:]), None)
    )


def near_type(kind: str, known: Sequence[str]) -> str | None:
    """Return a hint at the type that may be meant.

    It is spelt alike, or one is the beginning of the other, as PER is of person.
    """
    return near_match(kind, known) or begun_type(kind, known)


def begun_type(kind: str, known: Sequence[str]) -> str | None:
    """Return a hint at a type that begins alike.

    It is the beginning of this type, or this type is the beginning of it.
    """
    low = kind.casefold()
    lowered = {name: name.casefold() for name in known}
    near = next((name for name, word in lowered.items() if low.startswith(word) or word.startswith(low)), None)
    return near and f"did you mean {near!r}?"


_WHOLE = {
    "per": ("person", "people"),
    "loc": ("location",),
    "org": ("organization", "organisation"),
    "misc": ("miscellaneous",),
}
"""Short names of types → their words."""


def short_for(kind: str, known: Sequence[str]) -> str | None:
    """Return the type that this one is another name of.

    PER is another name of person. The result is None where no two are sure to be the same.
    """
    low = kind.casefold()
    same = {low, *_WHOLE.get(low, ()), *(short for short, words in _WHOLE.items() if low in words)}
    return next((name for name in known if name.casefold() in same), None)


def types(tags: Iterable[str]) -> Iterator[str]:
    """Yield the types that tags name, each once, in order."""
    return iter(dict.fromkeys(tag[2:] for tag in tags if tag != OUTSIDE))
