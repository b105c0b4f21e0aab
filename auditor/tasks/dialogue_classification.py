"""Dialogue turns with their history: intents, dialogue acts, emotions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from auditor import text
from auditor.tasks import dialogue_columns
from auditor.tasks.classification import TextClassification
from auditor.tasks.defaults import OneLabel
from auditor.tasks.dialogue_columns import HISTORY, TURN
from auditor.text import turns
from auditor.types import AttackDefaults, Classify, Example, Gathering, Inputs, Offer


@dataclass(frozen=True, slots=True)
class Settings:
    """How the model reads a dialogue."""

    separator: str = ""
    """What the model reads between the turns of the history; empty: the separator of its own tokenizer, such as [SEP],
    or a line break where it has none."""
    speakers: bool = False
    """Whether each turn that the data give as an object begins with its speaker: ``user: hello``."""


class DialogueClassification(TextClassification):
    """The last turn of a dialogue, one label; the metric is accuracy.

    The history is the turns before it, each a line, the oldest first; a first turn has none. A model that cannot read
    all of it reads the last turn and the end of the history. A response is a tuple of probabilities in [0, 1], one for
    each label in the model's order; the decision is the most probable label, the first one on a tie.
    """

    name = "dialogue-classification"
    fields: tuple[str, ...] = (HISTORY, TURN)
    offers: frozenset[Offer] = OneLabel.offers | {"dialogue"}
    may_be_blank: frozenset[str] = frozenset({HISTORY})
    settings = Settings()
    usual_columns = dialogue_columns.USUAL
    attacks = AttackDefaults(query_budget=200)
    """Turns are short, and each of the two texts is attacked by itself."""
    example_labels: tuple[str, ...] = ("question", "statement")

    def gathered(self, header: Sequence[str], columns: Mapping[str, str]) -> tuple[Mapping[str, str], Gathering]:
        """History and turn of lists, of several columns, or of whole dialogues.

        See ``dialogue_columns.gathering``. Raises DataError where several columns may be the dialogue.
        """
        return dialogue_columns.gathering(header, columns, speakers=self.settings.speakers)

    def groups(self, rows: Sequence[Inputs]) -> Sequence[str | None]:
        """The dialogue of each row, as its first turns tell it."""
        # A turn is compared as it stands in the histories of later rows: without line breaks and blanks at its ends.
        return turns.dialogues([[*turns.turns_of(row[HISTORY]), turns.joined([row[TURN]])] for row in rows])

    def request(self, inputs: Inputs) -> Classify:
        """Ask for the label of the last turn, given its history."""
        return Classify((inputs[HISTORY], inputs[TURN]), self.settings.separator)

    def fixed(self, example: Example) -> Mapping[str, frozenset[int]]:
        """The names of the speakers, where turns begin with them."""
        if not self.settings.speakers:
            return {}
        return {field: frozenset(_speakers(example.inputs[field])) for field in self.fields}

    def protected(self, example: Example) -> Mapping[str, frozenset[int]]:
        """The names of the speakers, as ``fixed``."""
        return self.fixed(example)


def _speakers(value: str) -> list[int]:
    """Return the places of the words that name a speaker."""
    places, before = [], 0
    for line in value.split(turns.BETWEEN):
        words = text.words_of(line)
        if words and words[0].endswith(":"):
            places.append(before)
        before += len(words)
    return places


TASK = DialogueClassification
