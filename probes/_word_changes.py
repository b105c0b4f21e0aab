"""Texts with other words, each in the place of the one before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from auditor import text
from auditor.perturbations.augmentation import Operation, by_wordnet
from auditor.perturbations.catalogue import FAMILIES, Perturbation
from auditor.types import Audit, Slice
from probes import _perturbing
from probes._attributions import Explained


def _single_words(word: str) -> Sequence[str]:
    """WordNet's synonyms that are one word, as the word that they replace."""
    return [synonym for synonym in by_wordnet(word) if len(text.words_of(synonym)) == 1]


@dataclass(frozen=True, slots=True)
class WordChange:
    """A kind of change to words, by one of some perturbations."""

    name: str
    names: tuple[str, ...]
    """Those of the perturbations; they need the same packages and resources."""
    wanted: str
    """What a text must have to be changed, in words."""

    @property
    def slice(self) -> Slice:
        """What the weights of the words are compared with."""
        return {"against": f"the text with {self.name}"}

    def perturbations(self, audit: Audit) -> tuple[Perturbation, ...]:
        """Those that the language of the texts has."""
        made = (_perturbing.made(audit, name) for name in _perturbing.names_in(audit, self.names))
        return tuple(each.by(_single_words) if isinstance(each, Operation) else each for each in made)

    def unsuited(self, audit: Audit) -> str | None:
        """Why it does not suit the texts' language; None where it does."""
        return None if self.perturbations(audit) else str(_perturbing.in_language(audit, self.names[0]))

    def lacking(self, audit: Audit) -> str | None:
        """Why it cannot be made here; None where it can."""
        return self.unsuited(audit) or _perturbing.lacking(self.perturbations(audit)[0])


TYPOS = WordChange(
    "typos", tuple(name for name, family in FAMILIES.items() if family == "typos"), "a word that can have a typo"
)
SYNONYMS = WordChange("synonyms", ("synonyms",), "a word with a synonym of one word that is no stop word")
CHANGES = (TYPOS, SYNONYMS)


def changed(audit: Audit, own: Explained, change: WordChange, share: float) -> Explained | None:
    """Return the text with changed words, or None without any.

    ``share``: of its words. Each stays one word in its place, and those of an entity stay as they are.
    """
    rng = audit.rng(change.name, own.example.id)
    perturbation = rng.choice(change.perturbations(audit))
    texts: dict[str, text.Words] = {}
    for field, words in own.texts.items():
        fixed = frozenset(range(len(words.words))) - {place for name, place in own.places if name == field}
        edits = perturbation.edits(words, share, rng, fixed)
        texts[field] = text.apply(words, [edit for edit in edits if len(edit.words) == edit.end - edit.start])
    return replace(own, texts=texts) if texts != own.texts else None
