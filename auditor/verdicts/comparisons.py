"""Paired differences between models on the same cases, hypotheses named beforehand first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal, Protocol

from auditor import stats
from auditor.errors import ConfigError, near_match, near_or_known
from auditor.types import Comparison, Measurement, Metric, ProbeRecord, Slice, in_words


class Hypothesis(Protocol):
    """One ``[[compare]]`` of the config."""

    model: str | None
    against: str | None
    probe: str
    metric: str
    slice: dict[str, str]
    expect: Literal["higher", "lower"] | None


def check(hypotheses: Sequence[Hypothesis], known: Mapping[str, Mapping[str, Metric]], models: Sequence[str]) -> None:
    """Check what ``[[compare]]`` names.

    Raises ConfigError for one that names no known model, probe or metric, or compares what cannot be.
    """
    for number, wanted in enumerate(hypotheses, start=1):
        where = f"[[compare]] {number}"
        for name in (wanted.model, wanted.against):
            if name is not None and name not in models:
                raise ConfigError(
                    f"no model is called {name!r}",
                    where=where,
                    hint=near_or_known(name, models),
                )
        if wanted.probe not in known:
            raise ConfigError(f"no probe is called {wanted.probe!r}", where=where, hint=near_match(wanted.probe, known))
        if wanted.metric not in known[wanted.probe]:
            hint = near_or_known(wanted.metric, known[wanted.probe])
            raise ConfigError(f"probe {wanted.probe!r} has no metric {wanted.metric!r}", where=where, hint=hint)
        if wanted.model is not None and wanted.model == wanted.against:
            raise ConfigError(f"compares {wanted.model!r} with itself", where=where)
        if not _comparable(known[wanted.probe][wanted.metric]):
            able = [name for name, metric in known[wanted.probe].items() if _comparable(metric)]
            hint = f"such as {', '.join(able)}" if able else f"probe {wanted.probe} has no metric that is"
            raise ConfigError(f"{wanted.metric} is not compared between models", where=where, hint=hint)


def _comparable(metric: Metric) -> bool:
    return metric.comparable and metric.kind in ("mean", "change")


def compare(candidate: str, records: Sequence[ProbeRecord], hypotheses: Sequence[Hypothesis]) -> list[dict[str, Any]]:
    """Comparisons as results.json holds them.

    The named hypotheses come first, then every comparable metric. Each value is model − against, paired by cluster. A
    hypothesis that names one side is about every other model on the other side; a hypothesis that names none is about
    each comparator against the candidate.
    """
    return [asdict(comparison) for comparison in _all(candidate, records, hypotheses)]


def unanswered(hypotheses: Sequence[Hypothesis], comparisons: Sequence[Mapping[str, Any]]) -> list[str]:
    """Name each hypothesis that no comparison answers, in words.

    Its slice was not measured on both sides.
    """

    def answers(wanted: Hypothesis, comparison: Mapping[str, Any]) -> bool:
        given = (wanted.probe, wanted.metric, dict(wanted.slice), wanted.expect)
        sides = (wanted.model in (None, comparison["model"]), wanted.against in (None, comparison["against"]))
        return all(sides) and given == (
            comparison["probe"],
            comparison["metric"],
            dict(comparison["slice"]),
            comparison["expect"],
        )

    def words(wanted: Hypothesis) -> str:
        models = f"{wanted.model or 'each model'} against {wanted.against or 'the candidate'}"
        return f"{models}: {wanted.probe} {wanted.metric}, {in_words(wanted.slice)}"

    return [
        words(wanted) for wanted in hypotheses if not any(answers(wanted, comparison) for comparison in comparisons)
    ]


def _all(candidate: str, records: Sequence[ProbeRecord], hypotheses: Sequence[Hypothesis]) -> Iterator[Comparison]:
    by_model: dict[str, dict[str, ProbeRecord]] = {}
    for record in records:
        by_model.setdefault(record.model, {})[record.probe] = record
    comparators = [name for name in by_model if name != candidate]
    named: set[tuple[Any, ...]] = set()
    for wanted in hypotheses:
        for model, against in _sides(wanted, candidate, list(by_model)):
            pair = (by_model[model][wanted.probe], by_model[against][wanted.probe])
            for comparison in _pairs(*pair, metric=wanted.metric, slice_=wanted.slice, expect=wanted.expect):
                named.add(_key(comparison))
                yield comparison
    for model in comparators:
        for probe, record in by_model[model].items():
            for comparison in _pairs(record, by_model[candidate][probe]):
                if _key(comparison) not in named:
                    yield comparison


def _sides(wanted: Hypothesis, candidate: str, models: Sequence[str]) -> list[tuple[str, str]]:
    if wanted.model is None:
        against = wanted.against or candidate
        return [(model, against) for model in models if model != against]
    if wanted.against is None and wanted.model == candidate:
        return [(candidate, model) for model in models if model != candidate]
    return [(wanted.model, wanted.against or candidate)]


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
    metrics = {metric.name: metric for metric in record.metrics if _comparable(metric)}
    others = {
        (measurement.metric, tuple(sorted(measurement.slice.items()))): measurement
        for measurement in against.measurements
    }
    fewest = min((len(measurement.slice) for measurement in record.measurements), default=0)
    for measurement in record.measurements:
        reference = others.get((measurement.metric, tuple(sorted(measurement.slice.items()))))
        wanted = (
            measurement.metric == metric and dict(measurement.slice) == dict(slice_ or {})
            if metric
            else len(measurement.slice) == fewest
        )
        if wanted and reference is not None and measurement.metric in metrics and measurement.rows and reference.rows:
            yield _comparison(record, against, metrics[measurement.metric], (measurement, reference), expect)


def _comparison(
    record: ProbeRecord,
    against: ProbeRecord,
    metric: Metric,
    pair: tuple[Measurement, Measurement],
    expect: Literal["higher", "lower"] | None,
) -> Comparison:
    own, reference = pair
    contrast = stats.compare(
        metric.kind, own.rows, reference.rows, low=metric.low, high=metric.high, ratio=metric.ratio
    )
    return Comparison(
        model=record.model,
        against=against.model,
        probe=record.probe,
        metric=metric.name,
        slice=dict(own.slice),
        value=contrast.value,
        low=contrast.low,
        high=contrast.high,
        p=contrast.p,
        n_clusters=contrast.n_clusters,
        method=contrast.method,
        expect=expect,
    )
