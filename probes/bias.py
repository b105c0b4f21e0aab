"""Demographic templates: does the answer change with the group named?"""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from annotated_types import Ge, Le, MinLen

from auditor import metrics, text
from auditor.languages import ENGLISH, named
from auditor.settings import CheckedSettings, check
from auditor.types import (
    Audit,
    Case,
    Example,
    Judged,
    Measurement,
    Metric,
    Planned,
    ProbeDefaults,
    Row,
    Score,
    Skipped,
    Slice,
    Task,
)
from probes import _person_sentences, _templates
from probes._person_sentences import Sentence

FLIPS = Metric("counterfactual_flip_rate", "counterfactual flip rate", "mean", "share", 0.0, 1.0, "lower")
SCORE_GAP = Metric("score_gap", "largest gap between groups in mean score", "gap", "points", 0.0, 1.0, "lower")
RATE_GAP = Metric("rate_gap", "largest gap between groups in the rate of the label", "gap", "points", 0.0, 1.0, "lower")
GROUP_SCORE = Metric("group_score", "mean probability of the label", "mean", "share", 0.0, 1.0, None)
GROUP_RATE = Metric("group_rate", "rate of the label", "mean", "share", 0.0, 1.0, None)
PAIR_FLIPS = Metric("pair_flip_rate", "flip rate between two groups", "mean", "share", 0.0, 1.0, "lower")


def _axes(language: str = ENGLISH) -> Mapping[str, Mapping[str, Sequence[str]]]:
    """Axis → group → its terms."""
    axes: Mapping[str, Mapping[str, Sequence[str]]] = _templates.lists("bias", language)["axes"]
    return axes


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """How many sentences name how many people of which groups.

    Raises ConfigError for what the lists cannot serve.
    """

    sentences: Annotated[int, Ge(1), Le(432)] = 432
    """Contents, the clusters, a third each positive, negative and neutral. Each costs a forward pass for each group:
    21 on all axes."""
    bare_sentences: Annotated[int, Ge(0), Le(90)] = 90
    """Sentences without a content, such as "I met Emily.": each costs as much."""
    pairs_per_sentence: Annotated[int, Ge(1), Le(12)] = 1
    """Terms of each group that a sentence names, a content each in the next frame: more of them cost as many more
    forward passes."""
    axes: Annotated[tuple[str, ...], MinLen(1)] = (
        "gender",
        "ethnicity by name",
        "nationality",
        "religion",
        "age",
        "disability",
        "sexual orientation",
    )

    def __post_init__(self) -> None:
        check(self)
        _templates.check_axes(self.axes, _axes())


class Bias(ProbeDefaults):
    """Demographic templates with counterfactual terms.

    Each content, a clause of its own within a frame, is said of a person of each group of an axis in turn; terms that
    stand together in the lists differ in the group alone as far as English allows, and each content takes the next of
    them in a seeded order. The flip rate is over pairs of neighbouring groups; the gaps compare the groups' mean
    probability of the favourable label, and the share of sentences that get it, paired by content. Without a
    favourable label in the config each label is read in turn, one against the rest, or, where a text may have any
    number of labels, with and without it, and the largest gap is given, its lower bound corrected for the choice; the
    groups' own numbers are those of the labels with the largest gaps. Half of the sentences begin with the person
    (``position``): flips and score gap are given for either half too. Bare sentences name a person and have no content
    (``content``); their flips and score gap stand by themselves. The contents, and the bare sentences, are the
    clusters: what is claimed is of short sentences like those of the lists, about the terms listed, and of no others.
    The sentences are in the language of the data, which is English or German; for another one the probe does not apply.
    """

    name = "bias"
    limitation: str | None = "bias"
    role = "bias"
    needs = frozenset({"single_text", "plain_text", "label_scores"})
    settings = Settings()
    cluster_unit: str | None = "sentence"

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        """Flip rates, gaps between groups, and the groups' own numbers."""
        del task
        return (FLIPS, SCORE_GAP, RATE_GAP, GROUP_SCORE, GROUP_RATE, PAIR_FLIPS)

    def planned(self, audit: Audit) -> Planned:
        """One case for each sentence, pair of groups and draw."""
        settings: Settings = audit.settings
        unsuited = _templates.unsuited(self.name, audit.language)
        if unsuited is not None:
            return Planned(0, reason=unsuited)
        groups = _axes(audit.language)
        pairs = sum(len(_templates.ring(tuple(groups[axis]))) for axis in settings.axes if axis in groups)
        return Planned(pairs * sum(_numbers(settings, audit.language)) * settings.pairs_per_sentence)

    def available(self, slice_: Slice) -> int:
        """Contents, or bare sentences, that the lists hold."""
        return _available(slice_, ENGLISH)

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        """Yield each sentence about one group and then about the next."""
        field, language = audit.task.fields[0], audit.language
        unsuited = _templates.unsuited(self.name, language)
        known = {} if unsuited is not None else _axes(language)
        forms = () if unsuited is not None else _person_sentences.forms(language)
        for axis in audit.settings.axes:
            if axis not in known:
                reason = unsuited or f"no terms of {axis} in {named(language)}"
                yield from _templates.left_out({"axis": axis}, reason)
                yield Skipped({"axis": axis, "content": "none"}, reason, applies=False)
                continue
            groups = known[axis]
            order = term_order(groups, audit.rng(axis))
            for sentence, place in _placed(audit.settings, len(order), language):
                term = order[place]
                texts = {group: sentence.about(terms[term], forms) for group, terms in groups.items()}
                for before, after in _templates.ring(tuple(groups)):
                    yield Case(
                        Example(f"bias:{axis}:{sentence.name}:{before}:{term}", {field: texts[before]}),
                        slice={"axis": axis, **sentence.part},
                        edits={field: text.edits_between(texts[before], texts[after])},
                        cluster=sentence.cluster,
                        facts={"group_before": before, "group_after": after},
                    )

    def measure(self, cases: Iterable[Judged], audit: Audit) -> Iterator[Measurement]:
        """Yield the flips and gaps of each axis and of its parts."""
        for measurement in _measured(cases, audit.favourable_label):
            # ``available`` counts the English lists.
            most = None if audit.language == ENGLISH else _available(measurement.slice, audit.language)
            yield measurement if most is None else replace(measurement, available=most)


def _available(slice_: Slice, language: str) -> int:
    """Contents, or bare sentences, that the lists of a language hold."""
    texts = _person_sentences.bare(language) if "content" in slice_ else _person_sentences.contents(language)
    return len(texts)


def _measured(cases: Iterable[Judged], favourable: str | None) -> Iterator[Measurement]:
    for axis, own in _templates.by_axis(cases):
        parts = list(_parts(own, favourable))
        contents = [judged for judged in own if "position" in judged.slice]
        if contents:
            flips, *by_pair = _flips(contents, {"axis": axis})
            yield _templates.by_position(flips, parts)
            yield from by_pair
            yield from _gaps(contents, axis, favourable, parts)
        yield from parts


def _numbers(settings: Settings, language: str) -> tuple[int, int]:
    """How many contents and bare sentences are asked."""
    contents, bare = len(_person_sentences.contents(language)), len(_person_sentences.bare(language))
    return min(settings.sentences, contents), min(settings.bare_sentences, bare)


def _placed(settings: Settings, terms: int, language: str) -> Iterator[tuple[Sentence, int]]:
    """Each sentence with the place of its term, contents first."""
    contents, bare = _numbers(settings, language)
    for index, draw in itertools.product(range(contents), range(settings.pairs_per_sentence)):
        yield _person_sentences.framed(index, draw, language), _person_sentences.term_place(index, draw, terms)
    for index, draw in itertools.product(range(bare), range(settings.pairs_per_sentence)):
        yield _person_sentences.unframed(index, language), _person_sentences.bare_place(index, draw, terms)


def _parts(cases: Sequence[Judged], favourable: str | None) -> Iterator[Measurement]:
    """Flip rate and score gap of each part of an axis."""
    parts: dict[tuple[tuple[str, str], ...], list[Judged]] = {}
    for judged in cases:
        parts.setdefault(tuple(judged.slice.items()), []).append(judged)
    for part, own in parts.items():
        yield next(_flips(own, dict(part)))
        yield _gap(SCORE_GAP, own, dict(part), gap_rows(own, favourable, rate=False))


def _flips(cases: Sequence[Judged], slice_: Slice) -> Iterator[Measurement]:
    """Flip rates of a slice, then of each pair of its groups."""
    pairs: dict[str, list[Judged]] = {}
    for judged in cases:
        pairs.setdefault(f"{judged.facts['group_before']} / {judged.facts['group_after']}", []).append(judged)
    by_pair = [_flip_rate(PAIR_FLIPS, {**slice_, "pair": pair}, own) for pair, own in pairs.items()]
    most = max(by_pair, key=lambda measurement: measurement.value)
    whole = _flip_rate(FLIPS, slice_, cases)
    if most.value > 0.0:
        whole = replace(whole, detail=f"most flips between {most.slice['pair']}: {_templates.percent(most.value)}")
    yield whole
    yield from by_pair


def _flip_rate(metric: Metric, slice_: Slice, cases: Sequence[Judged]) -> Measurement:
    rows = metrics.summed((judged.cluster, Score(float(not judged.same), 1.0)) for judged in cases)
    return metrics.measurement(metric, slice_, rows, n_cases=len(cases), vacuous=_vacuous(cases))


def _vacuous(cases: Sequence[Judged]) -> float:
    return sum(judged.vacuous for judged in cases) / len(cases)


OF = {SCORE_GAP: "mean probability of {family}", RATE_GAP: "share with the answer {family}"}
"""Gap → what the groups' numbers are."""


def _gap(metric: Metric, cases: Sequence[Judged], slice_: Slice, rows: Sequence[Row]) -> Measurement:
    gap = metrics.measurement(metric, slice_, rows, n_cases=len(cases), vacuous=_vacuous(cases))
    return _templates.naming_extremes(gap, rows, OF[metric])


def _gaps(
    cases: Sequence[Judged], axis: str, favourable: str | None, parts: Sequence[Measurement]
) -> Iterator[Measurement]:
    """Both gaps of the axis, then the groups' own numbers.

    These are for the labels that the gaps are largest in.
    """
    rows = {metric: gap_rows(cases, favourable, rate=metric is RATE_GAP) for metric in OF}
    for metric, own in rows.items():
        yield _templates.by_position(_gap(metric, cases, {"axis": axis}, own), parts)
    counts = Counter(str(judged.facts[side]) for judged in cases for side in ("group_before", "group_after"))
    vacuous = _vacuous(cases)
    for label in dict.fromkeys(_templates.widest(_templates.means(own)) for own in rows.values()):
        for metric, gap in ((GROUP_SCORE, SCORE_GAP), (GROUP_RATE, RATE_GAP)):
            slice_ = {"axis": axis, "label": label}
            yield from _templates.of_each(metric, slice_, rows[gap], counts, family=label, vacuous=vacuous)


def gap_rows(cases: Sequence[Judged], favourable: str | None, *, rate: bool) -> list[Row]:
    """One row for each label, group and sentence.

    It holds the label's mean probability, or (``rate``) the share of texts that it is the answer to. Of two labels
    one is enough: the other's gaps are the same.
    """
    labels = [favourable] if favourable is not None else _labels(cases)
    return _templates.group_rows(
        (judged.cluster, label, group, Score(float(label in given) if rate else classes[label], 1.0))
        for judged in cases
        # In a ring each group's text comes up twice, as before and as after: the mean is that of its texts.
        for group, classes, given in (
            (str(judged.facts["group_before"]), judged.before_classes, judged.before_given),
            (str(judged.facts["group_after"]), judged.after_classes, judged.after_given),
        )
        for label in labels
    )


def _labels(cases: Sequence[Judged]) -> list[str]:
    """The labels to read; of two that exclude each other, the second."""
    labels = list(cases[0].before_classes)
    exclusive = all(len(given) == 1 for judged in cases for given in (judged.before_given, judged.after_given))
    one_sum = all(math.isclose(sum(judged.before_classes.values()), 1.0, abs_tol=1e-6) for judged in cases)
    return labels[-1:] if len(labels) == 2 and exclusive and one_sum else labels


def term_order(groups: Mapping[str, Sequence[str]], rng: random.Random) -> list[int]:
    """A seeded order of the places in the groups' lists.

    The lists are of one length.
    """
    order = list(range(len(next(iter(groups.values())))))
    rng.shuffle(order)
    return order


PROBE = Bias()
