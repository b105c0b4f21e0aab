"""The words between a sentence's entities, in other words, with labels that follow."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Mapping, Sequence, Set

from auditor import text
from auditor.text import spans
from auditor.training.recipes import _perturbed_rows
from auditor.types import Example, Task

SHORTEST = 3
"""Words: fewer say too little to be translated by themselves."""
_ENDS = (".", "!", "?")
_BETWEEN = re.compile(r"""(?<=[^\W\d_A-Z]{4}[.!?])\s+(?=["'(]*[^\W\d_a-z])""")
"""Between two sentences: the tokenizer parts a full stop from its word at the end of a text only. Four letters: not "Mr."."""


def contexts(row: Example) -> list[tuple[int, int]]:
    """The stretches [start, end) of at least SHORTEST words between the entities of a row whose gold are IOB2 tags."""
    entities = spans.spans(row.gold)
    starts, ends = [0, *(one.end for one in entities)], [*(one.start for one in entities), len(row.gold)]
    return [(start, end) for start, end in zip(starts, ends, strict=True) if end - start >= SHORTEST]


def written(row: Example) -> list[str]:
    """Those stretches as they stand in the data, one blank between words."""
    words = text.words_of(row.inputs["text"])
    return [" ".join(words[start:end]) for start, end in contexts(row)]


def spoken(stretch: str) -> str:
    """A stretch as people write it: punctuation of the Penn Treebank's convention joined to its words."""
    from nltk.tokenize.treebank import TreebankWordDetokenizer

    words = list(text.words_of(stretch))
    if words.count('"') % 2 == 0:  # of an odd one nobody knows whether it opens or closes
        marks = itertools.cycle(("``", "''"))
        words = [next(marks) if word == '"' else word for word in words]
    return str(TreebankWordDetokenizer().detokenize(words))


def vocabulary(rows: Sequence[Example]) -> frozenset[str]:
    """The words of the rows, as they are spelt."""
    return frozenset(word for row in rows for word in text.words_of(row.inputs["text"]))


def replaced(row: Example, task: Task, known: Mapping[str, str], vocabulary: Set[str]) -> Example | None:
    """The row with every stretch that has another wording in that one, entities as they are; None where nothing changes.

    ``vocabulary``: words of the data; a capital that a translator began a fragment with goes where they have the word
    without.
    """
    words = text.split(row.inputs["text"])
    edits = []
    for start, end in contexts(row):
        old = words.words[start:end]
        new = _fitted(old, _as_in(old, _words(known.get(" ".join(old), ""))), vocabulary)
        if new and new not in (old, _as_in(old, _words(spoken(" ".join(old))))):
            edits.append(text.Edit(start, end, new, (" ",) * (len(new) - 1)))
    return _perturbed_rows.edited(row, task, {"text": tuple(edits)})


@functools.lru_cache(maxsize=2**16)
def _words(value: str) -> tuple[str, ...]:
    """The words of a text by the Penn Treebank's convention; quotation marks as most data have them."""
    from nltk.tokenize import NLTKWordTokenizer

    found = [word for sentence in _BETWEEN.split(value) for word in NLTKWordTokenizer().tokenize(sentence)]
    return tuple('"' if one in ("``", "''") else one for one in found)


def _as_in(old: Sequence[str], new: Sequence[str]) -> tuple[str, ...]:
    """The new words with those together that the data do not part: ``can't``, addresses, ``#tags``."""
    whole = {parts: word for word in old if len(parts := _words(word)) > 1}
    found: list[str] = []
    at = 0
    while at < len(new):
        parts = next((parts for parts in whole if tuple(new[at : at + len(parts)]) == parts), (new[at],))
        found.append(whole.get(parts, new[at]))
        at += len(parts)
    return tuple(found)


def _fitted(old: Sequence[str], new: Sequence[str], vocabulary: Set[str]) -> tuple[str, ...]:
    """The new words without what a translator adds to a fragment to make it a sentence: a full stop and a capital.

    The capital of a word that the data do not have without may be its own.
    """
    found = list(new)
    if len(found) > 1 and found[-1] in _ENDS and old[-1] not in _ENDS:
        found.pop()
    before, after = (next((n for n, word in enumerate(some) if word[:1].isalpha()), None) for some in (old, found))
    if before is not None and after is not None and old[before][:1].islower():
        low = found[after][:1].lower() + found[after][1:]
        found[after] = low if low in vocabulary else found[after]
    return tuple(found)
