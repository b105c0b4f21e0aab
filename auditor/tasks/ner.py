"""Named entity recognition: one text, and the entities that its words name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from auditor import text
from auditor.errors import ConfigError, DataError, near_match
from auditor.labels import spellings
from auditor.tasks import compared_types, entity_averages, entity_errors, entity_goal, tag_choices, wrong_entities
from auditor.tasks.defaults import TaskDefaults
from auditor.text import spans
from auditor.text.spans import OUTSIDE
from auditor.types import (
    SAME_WORDS,
    Alignment,
    AttackDefaults,
    Averages,
    Choice,
    ComparableLabels,
    Detail,
    Example,
    Goal,
    Inputs,
    Layout,
    Metric,
    Offer,
    Response,
    Score,
    Span,
    Tag,
)

Gold = tuple[str, ...]
"""IOB2 tags, one a word."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How the model's tags are read."""

    lenient: bool = False
    """Whether ``I-`` begins an entity too, as in the tags of a model trained on IOB1 data."""


class NamedEntityRecognition(TaskDefaults):
    """Words with tags; the metric is entity-level F1.

    F1 is strict: boundaries and type. A response is a tuple of one row a word: the probabilities of the model's tags,
    in its order. The decision is the most probable tag of each word, and the entities that begin with ``B-`` among them
    (IOB2, as seqeval's strict mode and Nakayama 2018 count). Words beyond its rows are outside every entity.
    """

    name = "ner"
    fields: tuple[str, ...] = ("text",)
    metric = "f1"
    ratio = True
    head = "token"
    offers: frozenset[Offer] = frozenset({"labelled_spans", "attack_goal"})
    settings = Settings()
    layout: Layout = "sentences"
    detail_metrics: tuple[Metric, ...] = entity_errors.WHOLE
    sliced_metrics: tuple[Metric, ...] = entity_errors.SLICED
    averages: Averages = entity_averages.EntityAverages()
    attacks = AttackDefaults(("deepwordbug", "textbugger", "pwws", "entity swap"), 0.2, 100)
    """Texts are sentences, and the entities' own words stay."""
    corruptions = wrong_entities.CORRUPTIONS
    unit: str | None = "entities"
    steps = 200
    """Little is learned of named entities by 60 steps, from few or from many labels: F1 0.43 on CoNLL-2003 by a model
    of 22 million parameters from 100 sentences or from 1,000; by 200 steps 0.67 and 0.78, by 600 0.69 and 0.81."""
    example_labels: tuple[str, ...] = ("O", "B-PER", "I-PER")
    constant_answer = "naming no entity"

    def __init__(
        self,
        labels: Sequence[str],
        mapping: Mapping[str, str] | None = None,
        settings: Settings | None = None,
        *,
        other_domain: bool = False,
    ) -> None:
        """``labels``: the model's tags.

        ``mapping``: type in the data → the model's type, or O, which makes its entities none; of tags that are numbers,
        number → tag. ``other_domain``: the data may name types that the model does not have. Raises ConfigError for
        labels that are no tags, or a mapping to no type.
        """
        # Tags without a type, as of a model that knows one only, get one here.
        super().__init__(tuple(map(spans.typed, labels)), mapping, settings)
        self._other_domain = other_domain
        for label in self.labels:
            try:
                spans.parts(label)
            except DataError as error:
                hint = "train one with audit train, or name its labels so in config.json"
                raise ConfigError(
                    f"the model's label {label!r} is no tag of entities: {error.message}", hint=hint
                ) from None
        # A model that has no tag for a beginning, as some older ones, is read as it was meant.
        self._strict = not self.settings.lenient and any(label[0] in "BSU" for label in self.labels if label != OUTSIDE)
        self._ends = any(label[0] in "ESLU" for label in self.labels if label != OUTSIDE)
        self.types = tuple(spans.types(self.labels))
        self._check_mapping()

    def _check_mapping(self) -> None:
        numbers = {spelling for spelling in self.mapping if spellings.is_number(spelling)}
        kinds = (*self.types, *(self.mapping.keys() - numbers))
        tags = {OUTSIDE, *(f"{letter}-{kind}" for letter in spans.PREFIXES for kind in kinds)}
        for spelling, meant in self.mapping.items():
            number = spelling in numbers
            if meant not in (tags if number else (*self.types, OUTSIDE)):
                what, few = ("tag", self.labels) if number else ("type", self.types)
                hint = near_match(meant, few) or f"known: {', '.join(few)}{'' if number else '; O for none'}"
                raise ConfigError(f"{meant!r} is no {what} of the model", where="[data.labels]", hint=hint)

    def other_domain(self) -> Self:
        """The task where data may name types of their own."""
        return type(self)(self.labels, self.mapping, self.settings, other_domain=True)

    def comparable(self, golds: Sequence[Gold | None]) -> ComparableLabels:
        """The types that both the model and the golds have."""
        return compared_types.comparable(golds, self.types)

    def read(self, row: Mapping[str, Any], columns: Mapping[str, str]) -> tuple[Inputs, Gold | None]:
        """Inputs and gold of a row of words and IOB2 tags.

        Without a column for ``label`` the gold is None. Raises DataError for a type that the model does not know.
        """
        words: Sequence[str] = row[columns["text"]]
        column = columns.get("label")
        return {"text": " ".join(words)}, None if column is None else self._tags(row[column])

    def _tags(self, tags: Sequence[str]) -> Gold:
        return spans.renamed(tags, {kind: self._type(kind) for kind in spans.types(tags)})

    def _type(self, kind: str) -> str:
        """The model's name of a type: mapped, exact, or in another case."""
        if kind in self.mapping:
            return self.mapping[kind]
        if kind in self.types:
            return kind
        alike = [known for known in self.types if known.casefold() == kind.casefold()]
        if len(alike) == 1:
            return alike[0]
        if kind == spans.PLAIN and len(self.types) == 1:
            return self.types[0]
        if self._other_domain:
            return kind
        if kind == spans.PLAIN:
            hint = f"name it in the data, or here: [data] {spellings.template({kind: self.types[0]})}"
            raise DataError(f"the tag names no type, and the model knows {', '.join(self.types)}", hint=hint)
        near = spans.near_type(kind, self.types)
        hint = "map every type of the data under [data.labels], those that the model lacks to O"
        raise DataError(
            f"unknown type {kind!r}; the model knows {', '.join(self.types)}",
            hint=hint if near is None else f"{near} or {hint}",
        )

    def request(self, inputs: Inputs) -> Tag:
        """Ask for the tags of the words."""
        return Tag(text.words_of(inputs["text"]))

    def entities(self, response: Response) -> tuple[Span, ...]:
        """The entities that the model sees."""
        return spans.spans(self.tags(response), strict=self._strict)

    def tags(self, response: Response) -> tuple[str, ...]:
        """The most probable tag of each word, on a tie the first."""
        return tuple(self.labels[max(range(len(row)), key=row.__getitem__)] for row in response)

    def score(self, gold: Gold, response: Response) -> Score:
        """(2·tp, 2·tp + fp + fn) of the entities.

        Those of types that the model does not have count neither as missed nor, where it sees something else in their
        place, as spurious.
        """
        right, seen, wanted = self.counts(gold, response)
        return Score(2.0 * right, float(seen + wanted))

    def counts(self, gold: Gold, response: Response) -> tuple[int, int, int]:
        """Entities that are right, that the model sees, and that there are."""
        wanted, seen, _ = self._compared(gold, response)
        return len(set(wanted).intersection(seen)), len(seen), len(wanted)

    def _compared(self, gold: Gold, response: Response) -> tuple[list[Span], list[Span], list[Span]]:
        """The gold entities of the model's types, what it sees, the others.

        What it sees in the place of others is left out.
        """
        every = spans.spans(gold)
        wanted = [entity for entity in every if entity.type in self.types]
        foreign = [entity for entity in every if entity.type not in self.types]
        return wanted, _apart(self.entities(response), foreign), foreign

    def details(self, gold: Gold, response: Response) -> Iterator[Detail]:
        """Precision and recall, by type, by kind of error and by tag.

        See ``entity_errors.details``; foreign types are left out. ``lenient_f1``: where whatever tag changes to a type
        begins an entity, as conlleval and seqeval's default count.
        """
        wanted, seen, foreign = self._compared(gold, response)
        read = spans.spans(self.tags(response), strict=False)
        leniently = _apart(read, foreign)
        right = len(set(wanted).intersection(leniently))
        tags = [*self._read(response), *[OUTSIDE] * (len(gold) - len(response))]
        left_out = spans.places(foreign)
        pairs = [(tag, tags[place]) for place, tag in enumerate(gold) if place not in left_out]
        yield from entity_errors.details(wanted, seen, self.types, pairs)
        yield Detail("lenient_f1", {}, Score(2.0 * right, float(len(leniently) + len(wanted))))

    def choices(self, gold: Gold, response: Response) -> Iterator[Choice]:
        """The tag of each word, and each entity that the model sees."""
        return tag_choices.choices(gold, self._read(response), response, self.labels, self._compared(gold, response))

    def same(self, before: Response, after: Response, alignment: Alignment = SAME_WORDS) -> bool:
        """Whether the entities are the same, moved with their words."""
        entities, origins = self.entities(before), alignment.origins.get("text")
        moved = entities if origins is None else spans.followed(entities, origins)
        return moved == self.entities(after)

    def follow(self, gold: Gold, alignment: Alignment) -> Gold | None:
        """The tags of the edited text.

        None where the edits took an entity apart or joined it to other words.
        """
        if "text" not in alignment.origins:
            return gold
        if spans.joined(gold, alignment.edits["text"]):
            return None
        return spans.follow(gold, alignment.origins["text"])

    def protected(self, example: Example) -> Mapping[str, frozenset[int]]:
        """The words of the entities."""
        return {"text": spans.places(spans.spans(example.gold or ()))}

    def goal(self, example: Example, before: Response) -> Goal | None:
        """How surely the entities found before are still found.

        None where the model finds none before.
        """
        return entity_goal.goal(self, example, before)

    def gold_spans(self, gold: Gold) -> Mapping[str, tuple[Span, ...]]:
        """The entities."""
        return {"text": spans.spans(gold)}

    def answer_spans(self, response: Response) -> Mapping[str, tuple[Span, ...]]:
        """The entities that the model sees."""
        return {"text": self.entities(response)}

    def likelihood(self, gold: Gold, response: Response) -> float:
        """The mean over words of the probability of the gold tag.

        It is that of all tags of the model that are the gold's in IOB2. Words beyond the response's rows are surely O.
        """
        read = sum(tag_choices.gold_chances(gold, response, self.labels))
        return (read + sum(tag == OUTSIDE for tag in gold[len(response) :])) / max(len(gold), 1)

    def show(self, value: Response) -> str:
        """The most probable tags, whatever the model's scheme as IOB2."""
        return " ".join(self._read(value))

    def _read(self, response: Response) -> tuple[str, ...]:
        """The tags that the words were read to have, as IOB2.

        What is wrong of them stays as it is where a model has that.
        """
        tags = self.tags(response)
        return tags if self._strict and not self._ends else spans.tags_of(self.entities(response), len(tags))

    def constant(self, golds: Sequence[Gold | None]) -> Response | None:
        """No entity anywhere; None without any gold."""
        return () if any(gold is not None for gold in golds) else None

    def units(self, gold: Gold) -> int:
        """The entities."""
        return len(spans.spans(gold))

    def show_gold(self, gold: Gold) -> str:
        """The tags, with blanks between."""
        return " ".join(gold)

    def dump(self, gold: Gold) -> list[str]:
        """The tags."""
        return list(gold)

    def load(self, value: Sequence[str]) -> Gold:
        """The tags."""
        return tuple(map(str, value))


def _apart(entities: Sequence[Span], foreign: Sequence[Span]) -> list[Span]:
    """The entities that overlap none of the foreign ones."""
    return [entity for entity in entities if not any(spans.overlap(entity, alien) for alien in foreign)]


TASK = NamedEntityRecognition
