"""Easy data augmentation: synonyms, insertions, swaps and deletions of words in copies of the rows."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

from auditor import text
from auditor.data import tables
from auditor.environment import resources
from auditor.errors import ConfigError, DataError
from auditor.perturbations import builtin
from auditor.text import shares
from auditor.training import settings as training
from auditor.training.recipes import _perturbed_rows
from auditor.training.recipes._base import Recipe
from auditor.training.recipes._ranges import between
from auditor.types import Example, Task

Synonyms = Callable[[str], Sequence[str]]
"""A word in lower case → its synonyms, in a fixed order."""
Made: TypeAlias = tuple[text.Words, tuple[int, ...]]
"""Words, and where each of them comes from."""
NEEDS_SYNONYMS = ("synonyms", "insertion")


@dataclass(frozen=True, slots=True)
class Settings:
    """``copies`` ≥ 0 of each row (0: standard), ``words`` in (0, 1] of its words that an operation touches: α in the paper.

    ``operations``: the copies take them in turn. ``synonyms``: a table with the columns ``word`` and ``synonym``, in place
    of WordNet.
    """

    copies: int = 4
    words: float = 0.1
    operations: tuple[Literal["synonyms", "insertion", "swap", "deletion"], ...] = (
        "synonyms",
        "insertion",
        "swap",
        "deletion",
    )
    synonyms: Path | None = None


class EDA(Recipe):
    """Wei & Zou (2019), "EDA: Easy data augmentation techniques for boosting performance on text classification tasks".

    The copies are made once and follow from the seed and the rows. Stop words (scikit-learn's list) have no synonyms. With
    four copies an epoch is five times as long.
    """

    name = "eda"
    settings_type = Settings

    def __init__(self, settings: Settings) -> None:
        between(self.name, "copies", settings.copies, 0)
        between(self.name, "words", settings.words, 1e-6, 1)
        if not settings.operations:
            hint = "synonyms, insertion, swap, deletion"
            raise ConfigError("is empty", where=f"[training.recipe.{self.name}] operations", hint=hint)
        super().__init__(settings)
        self._seed = 0

    def check(self, task: Task, settings: training.Settings) -> None:  # noqa: ARG002 - for recipes that use it
        self._synonyms()

    def prepare(self, model: Any) -> Any:
        """The model as it is. What the copies follow from is drawn here, where every process of a training begins."""
        self._seed = random.getrandbits(64)
        return model

    def examples(self, examples: Sequence[Example], epoch: int) -> Sequence[Example]:  # noqa: ARG002 - every epoch alike
        settings: Settings = self.settings
        known = self._synonyms()
        made = [
            _copy(row, settings.operations[copy % len(settings.operations)], settings.words, known, rng)
            for copy in range(settings.copies)
            for number, row in enumerate(examples)
            for rng in [random.Random(f"{self._seed} {copy} {number}")]
        ]
        found = [one for one in made if one is not None]
        if made and not found and settings.synonyms is not None and set(settings.operations) <= set(NEEDS_SYNONYMS):
            raise DataError("no word of the training rows has a synonym in it", where=str(settings.synonyms))
        return [*examples, *found]

    def reads(self) -> Mapping[str, Any]:
        """Its settings and, where it goes by WordNet, which one."""
        found = dict(super().reads())
        if self.settings.synonyms is None and resources.wordnet().present:
            from nltk.corpus import wordnet

            found["wordnet"] = wordnet.get_version()
        return found

    def _synonyms(self) -> Synonyms:
        """Where synonyms are looked up. Raises ConfigError where they are needed and there are none, DataError."""
        settings: Settings = self.settings
        if settings.synonyms is not None:
            found = _table(settings.synonyms)
            return lambda word: found.get(word, ())
        wanted = settings.copies and not set(settings.operations).isdisjoint(NEEDS_SYNONYMS)
        if wanted and not resources.wordnet().present:
            hint = 'python -m nltk.downloader wordnet, synonyms = "a table", or operations = ["swap", "deletion"]'
            raise ConfigError("needs WordNet for synonyms", where=f"[training.recipe.{self.label}]", hint=hint)
        return by_wordnet


@functools.cache
def stop_words() -> frozenset[str]:
    """scikit-learn's, English."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return frozenset(ENGLISH_STOP_WORDS)


@functools.cache
def by_wordnet(word: str) -> tuple[str, ...]:
    """Lemmas that share a synset with the word, in alphabetical order."""
    from nltk.corpus import wordnet

    lemmas = {str(lemma).replace("_", " ").lower() for one in wordnet.synsets(word) for lemma in one.lemma_names()}
    return tuple(sorted(lemmas - {word}))


def _table(path: Path) -> dict[str, tuple[str, ...]]:
    """Word → its synonyms in the table's order. Raises DataError."""
    table = tables.read(path)
    for column in ("word", "synonym"):
        if column not in table.header:
            hint = f"columns are: {', '.join(table.header)}"
            raise DataError(f"no column is called {column!r}", where=str(path), hint=hint)
    found: dict[str, tuple[str, ...]] = {}
    for _, cells in table.rows:
        word, synonym = (str(cells.get(one) or "").strip().lower() for one in ("word", "synonym"))
        if word and synonym and word != synonym:
            found[word] = (*found.get(word, ()), synonym)
    return found


def _copy(row: Example, operation: str, share: float, known: Synonyms, rng: random.Random) -> Example | None:
    """The row after one operation on each of its text fields; None where it changes nothing."""
    inputs, gold = dict(row.inputs), row.gold
    for field, value in row.inputs.items():
        words = text.split(value)
        count = shares.at_most(share, len(words.words))
        made, origins = OPERATIONS[operation](words, count, share, known, rng)
        inputs[field], gold = str(made), _perturbed_rows.followed(gold, origins)
    broken = gold is None and row.gold is not None
    return None if broken or inputs == row.inputs else replace(row, inputs=inputs, gold=gold)


def _offers(words: text.Words, known: Synonyms) -> list[tuple[int, Sequence[str]]]:
    """Places of words with synonyms, and these."""
    bare = [builtin.parts(word)[1].lower() for word in words.words]
    found = [(place, known(word)) for place, word in enumerate(bare) if word and word not in stop_words()]
    return [(place, synonyms) for place, synonyms in found if synonyms]


def _replaced(words: text.Words, count: int, _share: float, known: Synonyms, rng: random.Random) -> Made:
    """``count`` words by one of their synonyms each; punctuation and a capital at the beginning stay."""
    offers = _offers(words, known)
    edits = []
    for place, synonyms in rng.sample(offers, min(count, len(offers))):
        before, bare, after = builtin.parts(words.words[place])
        new = rng.choice(synonyms)
        new = new.capitalize() if bare[0].isupper() else new
        parts = text.words_of(f"{before}{new}{after}")
        edits.append(text.Edit(place, place + 1, parts, (" ",) * (len(parts) - 1)))
    return text.apply(words, edits), text.origins(words, edits)


def _inserted(words: text.Words, count: int, _share: float, known: Synonyms, rng: random.Random) -> Made:
    """A synonym of a random word put in a random place, ``count`` times."""
    offers = _offers(words, known)
    edits = []
    for _ in range(count if offers else 0):
        parts = text.words_of(rng.choice(rng.choice(offers)[1]))
        place = rng.randrange(len(words.words) + 1)
        edits.append(text.Edit(place, place, parts, (" ",) * (len(parts) - 1)))
    return text.apply(words, edits), text.origins(words, edits)


def _swapped(words: text.Words, count: int, _share: float, _known: Synonyms, rng: random.Random) -> Made:
    """Two random words in each other's place, ``count`` times."""
    order = list(range(len(words.words)))
    for _ in range(count if len(order) > 1 else 0):
        one, other = rng.sample(range(len(order)), 2)
        order[one], order[other] = order[other], order[one]
    return text.Words(tuple(words.words[place] for place in order), words.separators), tuple(order)


def _deleted(words: text.Words, _count: int, share: float, _known: Synonyms, rng: random.Random) -> Made:
    """Each word is left out with a chance of ``share``; one stays."""
    gone = [place for place in range(len(words.words)) if rng.random() < share]
    if gone and len(gone) == len(words.words):
        gone.remove(rng.choice(gone))
    edits = [text.Edit(place, place + 1, ()) for place in gone]
    return text.apply(words, edits), text.origins(words, edits)


OPERATIONS: dict[str, Callable[[text.Words, int, float, Synonyms, random.Random], Made]] = {
    "synonyms": _replaced,
    "insertion": _inserted,
    "swap": _swapped,
    "deletion": _deleted,
}

RECIPE = EDA
