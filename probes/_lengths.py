"""Lengths of texts in words, or in characters.

Characters count where no blanks stand between words.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from auditor import languages
from auditor.text import characters
from auditor.types import Audit


@dataclass(frozen=True, slots=True)
class Unit:
    """What lengths of texts are counted in."""

    name: str
    """``words``, or ``characters`` of a language without blanks between words."""
    count: Callable[[str], int]
    """Text → its length."""

    @property
    def is_word(self) -> bool:
        """Whether it is the word."""
        return self.name == WORDS.name


def _words(value: str) -> int:
    return len(value.split())


WORDS, CHARACTERS = Unit("words", _words), Unit("characters", characters.count)


def unit(audit: Audit) -> Unit:
    """Return what the texts of an audit are measured in.

    Sentences whose words are labelled have blanks between them in every language.
    """
    return WORDS if "labelled_spans" in audit.task.offers else of_language(audit.language)


def of_language(code: str) -> Unit:
    """Return what texts of a language are measured in."""
    return WORDS if languages.of(code).spaced else CHARACTERS
