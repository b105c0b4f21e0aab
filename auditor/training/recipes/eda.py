"""Easy data augmentation: random edits of words in copies of the rows."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from annotated_types import Ge, MinLen

from auditor import languages, text
from auditor.data import tables
from auditor.environment import resources
from auditor.errors import ConfigError, DataError
from auditor.perturbations import augmentation
from auditor.settings import CheckedSettings, Share
from auditor.training import settings as training
from auditor.training.recipes import _perturbed_rows
from auditor.training.recipes._base import Recipe
from auditor.types import Example, Task

Operation: TypeAlias = Literal["synonyms", "insertion", "swap", "deletion"]
NEEDS_SYNONYMS = ("synonyms", "insertion")


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """Number and kind of the edited copies."""

    MAY_REPEAT: ClassVar = frozenset({"operations"})
    """An operation named twice makes twice as many copies."""
    copies: Annotated[int, Ge(0)] = 4
    """Copies of each row; 0 is standard training."""
    words: Share = 0.1
    """Share of a row's words that an operation changes: α in the paper."""
    operations: Annotated[tuple[Operation, ...], MinLen(1)] = (
        "synonyms",
        "insertion",
        "swap",
        "deletion",
    )
    """Operations, which the copies of a row use in turn."""
    synonyms: Path | None = None
    """Table with the columns ``word`` and ``synonym`` in place of WordNet."""


class EDA(Recipe):
    """Training on the rows and on copies with random edits of words.

    Wei & Zou (2019), "EDA: Easy data augmentation techniques for boosting performance on text classification tasks".
    The operations are synonyms, insertions, swaps and deletions. Seed and rows determine the copies, which are the same
    in every epoch. Stop words (scikit-learn's list) have no synonyms. With four copies, an epoch is five times as long.
    """

    name = "eda"
    reads_language = True
    settings_type = Settings

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._seed = 0

    def check(self, task: Task, settings: training.Settings) -> None:  # noqa: ARG002 - for recipes that use it
        """Refuse settings that need synonyms without a source of them."""
        self._synonyms()

    def prepare(self, model: Any) -> Any:
        """Draw the seed of the copies, and return the model unchanged.

        Every process of a training calls this method at the same point, so all of them draw the same seed.
        """
        self._seed = self.training.rng.getrandbits(64)
        return model

    def examples(self, examples: Sequence[Example], epoch: int) -> Sequence[Example]:  # noqa: ARG002 - every epoch alike
        """Return the rows followed by the edited copies.

        Raises DataError if the operations need synonyms and the table has none for the rows.
        """
        settings: Settings = self.settings
        synonyms = self._synonyms()
        self._check_language(examples)
        operations = [augmentation.OPERATIONS[name].by(synonyms) for name in settings.operations]
        attempts = [
            _copy(row, self.training.task, operations[copy % len(operations)], settings.words, rng)
            for copy in range(settings.copies)
            for number, row in enumerate(examples)
            for rng in [random.Random(f"{self._seed} {copy} {number}")]
        ]
        copies = [copy for copy in attempts if copy is not None]
        synonyms_only = set(settings.operations) <= set(NEEDS_SYNONYMS)
        if attempts and not copies and synonyms_only and settings.synonyms is not None:
            raise DataError("has no synonym for any word of the training rows", where=str(settings.synonyms))
        return [*examples, *copies]

    def _check_language(self, examples: Sequence[Example]) -> None:
        """Refuse rows in a language that an operation does not serve.

        Raises DataError.
        """
        settings: Settings = self.settings
        language = (
            languages.of(_perturbed_rows.language_of(examples, self.training.language)) if settings.copies else None
        )
        if language is None or language.is_english:
            return
        own = f"the training rows are in {language.name}"
        if not language.spaced and "labelled_spans" not in self.training.task.offers:
            raise DataError(f"{own}, which has no blanks between words", hint="the recipe augment edits characters")
        if settings.synonyms is None and not set(settings.operations).isdisjoint(NEEDS_SYNONYMS):
            hint = 'synonyms = "a table", or operations = ["swap", "deletion"]'
            raise DataError(f"{own}, and WordNet has English synonyms alone", hint=hint)

    def reads(self) -> Mapping[str, Any]:
        """Return the settings and, where the recipe uses WordNet, its version."""
        inputs = dict(super().reads())
        if self.settings.synonyms is None and resources.wordnet().present:
            from nltk.corpus import wordnet

            inputs["wordnet"] = wordnet.get_version()
        return inputs

    def _synonyms(self) -> augmentation.Synonyms:
        """Return the function that looks up synonyms.

        Raises ConfigError if the operations need synonyms and there is no source of them, and DataError for an unusable
        table.
        """
        settings: Settings = self.settings
        if settings.synonyms is not None:
            table = _table(settings.synonyms)
            return lambda word: table.get(word, ())
        wanted = settings.copies and not set(settings.operations).isdisjoint(NEEDS_SYNONYMS)
        if wanted and not resources.wordnet().present:
            hint = 'python -m nltk.downloader wordnet, synonyms = "a table", or operations = ["swap", "deletion"]'
            raise ConfigError("needs WordNet for synonyms", where=f"[training.recipe.{self.label}]", hint=hint)
        return augmentation.by_wordnet


def _table(path: Path) -> dict[str, tuple[str, ...]]:
    """Return each word's synonyms in the table's order.

    Raises DataError for a table that cannot be read or lacks a column.
    """
    table = tables.read(path)
    for column in ("word", "synonym"):
        if column not in table.header:
            hint = f"columns are: {', '.join(table.header)}"
            raise DataError(f"no column is called {column!r}", where=str(path), hint=hint)
    synonyms: dict[str, tuple[str, ...]] = {}
    for _, cells in table.rows:
        word, synonym = (str(cells.get(column) or "").strip().lower() for column in ("word", "synonym"))
        if word and synonym and word != synonym:
            synonyms[word] = (*synonyms.get(word, ()), synonym)
    return synonyms


def _copy(
    row: Example, task: Task, operation: augmentation.Operation, share: float, rng: random.Random
) -> Example | None:
    """Return the row after one operation per text field.

    Returns None if the operation changes nothing or the gold cannot follow.
    """
    fixed = task.fixed(row)
    edits = {
        field: operation.edits(text.split(value), share, rng, fixed.get(field, frozenset()))
        for field, value in row.inputs.items()
    }
    return _perturbed_rows.edited(row, task, edits)


RECIPE = EDA
