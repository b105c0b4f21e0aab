"""Groups in template sentences: their lists, their pairs and their numbers."""

from __future__ import annotations

import functools
import itertools
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from auditor import metrics
from auditor.errors import ConfigError, near_or_known
from auditor.languages import ENGLISH, named
from auditor.types import Judged, Measurement, Metric, Row, Score, Skipped, Slice

DATA = Path(__file__).with_name("data")

POSITIONS = ("first", "later")
"""Where a sentence names the person: it begins with the person, or does not."""

Means = dict[str, dict[str, float]]
"""Family → group → mean over its clusters, of rows whose arms are ``family/group``."""


@functools.cache
def lists(probe: str, language: str = ENGLISH) -> dict[str, Any]:
    """The sentences and groups of a probe, from its file in ``data``.

    That of another language than English has its code in its name: ``bias.de.toml``.
    """
    code = "" if language == ENGLISH else f".{language}"
    return tomllib.loads((DATA / f"{probe}{code}.toml").read_text(encoding="utf-8"))


@functools.cache
def languages(probe: str) -> tuple[str, ...]:
    """Languages that a probe has a file for, English first."""
    others = (file.name.removeprefix(f"{probe}.").removesuffix(".toml") for file in DATA.glob(f"{probe}.*.toml"))
    return (ENGLISH, *sorted(others))


def unsuited(probe: str, language: str) -> str | None:
    """Why a probe's sentences do not suit a language, or None."""
    known = languages(probe)
    if language in known:
        return None
    said = " and ".join(map(named, known))
    return f"its sentences are in {said}; the data are in {named(language)}"


def left_out(slice_: Slice, reason: str) -> Iterator[Skipped]:
    """An axis and the positions in its sentences, all skipped."""
    yield Skipped(slice_, reason, applies=False)
    yield from (Skipped({**slice_, "position": position}, reason, applies=False) for position in POSITIONS)


def check_axes(named: Iterable[str], known: Iterable[str]) -> None:
    """Refuse an axis that the lists do not hold. Raises ConfigError."""
    axes = list(known)
    for axis in named:
        if axis not in axes:
            raise ConfigError(f"no axis is called {axis!r}", hint=near_or_known(axis, axes))


def ring(groups: Sequence[str]) -> list[tuple[str, str]]:
    """Pair each group with the next, and the last with the first.

    Two groups make one pair.
    """
    pairs = list(zip(groups, [*groups[1:], groups[0]], strict=True))
    return pairs[:1] if len(groups) == 2 else pairs


def by_axis(cases: Iterable[Judged]) -> Iterator[tuple[str, list[Judged]]]:
    """Each axis with its cases, which come axis by axis.

    Only one axis is held at a time.
    """
    for axis, own in itertools.groupby(cases, key=lambda judged: judged.slice["axis"]):
        yield axis, list(own)


def group_rows(scores: Iterable[tuple[str, str, str, Score]]) -> list[Row]:
    """One row for each cluster and group: its share.

    ``scores``: cluster, family, group and score of each text. The rows' arms are ``family/group``.
    """
    totals = metrics.totals(((cluster, f"{family}/{group}"), score) for cluster, family, group, score in scores)
    return [Row(cluster, arm, total.numerator / total.denominator, 1.0) for (cluster, arm), total in totals.items()]


def means(rows: Sequence[Row]) -> Means:
    """The mean over clusters of each group.

    Families and groups stand in the order of their first rows.
    """
    by_family: Means = {}
    for arm, total in metrics.totals((row.arm, Score(row.total / row.count, 1.0)) for row in rows).items():
        family, _, group = arm.rpartition("/")
        by_family.setdefault(family, {})[group] = total.numerator / total.denominator
    return by_family


def widest(by_family: Means) -> str:
    """The family whose groups lie farthest apart, the first of equals."""
    return max(by_family, key=lambda family: max(by_family[family].values()) - min(by_family[family].values()))


def naming_extremes(gap: Measurement, rows: Sequence[Row], of: str) -> Measurement:
    """The gap with the two groups farthest apart in its ``detail``.

    It stays as it is where all groups are equal. ``of``: what the groups' numbers are, with ``{family}`` for the
    family's name: "mean probability of {family}".
    """
    by_family = means(rows)
    family = widest(by_family)
    groups = by_family[family]
    highest, lowest = max(groups, key=groups.__getitem__), min(groups, key=groups.__getitem__)
    if groups[highest] == groups[lowest]:
        return gap
    ends = f"highest {highest} {percent(groups[highest])}, lowest {lowest} {percent(groups[lowest])}"
    return replace(gap, detail=f"{of.replace('{family}', family)}: {ends}")


def position(sentence: str, name: str) -> str:
    """Where in the sentence the placeholder ``name`` stands."""
    return POSITIONS[0 if sentence.startswith(name) else 1]


def by_position(whole: Measurement, parts: Iterable[Measurement]) -> Measurement:
    """The whole with what its positions come to in its ``detail``.

    It stays as it is where they do not differ. ``parts``: measurements of its slice's parts, of any metric.
    """
    amount = points if whole.metric.endswith("gap") else percent
    amounts = {
        part.slice["position"]: amount(part.value)
        for part in parts
        if part.metric == whole.metric and "position" in part.slice
    }
    if len(set(amounts.values())) < 2:
        return whole
    said = ", ".join(f"{value} {place}" for place, value in amounts.items())
    return replace(whole, detail="; ".join(filter(None, (whole.detail, f"by position: {said}"))))


def percent(value: float) -> str:
    """``71.3 %``."""
    return f"{100 * value:.1f} %"


def points(value: float) -> str:
    """``7.2 points``."""
    return f"{100 * value:.1f} points"


def of_each(
    metric: Metric,
    slice_: Slice,
    rows: Sequence[Row],
    cases: Mapping[str, int],
    *,
    family: str,
    vacuous: float = 0.0,
) -> Iterator[Measurement]:
    """The metric of each group of one family.

    The slice is ``slice_`` with the group. ``rows``: with arms ``family/group``. ``cases``: group → number of cases
    that name it.
    """
    by_group: dict[str, list[Row]] = {}
    for row in rows:
        name, _, group = row.arm.rpartition("/")
        if name == family:
            by_group.setdefault(group, []).append(replace(row, arm=""))
    for group, own in by_group.items():
        yield metrics.measurement(metric, {**slice_, "group": group}, own, n_cases=cases[group], vacuous=vacuous)
