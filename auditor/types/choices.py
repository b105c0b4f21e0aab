"""Labels that an answer chooses, with the probability of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Choice:
    """The label that an answer gives a text, word or entity."""

    of: Literal["texts", "words", "entities", "labels"]
    """What it labels. An answer says of an entity, or of a label of a text that may have any number, only whether it is
    there: an entity's probability is the least of its words'."""
    chances: tuple[float, ...]
    """The probability of each label, in [0, 1]; of an entity, that it is there and that it is not, of a label of many,
    first that it is not."""
    chosen: int
    """The place of the label that the answer chooses."""
    gold: int
    """The place of the right label."""
    names: tuple[str, ...] = ()
    """What the labels are in words, where they are no labels of the task: texts of the data. The first is the
    answer's."""

    @property
    def confidence(self) -> float:
        """The probability of the label that the answer chooses."""
        return self.chances[self.chosen]

    @property
    def right(self) -> bool:
        """Whether it chooses the right label."""
        return self.chosen == self.gold
