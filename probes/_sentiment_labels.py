"""Labels of sentiment, whatever a model calls them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from auditor.errors import ConfigError, near_or_known
from auditor.types import Task

Mood = Literal["positive", "negative", "neutral"]
MOODS: tuple[Mood, ...] = ("positive", "negative", "neutral")
WHERE = "[probes.capabilities] sentiment"
_WORDS: Mapping[str, Mood] = {
    "positive": "positive",
    "pos": "positive",
    "negative": "negative",
    "neg": "negative",
    "neutral": "neutral",
    "neu": "neutral",
}
_STARS: tuple[Mood, ...] = ("negative", "negative", "neutral", "positive", "positive")


@dataclass(frozen=True, slots=True)
class Labels:
    """What words of a test mean in the model's labels."""

    known: tuple[str, ...]
    """The model's labels."""
    spellings: Mapping[str, str]
    """Label in the data → the model's label, where they are called otherwise."""
    moods: Mapping[str, Mood]
    """Label → its sentiment; empty where the labels are not of sentiment."""

    def of_mood(self, word: str) -> tuple[str, ...]:
        """The labels of this sentiment; there may be none."""
        return tuple(label for label, mood in self.moods.items() if mood == word)

    def meant(self, word: str) -> tuple[str, ...] | None:
        """The labels that a word means; None where it means none.

        It is a label of the model, a label of the data, or a sentiment.
        """
        if word in self.known:
            return (word,)
        if word in self.spellings:
            return (self.spellings[word],)
        return self.of_mood(word) or None

    @property
    def words(self) -> tuple[str, ...]:
        """Every word that means a label."""
        return tuple(dict.fromkeys((*self.known, *self.spellings, *self.moods.values())))


def read(task: Task, given: Mapping[str, Mood]) -> Labels:
    """Read the sentiment of the task's labels.

    ``given``: label → its sentiment, where its name does not say it. Labels are of sentiment if all of them have
    one, some of them positive and some negative. Raises ConfigError for a given label that the model lacks, and where
    labels are given and others stay open.
    """
    for label in given:
        if label not in task.labels:
            hint = near_or_known(label, task.labels)
            raise ConfigError(f"{label!r} is no label of the model", where=WHERE, hint=hint)
    names = {label: [label] for label in task.labels}
    for spelling, label in task.mapping.items():
        names[label].append(spelling)
    stars = _stars(task.labels)
    moods: dict[str, Mood] = {}
    for place, label in enumerate(task.labels):
        told = {mood for name in names[label] for mood in _named(name)}
        if label in given:
            moods[label] = given[label]
        elif stars:
            moods[label] = stars[place]
        elif len(told) == 1:
            moods[label] = told.pop()
    whole = len(moods) == len(task.labels) and {"positive", "negative"} <= set(moods.values())
    if given and not whole:
        left = ", ".join(label for label in task.labels if label not in moods)
        problem = f"does not say what {left} means" if left else "names nothing positive, or nothing negative"
        raise ConfigError(problem, where=WHERE, hint=f"each label is one of {', '.join(MOODS)}")
    return Labels(task.labels, dict(task.mapping), moods if whole else {})


def _named(name: str) -> Iterator[Mood]:
    """The sentiments that a label's name says: ``very positive``."""
    return (_WORDS[word] for word in re.findall(r"[a-z]+", name.casefold()) if word in _WORDS)


def _stars(labels: Sequence[str]) -> tuple[Mood, ...]:
    """The sentiments of labels from one to five stars, else nothing."""
    numbers = [re.fullmatch(r"([1-5])[ _-]?stars?", label.casefold()) for label in labels]
    read_off = [int(number[1]) for number in numbers if number]
    return tuple(_STARS[number - 1] for number in read_off) if sorted(read_off) == [1, 2, 3, 4, 5] else ()
