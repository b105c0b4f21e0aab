"""Places of answers in a context, by character and by word."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence

from auditor.errors import DataError
from auditor.text.words import split, words_of
from auditor.types import Edit, GoldAnswer

_END = re.compile(r"[.!?。！？…][\"'”’»)\]]*$")
_INITIAL = re.compile(r"\(?[^\W\d_]\.")


def starts(context: str) -> tuple[int, ...]:
    """Return the place of each word's first character."""
    words = split(context)
    places, at = [], 0
    for separator, word in zip(words.separators, words.words, strict=False):
        at += len(separator)
        places.append(at)
        at += len(word)
    return tuple(places)


def trimmed(context: str, start: int, end: int) -> tuple[int, int]:
    """Return the span [start, end) without white space at its ends."""
    part = context[start:end]
    begins = start + len(part) - len(part.lstrip())
    return begins, max(begins, start + len(part.rstrip()))


def answer_at(context: str, start: int, end: int, begins: Sequence[int] | None = None) -> GoldAnswer:
    """Return the characters [start, end) of a context as an answer.

    White space at its ends is left out. ``begins``: ``starts(context)``, where it is known. Raises DataError where
    nothing but white space is left.
    """
    start, end = trimmed(context, start, end)
    if start >= end:
        raise DataError("the answer is empty")
    places = starts(context) if begins is None else begins
    word = max(number for number, place in enumerate(places) if place <= start)
    return GoldAnswer(context[start:end], word, start - places[word])


def start_of(context: str, answer: tuple[str, int, int], begins: Sequence[int] | None = None) -> int:
    """Return the place of an answer's first character.

    It is -1 where the context does not hold the answer there.
    """
    text, word, letter = answer
    places = starts(context) if begins is None else begins
    at = places[word] + letter if 0 <= word < len(places) else len(context)
    return at if letter >= 0 and text and context.startswith(text, at) else -1


def places(answer: tuple[str, int, int]) -> range:
    """Return the words that an answer covers, perhaps in part."""
    return range(answer[1], answer[1] + len(words_of(answer[0])))


def sentence_of(context: str, answer: tuple[str, int, int]) -> tuple[int, int]:
    """Return start and end of the sentences that an answer covers."""
    own, begins, words = set(places(answer)), starts(context), words_of(context)
    covered = [place for sentence in sentences(context) if own & set(sentence) for place in sentence]
    return begins[covered[0]], begins[covered[-1]] + len(words[covered[-1]])


def sentences(context: str) -> list[range]:
    """Return the words of each sentence.

    A sentence ends with a word that ends with a full stop, an exclamation or a question mark, also before a closing
    quote or bracket, unless the word is an initial or the next one begins with a small letter.
    """
    words = words_of(context)
    ends = [
        place + 1
        for place, word in enumerate(words[:-1])
        if _END.search(word) and not _INITIAL.fullmatch(word) and not words[place + 1][0].islower()
    ]
    bounds = [0, *ends, len(words)]
    return [range(start, end) for start, end in itertools.pairwise(bounds) if start < end]


def moved(answer: GoldAnswer, edits: Iterable[Edit], origins: Sequence[int]) -> GoldAnswer | None:
    """Return the answer in the edited context.

    None where the edits do not leave it whole. ``origins``: of each word after, the word before that it comes from, or
    -1.
    """
    now = [place for place, origin in enumerate(origins) if origin in places(answer)]
    in_order = [origins[place] for place in now] == list(places(answer))
    if not in_order or now != list(range(now[0], now[0] + len(now))):
        return None
    changed, own = _changed(edits), split(answer.text)
    for number, place in enumerate(now):
        if place in changed:
            word, gap = changed[place]
            begins, last = (answer.letter if number == 0 else 0), number == len(now) - 1
            ends = begins + len(own.words[number])
            if word[begins:ends] != own.words[number] or not (last or len(word) == ends):
                return None
            if not last and gap not in (None, own.separators[number + 1]):
                return None
    return answer._replace(word=now[0])


def _changed(edits: Iterable[Edit]) -> dict[int, tuple[str, str | None]]:
    """Return place after → new word, and white space after it.

    The white space is None where the edit does not set it.
    """
    made: dict[int, tuple[str, str | None]] = {}
    shift = 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        for number, (word, gap) in enumerate(itertools.zip_longest(edit.words, edit.separators[: len(edit.words)])):
            made[edit.start + shift + number] = word, gap
        shift += len(edit.words) - (edit.end - edit.start)
    return made
