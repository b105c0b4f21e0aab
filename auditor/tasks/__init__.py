"""Tasks by name. A new task is one module here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from auditor.errors import ConfigError, near_match
from auditor.tasks.classification import TextClassification
from auditor.tasks.ner import NamedEntityRecognition
from auditor.types import Task

_KINDS: dict[str, type[TextClassification] | type[NamedEntityRecognition]] = {
    TextClassification.name: TextClassification,
    NamedEntityRecognition.name: NamedEntityRecognition,
}
NAMES: tuple[str, ...] = tuple(_KINDS)
"""Every task, as users write it."""


def create(
    name: str, labels: Sequence[str], mapping: Mapping[str, str] | None = None, *, lenient: bool = False
) -> Task:
    """The task of that name over the model's labels. ``mapping``: label in the data → the model's label. ``lenient``: of
    labels of words, that ``I-`` may begin an entity in the model's answers.

    Raises ConfigError for an unknown task, or for a mapping to a label that the model does not have.
    """
    kind = _kind(name)
    if not lenient:
        return kind(labels, mapping)
    if kind is not NamedEntityRecognition:
        problem = f"lenient = true is about the tags of words, and the task is {name}"
        raise ConfigError(problem, where="[data]", hint='leave it out, or task = "ner"')
    return NamedEntityRecognition(labels, mapping, lenient=True)


def word_level(name: str) -> bool:
    """Whether the task's gold belongs to words. Raises ConfigError for an unknown task."""
    return _kind(name).word_level


def _kind(name: str) -> type[TextClassification] | type[NamedEntityRecognition]:
    if name not in NAMES:
        raise ConfigError(f"unknown task {name!r}", hint=near_match(name, NAMES) or f"known: {', '.join(NAMES)}")
    return _KINDS[name]
