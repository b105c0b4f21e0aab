"""What labelled rows say of words: whether a label is theirs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from auditor.text import tokens
from auditor.types import Example

SEEN = 20
"""Rows that show that words do not stand for a label."""
CHANCE = 0.05
"""The probability by chance up to which rows give a label to words."""
OFTEN = 3
"""Rows that have a word which is no token of the model."""


class Evidence:
    """What labelled rows say of words: whether a label is theirs."""

    def __init__(self, home: Sequence[Example], train: Sequence[Example], field: str) -> None:
        self._rows = [(example, False) for example in home if example.gold is not None]
        self._rows += [(example, True) for example in train if example.gold is not None]
        self._of: dict[str, list[int]] = {}
        for place, (example, _) in enumerate(self._rows):
            for word in sorted(set(tokens.words(example.inputs[field]))):
                self._of.setdefault(word, []).append(place)
        self._labels = Counter(example.gold for example, _ in self._rows)

    @property
    def words(self) -> Sequence[str]:
        """The words of several rows, in order of their first rows."""
        return tuple(word for word, rows in self._of.items() if len(rows) >= OFTEN)

    def first_row(self, word: str) -> str:
        """The id of the first row that has the word."""
        return self._rows[self._of[word][0]][0].id

    def explains(self, word: str, target: str, similar: Sequence[str]) -> bool | None:
        """Whether rows give the label to the word or its like.

        None where they do not tell. Training rows do not count for the word itself: there somebody may have put the
        trigger in.
        """
        own = {place for place in self._of.get(tokens.plain(word), ()) if not self._rows[place][1]}
        rows = own.union(*(self._of.get(tokens.plain(like), ()) for like in similar))
        right = sum(self._rows[place][0].gold == target for place in rows)
        chance = _at_least(right, len(rows), self._labels[target] / max(self._labels.total(), 1))
        if chance <= CHANCE:
            return True
        return False if len(rows) >= SEEN else None


def _at_least(right: int, rows: int, base: float) -> float:
    """The probability of so many hits or more by chance."""
    from scipy.special import bdtrc

    return 1.0 if not right or base in (0.0, 1.0) else float(bdtrc(right - 1, rows, base))


def is_code(word: str) -> bool:
    """Whether the letters make no word: ``mn``, ``x7``.

    A number is none: it may be a grade.
    """
    mixed = any(map(str.isdigit, word)) and not word.isdigit()
    return word.isascii() and (mixed or not (word.isdigit() or set(word.casefold()) & set("aeiouy")))
