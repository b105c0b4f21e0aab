"""Domain shift of named entities: on the types that model and domain share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from auditor import metrics
from auditor.text import spans
from auditor.types import HOME, Example, Judged, Measurement, Metric, Row, Score, Skipped, Task

SHARED = "types counted"
BETWEEN = "\t"


def facts(task: Task, examples: Sequence[Example]) -> Mapping[str, str]:
    """The types of the model that these examples have."""
    there = _there(examples)
    return {SHARED: BETWEEN.join(kind for kind in spans.types(task.labels) if there[kind])}


def on_shared_types(metric: Metric) -> Metric:
    """F1 of the entities of the types that a case's domain shares with the model."""

    def read(judged: Judged) -> Sequence[tuple[str, float, float]]:
        score = _score(judged, str(judged.facts[SHARED]))
        return (("", score.numerator, score.denominator),)

    return replace(metric, read=read)


def measured_later(metric: Metric) -> Metric:
    """Not read case by case: home counts other types for each domain."""
    return replace(metric, read=lambda _judged: ())


def drops(cases: Iterable[Judged], metric: Metric) -> Iterator[Measurement | Skipped]:
    """Of each other domain, F1 at home minus F1 there, both on the types that they share."""
    every: dict[str, list[Judged]] = {}
    for judged in cases:
        every.setdefault(judged.slice["domain"], []).append(judged)
    for domain, some in every.items():
        kinds = str(some[0].facts[SHARED])
        if domain == HOME:
            continue
        rows = [*_rows(every.get(HOME, ()), kinds, "first"), *_rows(some, kinds, "second")]
        if all(any(row.count for row in rows if row.arm == arm) for arm in ("first", "second")):
            yield metrics.measurement(metric, {"domain": domain}, rows, n_cases=len(some))
        else:
            yield Skipped({"domain": domain}, "it shares no type of entities with home and the model")


def _rows(cases: Iterable[Judged], kinds: str, arm: str) -> list[Row]:
    return metrics.summed(((judged.cluster, _score(judged, kinds)) for judged in cases), arm)


def _score(judged: Judged, kinds: str) -> Score:
    scores = [
        detail.score
        for detail in judged.details
        if detail.metric == "type_f1" and detail.slice["type"] in kinds.split(BETWEEN)
    ]
    return Score(sum(score.numerator for score in scores), sum(score.denominator for score in scores))


def _there(examples: Sequence[Example]) -> Counter[str]:
    return Counter(one.type for example in examples for one in spans.spans(example.gold or ()))


def types(task: Task, examples: Sequence[Example], domain: str) -> Iterator[Skipped]:
    """Types of entities that only the domain, or only the model, has: nothing can be said of them."""
    there, known = _there(examples), list(spans.types(task.labels))
    for kind in sorted(set(there) - set(known)):
        near = spans.begun_type(kind, known)
        hint = f"; {near} [data.labels] maps it" if near else ""
        reason = (
            f"the model has no such type: {there[kind]} entities of it count neither as missed nor as spurious{hint}"
        )
        yield Skipped({"domain": domain, "type": kind}, reason)
    for kind in known:
        if not there[kind]:
            yield Skipped({"domain": domain, "type": kind}, "no entity of the domain is one: it is not counted there")
