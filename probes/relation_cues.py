"""What a relation rests on: entities, their marks, or the context."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from auditor import metrics, text
from auditor.settings import CheckedSettings, Count, Share
from auditor.text.marked_entities import entities, exchange, places
from auditor.types import (
    Audit,
    Case,
    Example,
    Metric,
    Planned,
    ProbeDefaults,
    Skipped,
    Slice,
    Task,
)
from probes import _lengths, _perturbing
from probes._lengths import Unit

FIELD = "text"
SHOWN, CHANGED = "the model reads", "entities"
DISTANCE = {"words": "words between the entities", "characters": "characters between the entities"}
WHOLE, NAMES, CONTEXT = "the whole text", "the entities alone", "the context alone"
RENAMED, EXCHANGED, MISSPELLED = "renamed", "exchanged", "misspelled"
UNDIRECTED = "no relation of the texts has a direction"
DISTANCES = {
    "words": ((2, "0 to 2"), (5, "3 to 5"), (10, "6 to 10")),
    "characters": ((4, "0 to 4"), (10, "5 to 10"), (20, "11 to 20")),
}
FARTHER = {"words": "11 or more", "characters": "21 or more"}
PLACEHOLDER = "something"
"""What stands in the place of an entity that the model is not shown."""
TYPOS = "keyboard typo"


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """How many texts are asked."""

    examples: Count = 300
    """Texts of the home domain, at most."""
    share: Share = 0.5
    """Share of the entities' words that are misspelled."""


class RelationCues(ProbeDefaults):
    """Whether a relation follows from the text, or from names alone.

    Three readings are compared: the whole text, the entities without their context, and the context with both entities
    replaced by "something" (Peng et al. 2020). A quality near that of the whole text from the entities alone says that
    the names give the answer away. Then both entities get the names of a text with another relation, so that the
    names say something else than the context; their marks are exchanged, so that the relation must turn round; and
    letters of their words are misspelled. An answer that changes (that does not turn, where the marks are exchanged)
    hangs on something else than the text says. A renamed entity may fit the text badly; whether a reader would still
    see the relation is for hand labels to say. Quality by the number of words between the entities (of characters where
    no blanks stand between words) shows what is far apart.
    """

    name = "relation_cues"
    limitation: str | None = "distribution"
    needs: frozenset[str] = frozenset({"marked_text"})
    settings = Settings()

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        """Quality by reading and distance; what changed answers, and costs."""
        return (
            _of(metrics.task_metric(task), SHOWN, *DISTANCE.values()),
            _of(metrics.drop(task), SHOWN, CHANGED, but=WHOLE),
            _of(
                replace(metrics.flip_rate(), name="entity_change_rate", title="answers that change with the entities"),
                CHANGED,
            ),
        )

    def planned(self, audit: Audit) -> Planned:
        """As many as ``cases`` yields."""
        cases = [case for case in self.cases(audit) if isinstance(case, Case)]
        return Planned(len(cases), unchanged=sum(not case.edits for case in cases))

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        """Yield each text in three readings, by distance, and changed."""
        settings: Settings = audit.settings
        examples = [example for example in audit.examples("home", settings.examples) if example.gold is not None]
        named, unit = _Names(examples), _lengths.unit(audit)
        typos = _perturbing.in_language(audit, TYPOS)
        lacking = typos if isinstance(typos, str) else _perturbing.lacking(typos)
        if isinstance(typos, str):
            yield Skipped({CHANGED: MISSPELLED}, typos, applies=False)
        elif lacking is not None:
            yield Skipped({CHANGED: MISSPELLED}, lacking)
        for example in examples:
            for reading, edits in _readings(example).items():
                yield Case(example, {SHOWN: reading}, {FIELD: edits} if edits else {})
            yield Case(example, {DISTANCE[unit.name]: _distance(example, unit)})
        directed = any(_turns(example, audit.task) for example in examples)
        if not directed:
            yield Skipped({CHANGED: EXCHANGED}, UNDIRECTED, applies=False)
        for example in examples:
            for slice_, edits in _changes(example, named, audit, misspelled=lacking is None, directed=directed):
                if edits:
                    yield Case(example, slice_, {FIELD: edits})


def _of(metric: Metric, *keys: str, but: str = "") -> Metric:
    """Return the metric, read of slices with these keys alone."""
    return metrics.only(
        metric, lambda judged: not judged.slice.keys().isdisjoint(keys) and but not in judged.slice.values()
    )


def _turns(example: Example, task: Task) -> bool:
    """Return whether the relation is another with its entities exchanged."""
    return _followed(example, task) not in (None, example.gold)


def _followed(example: Example, task: Task) -> object:
    """Return the relation with its entities exchanged, if any."""
    _, alignment = text.edited(example.inputs, {FIELD: exchange(example.inputs[FIELD])})
    return task.follow(example.gold, alignment)


def _readings(example: Example) -> dict[str, tuple[text.Edit, ...]]:
    """Return the edits of each reading."""
    words = text.words_of(example.inputs[FIELD])
    kept = frozenset(places(example.inputs[FIELD]))
    context = tuple(text.Edit(place, place + 1, ()) for place in range(len(words)) if place not in kept)
    masked = tuple(text.Edit(start, end, (PLACEHOLDER,)) for start, end in entities(example.inputs[FIELD]).values())
    return {WHOLE: (), NAMES: context, CONTEXT: masked}


def _distance(example: Example, unit: Unit) -> str:
    """Return the bin of the number of words between the entities."""
    (_, end), (start, _) = sorted(entities(example.inputs[FIELD]).values())
    # A mark stands on either side.
    between = unit.count(" ".join(text.words_of(example.inputs[FIELD])[end + 1 : start - 1]))
    return next((name for most, name in DISTANCES[unit.name] if between <= most), FARTHER[unit.name])


class _Names:
    """Both entities' words of each text, by the number of words."""

    def __init__(self, examples: Sequence[Example]) -> None:
        self._named = [(example.gold, _names(example)) for example in examples]

    def drawn(self, example: Example, rng: random.Random) -> tuple[tuple[str, ...], ...] | None:
        """Return the names of a text with another relation.

        They are of as many words where possible. None where no such text has other names.
        """
        own = _names(example)
        offered = [names for gold, names in self._named if gold != example.gold and not set(names) & set(own)]
        alike = [names for names in offered if [*map(len, names)] == [*map(len, own)]]
        return rng.choice(alike or offered) if offered else None


def _names(example: Example) -> tuple[tuple[str, ...], ...]:
    words = text.words_of(example.inputs[FIELD])
    return tuple(words[start:end] for start, end in entities(example.inputs[FIELD]).values())


def _changes(
    example: Example, named: _Names, audit: Audit, *, misspelled: bool, directed: bool
) -> Iterator[tuple[Slice, tuple[text.Edit, ...]]]:
    """Yield slice and edits of each change that the text offers."""
    marked = example.inputs[FIELD]
    spans = tuple(entities(marked).values())
    names = named.drawn(example, audit.rng(RENAMED, example.id))
    if names is not None:
        pairs = zip(spans, names, strict=True)
        edits = (text.Edit(*span, name, (" ",) * (len(name) - 1)) for span, name in pairs)
        yield {CHANGED: RENAMED}, tuple(edits)
    if directed and _followed(example, audit.task) is not None:
        yield {CHANGED: EXCHANGED}, exchange(marked)
    if misspelled:
        words = text.split(marked)
        inside = {place for start, end in spans for place in range(start, end)}
        share = audit.settings.share * len(inside) / len(words.words)
        context = frozenset(range(len(words.words))) - inside
        rng = audit.rng(MISSPELLED, example.id)
        yield {CHANGED: MISSPELLED}, _perturbing.made(audit, TYPOS).edits(words, share, rng, context)


PROBE = RelationCues()
