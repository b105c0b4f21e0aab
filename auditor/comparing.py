"""Paired differences between models on the same cases, hypotheses named beforehand first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal, Protocol

from auditor import stats
from auditor.errors import ConfigError, near_match
from auditor.types import Comparison, Measurement, Metric, ProbeRecord, Slice


class Hypothesis(Protocol):
    """One ``[[compare]]`` of the config."""

    model: str | None
    against: str | None
    probe: str
    metric: str
    slice: dict[str, str]
    expect: Literal["higher", "lower"] | None


def check(hypotheses: Sequence[Hypothesis], known: Mapping[str, Mapping[str, str]], models: Sequence[str]) -> None:
    """Raise ConfigError for a ``[[compare]]`` that names no known model, probe or metric."""
    for number, wanted in enumerate(hypotheses, start=1):
        where = f"[[compare]] {number}"
        for name in (wanted.model, wanted.against):
            if name is not None and name not in models:
                raise ConfigError(
                    f"no model is called {name!r}",
                    where=where,
                    hint=near_match(name, models) or f"known: {', '.join(models)}",
                )
        if wanted.probe not in known:
            raise ConfigError(f"no probe is called {wanted.probe!r}", where=where, hint=near_match(wanted.probe, known))
        if wanted.metric not in known[wanted.probe]:
            hint = near_match(wanted.metric, known[wanted.probe]) or f"known: {', '.join(known[wanted.probe])}"
            raise ConfigError(f"probe {wanted.probe!r} has no metric {wanted.metric!r}", where=where, hint=hint)


def compare(candidate: str, records: Sequence[ProbeRecord], hypotheses: Sequence[Hypothesis]) -> list[dict[str, Any]]:
    """Comparisons as results.json holds them: the named hypotheses, then every comparable metric of each comparator.

    value = model − against, paired by cluster. The named ones state the model and the other it is held against;
    without names: each comparator against the candidate.
    """
    return [asdict(comparison) for comparison in _all(candidate, records, hypotheses)]


def _all(candidate: str, records: Sequence[ProbeRecord], hypotheses: Sequence[Hypothesis]) -> Iterator[Comparison]:
    by_model: dict[str, dict[str, ProbeRecord]] = {}
    for record in records:
        by_model.setdefault(record.model, {})[record.probe] = record
    comparators = [name for name in by_model if name != candidate]
    named: set[tuple[Any, ...]] = set()
    for wanted in hypotheses:
        for model in [wanted.model] if wanted.model else comparators:
            against = wanted.against or candidate
            if model not in by_model or against not in by_model or model == against:
                continue
            pair = (by_model[model][wanted.probe], by_model[against][wanted.probe])
            for comparison in _pairs(*pair, metric=wanted.metric, slice_=wanted.slice, expect=wanted.expect):
                named.add(_key(comparison))
                yield comparison
    for model in comparators:
        for probe, record in by_model[model].items():
            for comparison in _pairs(record, by_model[candidate][probe]):
                if _key(comparison) not in named:
                    yield comparison


def _key(comparison: Comparison) -> tuple[Any, ...]:
    where = tuple(sorted(comparison.slice.items()))
    return comparison.model, comparison.against, comparison.probe, comparison.metric, where


def _pairs(
    record: ProbeRecord,
    against: ProbeRecord,
    *,
    metric: str | None = None,
    slice_: Slice | None = None,
    expect: Literal["higher", "lower"] | None = None,
) -> Iterator[Comparison]:
    metrics = {one.name: one for one in record.metrics if one.comparable and one.kind in ("mean", "change")}
    others = {(one.metric, tuple(sorted(one.slice.items()))): one for one in against.measurements}
    fewest = min((len(one.slice) for one in record.measurements), default=0)
    for found in record.measurements:
        other = others.get((found.metric, tuple(sorted(found.slice.items()))))
        wanted = (
            found.metric == metric and dict(found.slice) == dict(slice_ or {}) if metric else len(found.slice) == fewest
        )
        if wanted and other is not None and found.metric in metrics and found.rows and other.rows:
            yield _comparison(record, against, metrics[found.metric], (found, other), expect)


def _comparison(
    record: ProbeRecord,
    against: ProbeRecord,
    metric: Metric,
    pair: tuple[Measurement, Measurement],
    expect: Literal["higher", "lower"] | None,
) -> Comparison:
    one, other = pair
    contrast = stats.compare(metric.kind, one.rows, other.rows, low=metric.low, high=metric.high, ratio=metric.ratio)
    return Comparison(
        model=record.model,
        against=against.model,
        probe=record.probe,
        metric=metric.name,
        slice=dict(one.slice),
        value=contrast.value,
        low=contrast.low,
        high=contrast.high,
        p=contrast.p,
        n_clusters=contrast.n_clusters,
        method=contrast.method,
        expect=expect,
    )
