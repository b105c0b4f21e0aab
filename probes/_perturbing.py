"""Whether a perturbation can run, on this machine and language."""

from __future__ import annotations

import importlib.util

from auditor import languages
from auditor.environment import resources
from auditor.perturbations import by_language
from auditor.perturbations.catalogue import Perturbation
from auditor.types import Audit


def in_language(audit: Audit, name: str) -> Perturbation | str:
    """Return a perturbation for the texts' language, or why not."""
    if _answers_stand_undivided(audit):
        return f"no blanks stand between words in {languages.of(audit.language).name}"
    return by_language.in_language(name, audit.language, divided="labelled_spans" in audit.task.offers)


def made(audit: Audit, name: str) -> Perturbation:
    """Return a perturbation that the language of the texts has.

    Raises ValueError for another.
    """
    perturbation = in_language(audit, name)
    if isinstance(perturbation, str):
        raise ValueError(f"{name}: {perturbation}")
    return perturbation


def names_in(audit: Audit, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of those that suit the texts' language."""
    if _answers_stand_undivided(audit):
        return ()
    return by_language.names_in(audit.language, names, divided="labelled_spans" in audit.task.offers)


def _answers_stand_undivided(audit: Audit) -> bool:
    """Return whether answers are spans of texts without blanks.

    Their places are words: the words of an answer cannot be left alone, and its context can have no noise.
    """
    return "answers_in_context" in audit.task.offers and not languages.of(audit.language).spaced


def lacking(perturbation: Perturbation) -> str | None:
    """Return why a perturbation cannot run here; None where it can."""
    for need in sorted(perturbation.needs):
        kind, _, name = need.partition(":")
        if kind == "package" and importlib.util.find_spec(name) is None:
            return f"{name} is not installed"
        if kind == "resource" and not resources.SERVED[name]().present:
            return f"{name} is missing: audit resources says how to get it"
    return None
