"""Easy data augmentation: synonyms, insertions, swaps and deletions of words in copies of the rows."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from auditor import text
from auditor.data import tables
from auditor.environment import resources
from auditor.errors import ConfigError, DataError
from auditor.perturbations import augmentation
from auditor.training import settings as training
from auditor.training.recipes import _perturbed_rows
from auditor.training.recipes._base import Recipe
from auditor.training.recipes._ranges import between
from auditor.types import Example, Task

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
        self._seed = self.training.rng.getrandbits(64)
        return model

    def examples(self, examples: Sequence[Example], epoch: int) -> Sequence[Example]:  # noqa: ARG002 - every epoch alike
        settings: Settings = self.settings
        known = self._synonyms()
        operations = [augmentation.OPERATIONS[name].by(known) for name in settings.operations]
        made = [
            _copy(row, self.training.task, operations[copy % len(operations)], settings.words, rng)
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

    def _synonyms(self) -> augmentation.Synonyms:
        """Where synonyms are looked up. Raises ConfigError where they are needed and there are none, DataError."""
        settings: Settings = self.settings
        if settings.synonyms is not None:
            found = _table(settings.synonyms)
            return lambda word: found.get(word, ())
        wanted = settings.copies and not set(settings.operations).isdisjoint(NEEDS_SYNONYMS)
        if wanted and not resources.wordnet().present:
            hint = 'python -m nltk.downloader wordnet, synonyms = "a table", or operations = ["swap", "deletion"]'
            raise ConfigError("needs WordNet for synonyms", where=f"[training.recipe.{self.label}]", hint=hint)
        return augmentation.by_wordnet


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


def _copy(
    row: Example, task: Task, operation: augmentation.Operation, share: float, rng: random.Random
) -> Example | None:
    """The row after one operation on each of its text fields; None where it changes nothing."""
    edits = {field: operation.edits(text.split(value), share, rng) for field, value in row.inputs.items()}
    return _perturbed_rows.edited(row, task, edits)


RECIPE = EDA
