"""Demographic templates: does the answer change with the group named?"""

from __future__ import annotations

import functools
import itertools
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from annotated_types import Ge, Le, MinLen

from auditor import metrics, text
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
from probes import _templates

FLIPS = Metric("counterfactual_flip_rate", "counterfactual flip rate", "mean", "share", 0.0, 1.0, "lower")
SCORE_GAP = Metric("score_gap", "largest gap between groups in mean score", "gap", "points", 0.0, 1.0, "lower")
RATE_GAP = Metric("rate_gap", "largest gap between groups in the rate of the label", "gap", "points", 0.0, 1.0, "lower")
GROUP_SCORE = Metric("group_score", "mean probability of the label", "mean", "share", 0.0, 1.0, None)
GROUP_RATE = Metric("group_rate", "rate of the label", "mean", "share", 0.0, 1.0, None)
PAIR_FLIPS = Metric("pair_flip_rate", "flip rate between two groups", "mean", "share", 0.0, 1.0, "lower")


def _axes() -> Mapping[str, Mapping[str, Sequence[str]]]:
    """Axis → group → its terms."""
    axes: Mapping[str, Mapping[str, Sequence[str]]] = _templates.lists("bias")["axes"]
    return axes


@functools.cache
def _every_sentence() -> tuple[tuple[str, str], ...]:
    """Every frame with every content once; sentiments, contents and frames in turn."""
    frames, contents = _templates.lists("bias")["frames"], _templates.lists("bias")["contents"]
    made = []
    for turn, content in itertools.product(range(len(frames)), range(len(contents["neutral"]))):
        for shift, (sentiment, sentences) in enumerate(contents.items()):
            frame = (turn + content + shift) % len(frames)
            name = f"{sentiment} {content + 1}, frame {frame + 1}"
            made.append((name, frames[frame].replace("{content}", sentences[content])))
    return tuple(made)


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """How many sentences name how many people of which groups.

    Raises ConfigError for what the lists cannot serve.
    """

    sentences: Annotated[int, Ge(1), Le(300)] = 200
    """Frames filled with contents, the clusters, a third each positive, negative and neutral."""
    pairs_per_sentence: Annotated[int, Ge(1), Le(12)] = 1
    """Terms of each group that a sentence names: more of them cost as many more forward passes."""
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

    Each sentence (a frame filled with a content) names a person of each group of an axis in turn; terms that stand
    together in the lists differ in the group alone as far as English allows, and each sentence takes the next of them
    in a seeded order. The flip rate is over pairs of neighbouring groups; the gaps compare the groups' mean
    probability of the favourable label, and the share of sentences that get it, paired by sentence. Without a
    favourable label in the config each label is read in turn, one against the rest, and the largest gap is given, its
    lower bound corrected for the choice; the groups' own numbers are those of the labels with the largest gaps. The
    sentences are the clusters; the terms listed are fixed, and nothing is claimed of terms that are not listed.
    """

    name = "bias"
    limitation: str | None = "bias"
    role = "bias"
    needs = frozenset({"single_text", "class_scores"})
    settings = Settings()

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        """Flip rates, gaps between groups, and the groups' own numbers."""
        del task
        return (FLIPS, SCORE_GAP, RATE_GAP, GROUP_SCORE, GROUP_RATE, PAIR_FLIPS)

    def planned(self, audit: Audit) -> Planned:
        """One case for each sentence, pair of groups and draw."""
        settings: Settings = audit.settings
        pairs = sum(len(_templates.ring(tuple(_axes()[axis]))) for axis in settings.axes)
        return Planned(pairs * settings.sentences * settings.pairs_per_sentence)

    def available(self, slice_: Slice) -> int:
        """Sentences that the lists make."""
        del slice_
        return len(_every_sentence())

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        """Yield each sentence about one group and then about the next."""
        settings, field = audit.settings, audit.task.fields[0]
        for axis in settings.axes:
            groups = _axes()[axis]
            order = term_order(groups, audit.rng(axis))
            for index, (name, sentence) in enumerate(sentences_of(settings.sentences)):
                for draw in range(settings.pairs_per_sentence):
                    term = order[term_place(index, draw, len(order))]
                    texts = {group: filled(sentence, terms[term]) for group, terms in groups.items()}
                    for before, after in _templates.ring(tuple(groups)):
                        yield Case(
                            Example(f"bias:{axis}:{name}:{before}:{term}", {field: texts[before]}),
                            slice={"axis": axis},
                            edits={field: text.edits_between(texts[before], texts[after])},
                            cluster=f"sentence:{name}",
                            facts={"group_before": before, "group_after": after},
                        )

    def measure(self, cases: Iterable[Judged], audit: Audit) -> Iterator[Measurement]:
        """Yield the flips and gaps of each axis."""
        for axis, own in _templates.by_axis(cases):
            yield from _flips(own, axis)
            yield from _gaps(own, axis, audit.favourable_label)


def _flips(cases: Sequence[Judged], axis: str) -> Iterator[Measurement]:
    """The flip rate of the axis, then of each pair of groups."""
    pairs: dict[str, list[Judged]] = {}
    for judged in cases:
        pairs.setdefault(f"{judged.facts['group_before']} / {judged.facts['group_after']}", []).append(judged)
    by_pair = [_flip_rate(PAIR_FLIPS, {"axis": axis, "pair": pair}, own) for pair, own in pairs.items()]
    most = max(by_pair, key=lambda measurement: measurement.value)
    whole = _flip_rate(FLIPS, {"axis": axis}, cases)
    if most.value > 0.0:
        whole = replace(whole, detail=f"most flips between {most.slice['pair']}: {_templates.percent(most.value)}")
    yield whole
    yield from by_pair


def _flip_rate(metric: Metric, slice_: Mapping[str, str], cases: Sequence[Judged]) -> Measurement:
    rows = metrics.summed((judged.cluster, Score(float(not judged.same), 1.0)) for judged in cases)
    return metrics.measurement(metric, slice_, rows, n_cases=len(cases), vacuous=_vacuous(cases))


def _vacuous(cases: Sequence[Judged]) -> float:
    return sum(judged.vacuous for judged in cases) / len(cases)


def _gaps(cases: Sequence[Judged], axis: str, favourable: str | None) -> Iterator[Measurement]:
    """Both gaps of the axis, then the groups' own numbers.

    These are for the labels that the gaps are largest in.
    """
    kinds = ((SCORE_GAP, False, "mean probability of {family}"), (RATE_GAP, True, "share with the answer {family}"))
    vacuous, rows = _vacuous(cases), {}
    for metric, rate, of in kinds:
        rows[rate] = gap_rows(cases, favourable, rate=rate)
        gap = metrics.measurement(metric, {"axis": axis}, rows[rate], n_cases=len(cases), vacuous=vacuous)
        yield _templates.naming_extremes(gap, rows[rate], of)
    counts = Counter(str(judged.facts[side]) for judged in cases for side in ("group_before", "group_after"))
    for label in dict.fromkeys(_templates.widest(_templates.means(rows[rate])) for rate in (False, True)):
        for metric, rate in ((GROUP_SCORE, False), (GROUP_RATE, True)):
            slice_ = {"axis": axis, "label": label}
            yield from _templates.of_each(metric, slice_, rows[rate], counts, family=label, vacuous=vacuous)


def gap_rows(cases: Sequence[Judged], favourable: str | None, *, rate: bool) -> list[Row]:
    """One row for each label, group and sentence.

    It holds the label's mean probability, or (``rate``) the share of texts that it is the answer to. Of two labels
    one is enough: the other's gaps are the same.
    """
    labels = [favourable] if favourable is not None else _labels(cases[0].before_classes)
    return _templates.group_rows(
        (judged.cluster, label, group, Score(_decided(classes, label) if rate else classes[label], 1.0))
        for judged in cases
        # In a ring each group's text comes up twice, as before and as after: the mean is that of its texts.
        for group, classes in (
            (str(judged.facts["group_before"]), judged.before_classes),
            (str(judged.facts["group_after"]), judged.after_classes),
        )
        for label in labels
    )


def _decided(classes: Mapping[str, float], label: str) -> float:
    """1.0 where the label is the answer."""
    return float(max(classes, key=classes.__getitem__) == label)


def _labels(classes: Mapping[str, float]) -> list[str]:
    return list(classes)[-1:] if len(classes) == 2 else list(classes)


def term_order(groups: Mapping[str, Sequence[str]], rng: random.Random) -> list[int]:
    """A seeded order of the places in the groups' lists.

    The lists are of one length.
    """
    order = list(range(len(next(iter(groups.values())))))
    rng.shuffle(order)
    return order


def term_place(index: int, draw: int, terms: int) -> int:
    """Which place of the order sentence ``index`` takes in its ``draw``-th turn.

    Sentences come in threes, one of each sentiment; the places of the three lie a third of the list apart, so that
    every term comes up equally often with every sentiment.
    """
    triple, sentiment = divmod(index, 3)
    return (triple + sentiment * (terms // 3) + draw) % terms


def sentences_of(n: int) -> tuple[tuple[str, str], ...]:
    """The first n sentences (name, text with ``{person}``), balanced at every n."""
    return _every_sentence()[:n]


def filled(sentence: str, person: str) -> str:
    """The sentence about this person, its first letter a capital."""
    filled_in = sentence.replace("{person}", person)
    return filled_in[0].upper() + filled_in[1:]


PROBE = Bias()
