"""Which entities does a model find?

Those it saw in training, rare ones, long ones; in long sentences, in capitals, in lower case.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from auditor import metrics, text
from auditor.settings import CheckedSettings, Count
from auditor.text import spans
from auditor.types import (
    NEEDS,
    Audit,
    Case,
    Example,
    Judged,
    Measurement,
    Metric,
    Planned,
    ProbeDefaults,
    Score,
    Skipped,
    Slice,
    Span,
    Task,
)
from probes import _entity_recall

SEEN, UNSEEN = "seen in training", "not seen in training"
OCCURRENCES = ((1, "1"), (4, "2 to 4"), (19, "5 to 19"))
MORE_OFTEN = "20 or more"
WORDS = ((1, "1"), (2, "2"))
MORE_WORDS = "3 or more"
LENGTHS = ((10, "1 to 10"), (20, "11 to 20"), (40, "21 to 40"))
LONGER = "41 or more"
ASKED, ALL, SELECTED, REWRITTEN = "asked for", "all entities", "some entities", "all entities of the text rewritten"
CASES: dict[str, Callable[[str], str]] = {"all capitals": str.upper, "lower case": str.lower}


GAP = metrics.difference("memorisation_gap", "recall of entities seen in training minus that of the others", ratio=True)


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """How many sentences are asked."""

    examples: Count = 1000
    """Sentences of the home domain, at most."""


class Entities(ProbeDefaults):
    """Recall of seen and unseen entities, and quality on hard sentences.

    An entity is seen when the training rows name one of the same words, in any case, with the same type; how often they
    do is its frequency. The gap between seen and unseen ones is what the model knows by heart (Augenstein et al.
    2017); it is unpaired, because most sentences have one kind only. For sentences where entities are hard to see,
    quality is measured by their length in words, and again in capitals, as in a headline, and in lower case, where the
    drop is paired. The drop of an uncased model is zero: it sees the same pieces.
    """

    name = "entities"
    limitation: str | None = "coverage"
    needs: frozenset[str] = frozenset({"labelled_spans", "single_text"})
    settings = Settings()
    reads_details = True

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        """Recall, the gap, and quality where entities are hard to see."""
        return (
            _when(metrics.task_metric(task), ALL, REWRITTEN),
            _entity_recall.RECALL,
            GAP,
            _when(metrics.drop(task), REWRITTEN),
            _when(metrics.vacuous_rate(), REWRITTEN),
        )

    def worth_showing(self, judged: Judged) -> bool:
        """Whether a sentence was asked for all of its entities.

        In one that was asked for some, the others would look wrong.
        """
        return judged.facts[ASKED] != SELECTED

    def planned(self, audit: Audit) -> Planned:
        """As many as ``cases`` yields."""
        cases = [case for case in self.cases(audit) if isinstance(case, Case)]
        return Planned(len(cases), unchanged=sum(not case.edits for case in cases))

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        """Yield sentences by the entities asked for, by length and by spelling."""
        (field,) = audit.task.fields
        examples = [example for example in audit.examples("home", audit.settings.examples) if example.gold is not None]
        known = (
            Counter(key for example in audit.examples("train") for _, key in _named(example, field))
            if audit.has("train")
            else None
        )
        if known is None:
            yield Skipped({"entity": SEEN}, NEEDS["train"])
        for slice_, chosen in _slices(known):
            asked = [case for example in examples if (case := _only(example, field, chosen, slice_))]
            yield from asked
            if not asked:
                yield Skipped(slice_, "no entity of the test rows is one")
        for example in examples:
            slice_ = {"words in the sentence": _bin(len(example.gold), LENGTHS, LONGER)}
            yield Case(example, slice=slice_, facts={ASKED: ALL})
        for name, change in CASES.items():
            for example in examples:
                edits = tuple(
                    text.Edit(place, place + 1, (change(word),))
                    for place, word in enumerate(text.words_of(example.inputs[field]))
                )
                yield Case(example, {"written in": name}, {field: edits}, facts={ASKED: REWRITTEN})

    def measure(self, cases: Iterable[Judged], audit: Audit) -> Iterator[Measurement]:
        """The gap, where there are entities of both kinds."""
        del audit
        arms: dict[str, list[tuple[str, Score]]] = {SEEN: [], UNSEEN: []}
        for judged in cases:
            kind = judged.slice.get("entity")
            if kind is not None:
                arms[kind].append((judged.cluster, _entity_recall.recall(judged)))
        if all(arms.values()):
            rows = [*metrics.summed(arms[SEEN], "first"), *metrics.summed(arms[UNSEEN], "second")]
            yield metrics.measurement(GAP, {}, rows, n_cases=sum(map(len, arms.values())))


Key = tuple[str, str]
"""An entity's words in lower case, and its type."""


def _named(example: Example, field: str) -> Iterator[tuple[Span, Key]]:
    words = text.words_of(example.inputs[field])
    for entity in spans.spans(example.gold or ()):
        yield entity, (" ".join(words[entity.start : entity.end]).lower(), entity.type)


Belongs = Callable[[Span, Key], bool]


def _slices(known: Counter[Key] | None) -> Iterator[tuple[Slice, Belongs]]:
    """Slices of entities, and which ones belong to each."""

    def by_memory(known: Counter[Key], wanted: bool) -> Belongs:
        return lambda _span, key: (known[key] > 0) is wanted

    def by_frequency(known: Counter[Key], wanted: str) -> Belongs:
        return lambda _span, key: known[key] > 0 and _bin(known[key], OCCURRENCES, MORE_OFTEN) == wanted

    def by_words(wanted: str) -> Belongs:
        return lambda span, _key: _bin(span.end - span.start, WORDS, MORE_WORDS) == wanted

    if known is not None:
        yield {"entity": SEEN}, by_memory(known, True)
        yield {"entity": UNSEEN}, by_memory(known, False)
        for name in (*(name for _, name in OCCURRENCES), MORE_OFTEN):
            yield {"times in training": name}, by_frequency(known, name)
    for name in (*(name for _, name in WORDS), MORE_WORDS):
        yield {"words of the entity": name}, by_words(name)


def _when(metric: Metric, *kinds: str) -> Metric:
    """The metric, read of cases of these kinds alone.

    Of a sentence that is asked for some of its entities only recall makes sense.
    """
    return metrics.only(metric, lambda judged: judged.facts[ASKED] in kinds)


def _only(example: Example, field: str, chosen: Belongs, slice_: Slice) -> Case | None:
    """The sentence, asked for the chosen entities alone; None without any.

    Only recall makes sense of it.
    """
    kept = [entity for entity, key in _named(example, field) if chosen(entity, key)]
    if not kept:
        return None
    return Case(replace(example, gold=spans.tags_of(kept, len(example.gold))), slice=slice_, facts={ASKED: SELECTED})


def _bin(value: int, bins: Sequence[tuple[int, str]], above: str) -> str:
    return next((name for most, name in bins if value <= most), above)


PROBE = Entities()
