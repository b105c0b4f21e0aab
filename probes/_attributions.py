"""What each word adds to the probability of a model's answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import TypeAlias

from auditor import text
from auditor.types import Audit, Edit, Example, Inputs, Model, Response, Span, TokenWeight

FEWEST = 3
"""Words of a text that can be left out: fewer are no ranking."""
Place: TypeAlias = tuple[str, int]
"""Text field and number of a word in it."""
Weights: TypeAlias = tuple[float, ...]
"""What each word of ``Explained.places`` adds to the probability of the answer."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer explained: a text's label, or an entity's tags."""

    label: str
    """The text's label, or the entity's type."""
    field: str = ""
    """The text field of the entity; empty for a label of the text."""
    tags: tuple[tuple[int, int], ...] = ()
    """Each word of the entity, and the number of its tag."""

    def probability(self, audit: Audit, response: Response, gone: Set[Place] = frozenset()) -> float:
        """Return the label's probability, or the mean of the tags'.

        ``gone``: words that the text asked about lacks.
        """
        if not self.tags:
            return audit.task.label_scores(response)[self.label]
        chances = []
        for place, tag in self.tags:
            now = place - sum((self.field, before) in gone for before in range(place))
            # Words beyond the rows of an answer are outside every entity.
            chances.append(float(response[now][tag]) if now < len(response) else 0.0)
        return sum(chances) / len(chances)


@dataclass(frozen=True, slots=True)
class Explained:
    """A row's first words, as a text, with the model's answer."""

    example: Example
    texts: Mapping[str, text.Words]
    decision: Decision
    probability: float
    """Of the decision."""
    places: tuple[Place, ...]
    """The words that may be left out: all, but those of the entity that the answer is about."""
    left_out: int
    """Words after the first ones."""

    @property
    def inputs(self) -> Inputs:
        """The whole of the text."""
        return self.without(())

    def without(self, gone: Iterable[Place]) -> Inputs:
        """Return the text without some words and their white space."""
        edits: dict[str, list[Edit]] = {field: [] for field in self.texts}
        for field, place in gone:
            edits[field].append(Edit(place, place + 1, ()))
        return {field: str(text.apply(words, edits[field])) for field, words in self.texts.items()}


def explained(audit: Audit, rows: Sequence[Example], most: int) -> list[Explained]:
    """Return the rows whose answers can be explained.

    Each is cut to its first ``most`` words. Rows with fewer than three words that may be left out, sentences in which
    the model names no entity, and texts on which it fails are left out.
    """
    cut = [{field: _first(row.inputs[field], most) for field in audit.task.fields} for row in rows]
    inputs = [{field: str(words) for field, (words, _) in texts.items()} for texts in cut]
    kept = []
    for row, texts, answer in zip(rows, cut, audit.ask(inputs), strict=True):
        made = None if answer is None else _decision(audit, answer)
        if made is None:
            continue
        fixed = {(made.field, place) for place, _ in made.tags}
        fixed |= {(field, place) for field, places in audit.task.fixed(row).items() for place in places}
        every = ((field, place) for field, (words, _) in texts.items() for place in range(len(words.words)))
        places = tuple(place for place in every if place not in fixed)
        if len(places) >= FEWEST:
            own = {field: words for field, (words, _) in texts.items()}
            beyond = sum(beyond for _, beyond in texts.values())
            kept.append(Explained(row, own, made, made.probability(audit, answer), places, beyond))
    return kept


def _first(value: str, most: int) -> tuple[text.Words, int]:
    """Return a text's first words, and the number of others."""
    words = text.split(value)
    if len(words.words) <= most:
        return words, 0
    return text.Words(words.words[:most], (*words.separators[:most], "")), len(words.words) - most


def _decision(audit: Audit, response: Response) -> Decision | None:
    """Return the answer that is explained.

    Of a sentence it is its first entity, of several labels the surest.
    """
    scores = audit.task.label_scores(response)
    if scores:
        given = audit.task.given_labels(response)
        return Decision(max(given, key=scores.__getitem__)) if given else None
    spans = audit.task.answer_spans(response)
    first: Iterator[tuple[str, Span]] = ((field, min(own)) for field, own in spans.items() if own)
    field, span = next(first, ("", None))
    if span is None:
        return None
    tags = ((place, max(range(len(response[place])), key=response[place].__getitem__)) for place in range(*span[:2]))
    return Decision(span.type, field, tuple(tags))


def keeping(audit: Audit, texts: Sequence[Explained], model: Model | None = None) -> list[Explained | None]:
    """Return the texts whose answer is the decision, with its probability now.

    ``model``: another one than the audited. None where it fails on a text, or answers something else.
    """
    answers = audit.ask([own.inputs for own in texts], model)
    return [
        replace(own, probability=own.decision.probability(audit, answer))
        if answer is not None and _agrees(audit, own, answer)
        else None
        for own, answer in zip(texts, answers, strict=True)
    ]


def leave_one_out(audit: Audit, texts: Sequence[Explained], model: Model | None = None) -> list[Weights | None]:
    """Return what each word adds: the probability with it, less that without.

    ``model``: the one that the texts' probabilities are of; None: the audited one. None where it fails on a text.
    """
    answers = iter(audit.ask([own.without((place,)) for own in texts for place in own.places], model))
    weights: list[Weights | None] = []
    for own in texts:
        without = [(place, next(answers)) for place in own.places]
        if any(answer is None for _, answer in without):
            weights.append(None)
            continue
        weights.append(
            tuple(
                own.probability - own.decision.probability(audit, answer, frozenset((place,)))
                for place, answer in without
            )
        )
    return weights


def _agrees(audit: Audit, own: Explained, response: Response) -> bool:
    """Whether an answer is the decision that is explained."""
    decision = own.decision
    if not decision.tags:
        return decision.label in audit.task.given_labels(response)
    # Words beyond the rows of an answer are outside every entity.
    return all(
        place < len(response) and max(range(len(response[place])), key=response[place].__getitem__) == tag
        for place, tag in decision.tags
    )


def integrated_gradients(
    audit: Audit, texts: Sequence[Explained], steps: int, model: Model | None = None
) -> list[Weights | None] | str:
    """Return each word's sum over its tokens, or why not.

    ``model`` is as for ``leave_one_out``.
    """
    weights: list[Weights | None] = []
    for own in texts:
        by_field = audit.integrated_gradients(own.inputs, own.decision.label, steps, model)
        if isinstance(by_field, str):
            return by_field
        by_place = {
            (field, place): weight
            for field, words in own.texts.items()
            for place, weight in enumerate(_of_words(words, by_field[field]))
        }
        weights.append(tuple(by_place[place] for place in own.places))
    return weights


def _of_words(words: text.Words, tokens: Sequence[TokenWeight]) -> list[float]:
    """Add up the tokens that begin in a word or before it."""
    weights, at = [0.0] * len(words.words), 0
    ends = []
    for gap, word in zip(words.separators, words.words, strict=False):
        at += len(gap) + len(word)
        ends.append(at)
    for token in tokens:
        # A token may begin with the white space before its word.
        place = next((place for place, end in enumerate(ends) if token.start < end), None)
        if place is not None:
            weights[place] += token.weight
    return weights
