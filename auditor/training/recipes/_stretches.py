"""The words between a sentence's entities, in other words, with labels that follow."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace

from auditor import spans, text
from auditor.types import Example

SHORTEST = 3
"""Words: fewer say too little to be translated by themselves."""
_ENDS = (".", "!", "?")


def contexts(row: Example) -> list[tuple[int, int]]:
    """The stretches [start, end) of at least SHORTEST words between the entities of a row whose gold are IOB2 tags."""
    entities = spans.spans(row.gold)
    starts, ends = [0, *(one.end for one in entities)], [*(one.start for one in entities), len(row.gold)]
    return [(start, end) for start, end in zip(starts, ends, strict=True) if end - start >= SHORTEST]


def written(row: Example) -> list[str]:
    """Those stretches as they stand in the data, one blank between words."""
    words = row.inputs["text"].split()
    return [" ".join(words[start:end]) for start, end in contexts(row)]


def spoken(stretch: str) -> str:
    """A stretch as people write it: punctuation of the Penn Treebank's convention joined to its words."""
    from nltk.tokenize.treebank import TreebankWordDetokenizer

    marks = itertools.cycle(("``", "''"))
    words = [next(marks) if word == '"' else word for word in stretch.split()]
    return str(TreebankWordDetokenizer().detokenize(words))


def replaced(row: Example, known: Mapping[str, str]) -> Example | None:
    """The row with every stretch that has another wording in that one, entities as they are; None where nothing changes."""
    words = text.split(row.inputs["text"])
    edits = []
    for start, end in contexts(row):
        old = words.words[start:end]
        new = _fitted(old, _words(known.get(" ".join(old), "")))
        if new and new != old:
            edits.append(text.Edit(start, end, new, (" ",) * (len(new) - 1)))
    if not edits:
        return None
    gold = spans.follow(row.gold, text.origins(words, edits))
    return replace(row, inputs={"text": str(text.apply(words, edits))}, gold=gold)


@functools.cache
def _words(value: str) -> tuple[str, ...]:
    """The words of a text by the Penn Treebank's convention; quotation marks as most data have them."""
    from nltk.tokenize import NLTKWordTokenizer

    return tuple('"' if one in ("``", "''") else one for one in NLTKWordTokenizer().tokenize(value))


def _fitted(old: Sequence[str], new: Sequence[str]) -> tuple[str, ...]:
    """The new words without what a translator adds to a fragment to make it a sentence: a full stop and a capital."""
    found = list(new)
    if len(found) > 1 and found[-1] in _ENDS and old[-1] not in _ENDS:
        found.pop()
    if found and old[0][:1].islower() and not found[0][1:2].isupper():
        found[0] = found[0][:1].lower() + found[0][1:]
    return tuple(found)
