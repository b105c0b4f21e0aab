"""Relation extraction: two marked entities, and the relation between them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from auditor import text
from auditor.errors import ConfigError, DataError, near_match
from auditor.labels import spellings
from auditor.tasks import relation_averages, relation_files
from auditor.tasks.classification import TextClassification
from auditor.text import marked_entities
from auditor.text.marked_entities import MARKERS
from auditor.types import (
    SAME_WORDS,
    Alignment,
    Averages,
    Classify,
    Detail,
    Example,
    Inputs,
    Metric,
    Response,
    Score,
)

NO_RELATION = ("other", "norelation", "norel", "nonrelation", "unrelated", "na", "none")
"""Usual names of the label for no relation, in lower case and without marks and blanks."""

NAMED = 'name another with [task] no_relation = "…"'
"""How a user says which label it is."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How the model is asked, and which label is no relation."""

    markers: tuple[str, ...] = MARKERS
    """What the model reads around the first and the second entity: four marks, in this order."""
    special_tokens: bool = True
    """Whether training adds the marks to the vocabulary, each as a token of its own."""
    no_relation: str = ""
    """The label that says that there is no relation; empty: the label with a usual name, such as Other."""


class RelationExtraction(TextClassification):
    """Two marked entities of a text; the metric is micro F1.

    F1 counts directed relations of the two, without the label for no relation. The text has ``<e1>``, ``</e1>``,
    ``<e2>`` and ``</e2>`` as words of their own; the model reads the marks of the settings in their place (Baldini
    Soares et al. 2019). A response is a tuple of probabilities in [0, 1], one for each label in the model's order; the
    decision is the most probable label, the first one on a tie.
    """

    name = "relation-extraction"
    metric = "f1"
    ratio = True
    marked = True
    settings: Any = Settings()
    files = relation_files.FILES
    detail_metrics: tuple[Metric, ...] = relation_averages.WHOLE
    sliced_metrics: tuple[Metric, ...] = relation_averages.SLICED
    averages: Averages = relation_averages.RelationAverages()
    example_labels: tuple[str, ...] = ("Other", "Cause-Effect(e1,e2)", "Cause-Effect(e2,e1)")
    constant_answer = "always naming the commonest relation"

    def __init__(self, labels: Sequence[str], mapping: Mapping[str, str] | None = None, settings: Any = None) -> None:
        """``labels``: relations, such as ``Cause-Effect(e1,e2)``.

        Raises ConfigError for marks that are not four different words, for a label of no relation that the model does
        not have, and as ``TextClassification`` does.
        """
        super().__init__(labels, mapping, settings)
        marks = self.settings.markers
        if len(set(marks)) != len(MARKERS) or any(len(text.words_of(mark)) != 1 for mark in marks):
            hint = f"such as {list(MARKERS)!r}: around the first entity, then around the second"
            raise ConfigError(f"{list(marks)!r} are not four different words", where="[task] markers", hint=hint)
        self.special_tokens: tuple[str, ...] = marks if self.settings.special_tokens else ()
        usual = [label for label in self.labels if re.sub(r"[\W_]", "", label).casefold() in NO_RELATION]
        self.no_relation = self._no_relation(usual)
        self.notes: tuple[str, ...] = tuple(self._doubts(usual))

    def _no_relation(self, usual: Sequence[str]) -> str | None:
        wanted = self.settings.no_relation
        if wanted and self.labels and wanted not in self.labels:
            hint = near_match(wanted, self.labels) or f"known: {spellings.shown(self.labels)}"
            raise ConfigError(f"{wanted!r} is no label of the model", where="[task] no_relation", hint=hint)
        return wanted or next(iter(usual), None)

    def _doubts(self, usual: Sequence[str]) -> Iterator[str]:
        """What is to be said of the label for no relation."""
        if self.no_relation is None and self.labels:
            names = f"{spellings.shown(self.labels)}: none has a usual name such as Other, no_relation or NA"
            yield f'no label is taken for "no relation" ({names}), and all count in F1; {NAMED}'
        elif not self.settings.no_relation and len(usual) > 1:
            others = " or ".join(map(repr, usual[1:]))
            yield f'{usual[0]!r} is taken for "no relation", not {others}, which counts in F1; {NAMED}'

    def read(self, row: Mapping[str, object], columns: Mapping[str, str]) -> tuple[Inputs, str | None]:
        """Inputs and gold label of a row; each mark becomes a word.

        Raises DataError for a mark that is missing, doubled, nested or around nothing, and for an unknown label.
        """
        inputs, gold = super().read(row, columns)
        own = set(self.settings.markers).difference(MARKERS).intersection(text.words_of(inputs["text"]))
        if own:
            raise DataError(f"holds {min(own)!r}, which the model reads as a mark", hint="mark with <e1> and <e2>")
        return {"text": marked_entities.spaced(inputs["text"])}, gold

    def arranged(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """A row with marks, whatever the file has in their place."""
        return relation_files.arranged(row)

    def request(self, inputs: Inputs) -> Classify:
        """Ask for the relation between the marked entities."""
        return Classify((marked_entities.with_marks(inputs["text"], self.settings.markers),))

    def score(self, gold: str, response: Response) -> Score:
        """(2·tp, 2·tp + fp + fn) of the relation of one text."""
        answer = self.show(response)
        named = [label for label in (gold, answer) if label != self.no_relation]
        return Score(2.0 * (gold == answer and len(named) == 2), float(len(named)))

    def details(self, gold: str, response: Response) -> Iterator[Detail]:
        """Accuracy, precision, recall, and F1 of the relation whatever its direction.

        See ``relation_averages.details``.
        """
        return relation_averages.details(gold, self.show(response), self.no_relation)

    def protected(self, example: Example) -> Mapping[str, frozenset[int]]:
        """The marks, and the words between them."""
        return {"text": frozenset(marked_entities.places(example.inputs["text"]))}

    def fixed(self, example: Example) -> Mapping[str, frozenset[int]]:
        """The marks and the words between them, as ``protected``."""
        return self.protected(example)

    def follow(self, gold: str | None, alignment: Alignment) -> str | None:
        """The gold; of exchanged marks, the relation in the other direction.

        None where the labels have no such relation.
        """
        if gold is None or not marked_entities.exchanged(alignment.edits.get("text", ())):
            return gold
        return self.turned(gold)

    def same(self, before: Response, after: Response, alignment: Alignment = SAME_WORDS) -> bool:
        """Whether the relation is the same, turned with its marks."""
        told = self.show(before)
        exchanged = marked_entities.exchanged(alignment.edits.get("text", ()))
        return ((self.turned(told) or told) if exchanged else told) == self.show(after)

    def turned(self, label: str) -> str | None:
        """The relation in the other direction, None without any."""
        backwards = label if label == self.no_relation else relation_averages.turned(label)
        return backwards if backwards in self.labels else None

    def constant(self, golds: Sequence[str | None]) -> Response | None:
        """Certainty of the most frequent relation.

        The first in label order on a tie. None without any relation.
        """
        counts = Counter(gold for gold in golds if gold is not None and gold != self.no_relation)
        if not counts:
            return None
        majority = max(self.labels, key=counts.__getitem__)
        return tuple(float(label == majority) for label in self.labels)


TASK = RelationExtraction
