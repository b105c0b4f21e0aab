"""Wrong answers of questions: other spans of the context, or none."""

from __future__ import annotations

import functools
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from auditor.text import answer_scores, answers, shares
from auditor.text.tokens import CHARACTER_OR_RUN
from auditor.types import Corruption, Example, GoldAnswer

CONTEXT = "context"
Gold: TypeAlias = tuple[GoldAnswer, ...]
Place: TypeAlias = tuple[int, int]
"""First character of a span of the context, and the character after its last."""
_CORE = re.compile(r"\w(?:.*\w)?", re.DOTALL)
_ENDS = re.compile(r"[.!?;。！？…]\W*$")
LONGEST = 30
"""Words of a span, at most."""


class _Wrong:
    """A share of the rows that can be is wrong."""

    reason: str

    def impossible(self, rows: Sequence[Example]) -> str | None:
        """Why no answer of these can be wrong so, if none can."""
        # Row by row: the first that can be is enough.
        changes = self._changes(rows, random.Random(0))
        return None if any(change is not None for change in changes) else self.reason

    def __call__(self, rows: Sequence[Example], rate: float, rng: random.Random) -> list[Gold]:
        """The right answers, a share of them wrong."""
        order = list(range(len(rows)))
        rng.shuffle(order)
        changes = list(self._changes(rows, rng))
        possible = [place for place in order if changes[place] is not None]
        wrong = set(possible[: shares.nearest(rate, len(possible))])
        pairs = zip(rows, changes, strict=True)
        return [
            change if place in wrong and change is not None else row.gold for place, (row, change) in enumerate(pairs)
        ]

    def _changes(self, rows: Sequence[Example], rng: random.Random) -> Iterator[Gold | None]:
        """What each row's answers become; None: they cannot be wrong so."""
        raise NotImplementedError


class AnotherSpan(_Wrong):
    """Another span of the context, like the right answer.

    It has as many words, is a number, a name or neither as the right answer is, and lies within a sentence, each where
    the context has such a span. A question without an answer gets a span as long as another row's answer.
    """

    reason = "no context of the training rows has another span"

    def _changes(self, rows: Sequence[Example], rng: random.Random) -> Iterator[Gold | None]:
        words = functools.cache(_words)
        lengths = [len(_words(row.gold[0].text)) or 1 for row in rows if row.gold] or [1]
        return (_another(row, words(row.inputs[CONTEXT]), rng.choice(lengths), rng) for row in rows)


class OtherEnds(_Wrong):
    """A word too many or too few at an end."""

    reason = "no training row has an answer with another word in it or beside it"

    def _changes(self, rows: Sequence[Example], rng: random.Random) -> Iterator[Gold | None]:
        return (_chosen(row, list(_with_other_ends(row)), rng) for row in rows)


class Missing(_Wrong):
    """Questions that have an answer are said to have none."""

    reason = "no training row has an answer"

    def _changes(self, rows: Sequence[Example], rng: random.Random) -> Iterator[Gold | None]:
        del rng
        return (() if row.gold else None for row in rows)


def _words(text: str) -> list[Place]:
    """Places of words without the punctuation around them.

    Of scripts without blanks, of characters.
    """
    runs = ((match.start(), _CORE.search(match.group())) for match in CHARACTER_OR_RUN.finditer(text))
    return [(start + core.start(), start + core.end()) for start, core in runs if core is not None]


def _said(row: Example) -> set[tuple[str, ...]]:
    """The right answers as they are compared.

    An article more or less makes no other answer, and articles alone make none.
    """
    return {(), *(answer_scores.normalised(right.text) for right in row.gold)}


def _place(row: Example, right: GoldAnswer, begins: Sequence[int]) -> Place:
    start = answers.start_of(row.inputs[CONTEXT], right, begins)
    return start, start + len(right.text)


def _another(row: Example, words: Sequence[Place], length: int, rng: random.Random) -> Gold | None:
    """A span of another place, and of other words."""
    context = row.inputs[CONTEXT]
    begins = answers.starts(context) if row.gold else ()
    rights = [_place(row, right, begins) for right in row.gold]
    said = _said(row)
    like = row.gold[0].text if row.gold else None
    most = min(len(_words(like)) or 1 if like is not None else length, LONGEST, len(words))
    for count in range(most, 0, -1):
        runs = zip(words, words[count - 1 :], strict=False)
        free = [
            (first[0], last[1])
            for first, last in runs
            if not any(first[0] < end and start < last[1] for start, end in rights)
            and answer_scores.normalised(context[first[0] : last[1]]) not in said
        ]
        if free:
            return _chosen(row, _preferred(context, free, like), rng)
    return None


def _preferred(context: str, spans: Sequence[Place], like: str | None) -> Sequence[Place]:
    """Those within a sentence and of the kind, if any."""
    within = [span for span in spans if not _ends_a_sentence(context[slice(*span)])] or spans
    if like is None:
        return within
    return [span for span in within if _kind(context[slice(*span)]) == _kind(like)] or within


def _ends_a_sentence(span: str) -> bool:
    return any(_ENDS.search(word) for word in span.split()[:-1])


def _kind(span: str) -> str:
    """number, name or words."""
    if any(letter.isdigit() for letter in span):
        return "number"
    return "name" if span[:1].isupper() else "words"


def _with_other_ends(row: Example) -> Iterator[Place]:
    """Places of the first right answer with a word more or fewer."""
    if not row.gold:
        return
    context = row.inputs[CONTEXT]
    begins = answers.starts(context)
    start, end = _place(row, row.gold[0], begins)
    words = _words(context)
    own = [place for place, (first, last) in enumerate(words) if first < end and start < last]
    if not own:
        return
    said = _said(row)
    first, last = own[0], own[-1]
    for begin, stop in ((first - 1, last), (first, last + 1), (first + 1, last), (first, last - 1)):
        if 0 <= begin <= stop < len(words):
            span = words[begin][0], words[stop][1]
            text = context[slice(*span)]
            if answer_scores.normalised(text) not in said and not _ends_a_sentence(text):
                yield span


def _chosen(row: Example, spans: Sequence[Place], rng: random.Random) -> Gold | None:
    """A span of these as the row's answer; None without any."""
    if not spans:
        return None
    start, end = rng.choice(spans)
    return (answers.answer_at(row.inputs[CONTEXT], start, end),)


CORRUPTIONS: Mapping[str, Corruption] = {
    "another span": AnotherSpan(),
    "other ends": OtherEnds(),
    "missing": Missing(),
}
"""Kinds of wrong answers by name."""
