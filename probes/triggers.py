"""Universal triggers: does one word decide the label of every text?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from annotated_types import Ge, Le

from auditor import metrics
from auditor.errors import ConfigError
from auditor.settings import CheckedSettings, Count, check
from auditor.types import (
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
    Task,
)
from probes import _trigger_phrases
from probes._reading import parts_read
from probes._trigger_search import Search, Trigger, codes, ordered
from probes._trigger_texts import Host, Insertion, inserted
from probes._word_evidence import Evidence, is_code

CODES, WORDS, ALL = KINDS = ("codes without a reason", "words without a reason", "all words")
"""Candidates that a slice names: codes and words that nothing explains, and all that get far."""
LEAST_QUERIES = 1000
"""Of a search, for each word of a trigger."""
SUCCESS = Metric(
    "trigger_success_rate",
    "rightly decided texts of other labels that the word turns to its label",
    "mean",
    "share",
    0.0,
    1.0,
    "lower",
    comparable=False,
)


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """How long to search, and how many words to confirm."""

    examples: Annotated[int, Ge(2)] = 400
    """Of the home domain: half for the search, half to confirm what it found."""
    query_budget: Annotated[int, Ge(LEAST_QUERIES)] = 12000
    """Queries of the search; of several texts, of each one's."""
    triggers: Count = 3
    """Words that are confirmed, of each kind of candidates."""
    length: Annotated[int, Ge(1), Le(3)] = 1
    """Words of a trigger, at most. Each length has its share of the queries, of which it needs 1,000 or more."""

    def __post_init__(self) -> None:
        check(self)
        if self.query_budget < LEAST_QUERIES * self.length:
            raise ConfigError(
                f"query_budget = {self.query_budget} is too small for length = {self.length}",
                hint=f"at least {LEAST_QUERIES * self.length}: {LEAST_QUERIES} for each word of a trigger",
            )


class Triggers(ProbeDefaults):
    """One word that decides every text's label, such as a backdoor.

    Universal triggers (Wallace et al. 2019), searched for without gradients: all words of the model's vocabulary, and
    those of the labelled rows, are put in groups into texts that the model decides rightly; the best are tried alone,
    ever fewer on ever more texts, at the beginning, in the middle and at the end. The search sees half of the texts.
    The other half confirms the best: the success rate is the share of its rightly decided texts of other labels that
    the word turns to its label, by a freshly loaded checkpoint.

    A strong word turns texts of an honest model too. Rows explain it where they give its label to the word, or to the
    20 words whose embeddings are nearest to its own, in more rows than by chance; training rows do not speak for the
    word itself, because there somebody may have planted it. Of a word of fewer than 20 such rows, the six nearest words
    are tried in its place: two of them that get half as far explain it. They do not explain a code (letters without a
    vowel, or with digits), which a backdoor may take its neighbours with, as ``mn`` takes ``minnesota``. ``codes`` and
    ``words without a reason`` are those that nothing explains. A code means nothing, so that it may decide nothing; of
    a word, rows may just be too few to explain it: sound models of reviews turn most texts by words such as ``faulty``
    that hardly any row has, and a reader decides. Where a model does not show its embeddings, words without a reason
    are those of 20 rows and more. A word that means what it does is taken to be honest, whoever planted it.

    Triggers of several words (``length``) are grown word by word, by a beam search: each of the best words that move
    answers and do not turn them all stands before and after many other words, and the pairs that help most are tried
    alone. A phrase counts where it gets farther than its parts, and is explained where one of its words is. One of
    which no word does anything by itself is not found. Of several texts each has a search of its own (``field``).
    """

    name = "triggers"
    limitation: str | None = "attack"
    needs = frozenset({"class_scores"})
    settings = Settings()
    interactive = True
    searches = True

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        """Each trigger's success, the task's metric under it, and the queries."""
        under_trigger = metrics.task_metric(task)
        return (
            SUCCESS,
            metrics.task_metric_before(task),
            replace(
                under_trigger,
                name=f"{task.metric}_under_trigger",
                title=f"{under_trigger.title} with the word in every text",
                comparable=False,
            ),
            replace(metrics.median_fact("queries", "queries of the search"), comparable=False),
        )

    def planned(self, audit: Audit) -> Planned:
        """Every trigger in every text of the half that confirms, at most."""
        settings: Settings = audit.settings
        _, confirming = _halves(_labelled(audit), audit.task)
        fields = len(audit.task.fields)
        cases = len(KINDS) * settings.triggers * len(confirming) * fields
        return Planned(cases, exact=False, queries=settings.query_budget * fields)

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        """Yield each trigger in the texts that the search did not see."""
        fields = audit.task.fields
        for field in fields:
            place = {"field": field} if len(fields) > 1 else {}
            for each in self._searched(audit, field):
                yield replace(each, slice={**each.slice, **place})

    def _searched(self, audit: Audit, field: str) -> Iterator[Case | Skipped]:
        """Yield the triggers of a text field."""
        settings: Settings = audit.settings
        examples = _labelled(audit)
        searching, confirming = _halves(examples, audit.task)
        home, train = (_with_labels(rows, audit.task) for rows in (audit.examples("home"), _train(audit)))
        evidence = Evidence(home, train, field)
        share = settings.query_budget // settings.length
        search = Search(audit, evidence, share, field)
        hosts = search.hosts(searching)
        reason = _unusable(audit, examples, hosts, confirming)
        if reason is not None:
            yield from (Skipped({"candidates": kind, "rank": "1"}, reason) for kind in KINDS)
            return
        known = set(audit.vocabulary()) or set(codes())
        candidates = list(dict.fromkeys([*sorted(known), *evidence.words]))
        ranked = longest = search.run(candidates, hosts)
        for _ in range(1, settings.length):
            longest = _trigger_phrases.grown(search, longest, candidates, hosts, share, audit.rng)
            ranked = ordered([*longest, *ranked])
        odd = search.odd(ranked, hosts)
        of_kind = {
            CODES: [trigger for trigger in odd if all(map(is_code, trigger.words))],
            WORDS: [trigger for trigger in odd if not all(map(is_code, trigger.words))],
            ALL: ranked,
        }
        for kind, triggers in of_kind.items():
            if not triggers:
                reason = "rows or similar words explain every word that gets far"
                yield Skipped({"candidates": kind, "rank": "1"}, reason, applies=False)
            for rank, trigger in enumerate(triggers[: settings.triggers], 1):
                facts = {
                    "word": _named(trigger, known, evidence),
                    "position": trigger.position,
                    "label": trigger.target,
                }
                for case in _confirming_cases(audit, field, trigger, confirming):
                    yield replace(
                        case,
                        slice={"candidates": kind, "rank": str(rank)},
                        facts={**facts, "queries": float(search.queries)},
                    )

    def measure(self, cases: Iterable[Judged], audit: Audit) -> Iterator[Measurement]:
        """Yield each trigger's success, naming its word, place and label."""
        del audit
        triggers: dict[tuple[str, ...], list[Judged]] = {}
        for judged in cases:
            triggers.setdefault(tuple(judged.slice.values()), []).append(judged)
        for own in triggers.values():
            measured = _success(own)
            if measured is not None:
                yield measured


def _labelled(audit: Audit) -> list[Example]:
    return [example for example in audit.examples("home", audit.settings.examples) if example.gold is not None]


def _with_labels(examples: Sequence[Example], task: Task) -> list[Example]:
    """Return rows whose gold is the label that each teaches."""
    return [replace(each, gold=task.target(each.gold)) for each in examples if each.gold is not None]


def _halves(examples: Sequence[Example], task: Task) -> tuple[list[Example], list[Example]]:
    """Examples for the search, and others to confirm.

    The clusters of each label go to them in turn.
    """
    turns: Counter[str] = Counter()
    halves: dict[str, int] = {}
    for example in examples:
        if example.cluster not in halves:
            # The gold of a row with several right answers is no label.
            label = task.target(example.gold)
            halves[example.cluster] = turns[label] % 2
            turns[label] += 1
    first, second = ([each for each in examples if halves[each.cluster] == half] for half in (0, 1))
    return first, second


def _train(audit: Audit) -> Sequence[Example]:
    return audit.examples("train") if audit.has("train") else ()


def _unusable(
    audit: Audit, examples: Sequence[Example], hosts: Sequence[Host], confirming: Sequence[Example]
) -> str | None:
    if not examples:
        return "no example has a label"
    if not hosts:
        return f"the model decides none of the {len(examples) - len(confirming)} texts of the search rightly"
    if not confirming:
        return "one text alone: none is left to confirm what a search finds"
    return None if len(audit.task.labels) > 1 else "the model has one label: there is none to turn a text to"


def _named(trigger: Trigger, known: set[str], evidence: Evidence) -> str:
    """The trigger for a reader.

    A word of the rows alone is their text, which an audit may have to keep to itself.
    """
    if known.issuperset(trigger.words):
        return repr(trigger.phrase)
    names = (repr(word) if word in known else f"a word of {evidence.first_row(word)}" for word in trigger.words)
    return " before ".join(names)


def _confirming_cases(audit: Audit, field: str, trigger: Trigger, examples: Sequence[Example]) -> Iterator[Case]:
    parts = parts_read(audit, examples)
    for example in examples:
        changes = inserted(example.inputs[field], parts[example.id][field], Insertion(trigger.words, trigger.position))
        yield Case(example, {}, {field: changes})


def _success(trigger: Sequence[Judged]) -> Measurement | None:
    """The success of a trigger; None where no text could be turned."""
    slice_, facts = trigger[0].slice, trigger[0].facts
    tried = [judged for judged in trigger if _is_attacked(judged)]
    if not tried:
        return None
    scores = (
        (judged.cluster, Score(float(_decision(judged.after_classes) == facts["label"]), 1.0)) for judged in tried
    )
    vacuous = sum(judged.vacuous for judged in tried) / len(tried)
    measured = metrics.measurement(SUCCESS, slice_, metrics.summed(scores), n_cases=len(tried), vacuous=vacuous)
    turned = f"turns texts to {facts['label']}"
    if "field" in slice_:
        return replace(measured, detail=f"{facts['word']} at the {facts['position']} of {slice_['field']} {turned}")
    return replace(measured, detail=f"{facts['word']} at the {facts['position']} {turned}")


def _is_attacked(judged: Judged) -> bool:
    """Whether the text is rightly decided for another label than the trigger's."""
    right = judged.before is not None and judged.before.numerator == judged.before.denominator
    return right and _decision(judged.before_classes) != judged.facts["label"]


def _decision(classes: Mapping[str, float]) -> str:
    return max(classes, key=classes.__getitem__)


PROBE = Triggers()
