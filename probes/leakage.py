"""Leakage: which test rows does training have too, or nearly?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from auditor import metrics
from auditor.settings import CheckedSettings, Count, Share
from auditor.text import excerpts
from auditor.types import (
    HOME,
    NEEDS,
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
    TextPair,
    metric_words,
)
from probes._copies import KINDS, Copy, RowSet, clusters_of, copies_in, copies_within, row_sets

SHOWN = 1000
"""Characters that are shown of each text of a pair."""
TRAIN, VALIDATION = "train", "validation"
NO_VALIDATION = "no validation data given ([data] validation)"
LEAKED = Metric(
    "leaked_share", "share of texts that another set has too", "mean", "share", 0.0, 1.0, "lower", ratio=True
)
REPEATED = Metric(
    "repeated_share", "share of rows that repeat another row", "mean", "share", 0.0, 1.0, "lower", ratio=True
)


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """What counts as a copy, and what is shown of copies."""

    examples: Count = 1000
    """Rows of the home domain whose answers are compared, at most; copies are looked for in all rows."""
    likeness: Share = 0.5
    """From which Jaccard index of their shingles on two texts count as nearly the same."""
    pairs: Count = 5
    """Pairs that are shown of each slice, the most alike ones."""


class Leakage(ProbeDefaults):
    """Test rows that training has too, and rows that repeat each other.

    A model that was trained on a text knows its answer, so that such rows flatter it. Every row of the test set is
    looked up in training and validation, every row of another domain in training, and the rows of the test set in each
    other. ``exact``: the model sees the same, or the words are the same but for case, blanks and punctuation; such rows
    of training are left out of every other number already. ``near``: the sets of runs of five words (shingles, Broder
    1997) have a Jaccard index of 0.5 or more; these rows still count. The join is exact: no pair is missed. One word in
    twenty replaced is always found in a text of eleven words or more; shorter texts that differ in a word are none.
    Of scripts without blanks each character counts as a word.

    Texts that are the same count once in the share of leaked texts. The quality on the rows that are no copies, and
    how much higher it is on the copies, is that of the answers to the clean rows: the model is asked nothing more. Rows
    are not drawn in looks: they are all there.
    """

    name = "leakage"
    limitation: str | None = "distribution"
    scope = "candidate"
    settings = Settings()
    limits_need = frozenset({"train"})

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        """The shares, the quality without copies, and the gain on copies."""
        quality, gain = _of_quality(task)
        return (LEAKED, REPEATED, quality, gain)

    def planned(self, audit: Audit) -> Planned:
        """One case for each home row: their answers are known."""
        rows = len(_asked(audit))
        return Planned(rows, unchanged=rows)

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        """Yield the home rows as they stand."""
        for example in _asked(audit):
            yield Case(example, slice={}, facts={"row": example.id})

    def measure(self, cases: Iterable[Judged], audit: Audit) -> Iterator[Measurement | Skipped | TextPair]:
        """Yield shares of copies, quality without them, and pairs."""
        settings: Settings = audit.settings
        there = {name: audit.has(TRAIN) if name == TRAIN else _given(audit, name) for name in (TRAIN, VALIDATION)}
        sets = row_sets(
            {name: audit.given(name) for name in (*audit.domains, *(name for name in there if there[name]))}
        )
        answers = {str(judged.facts["row"]): judged for judged in cases}
        within = {name: copies_within(sets[name], settings.likeness) for name in audit.domains}
        clusters = {name: clusters_of(sets[name], within[name]) for name in audit.domains}
        units = {row.id: cluster for row, cluster in zip(sets[HOME].rows, clusters[HOME], strict=True)}
        for name in audit.domains:
            for source in (TRAIN, VALIDATION) if name == HOME else (TRAIN,):
                slice_ = {"rows": name, "in": source}
                if not there[source]:
                    yield Skipped(slice_, NEEDS[TRAIN] if source == TRAIN else NO_VALIDATION, applies=False)
                    continue
                copied = copies_in(sets[name], sets[source], settings.likeness)
                yield from _shares(LEAKED, slice_, clusters[name], copied, _once(sets[name]))
                yield from _shown(slice_, sets[name], copied, settings.pairs)
                if name == HOME:
                    yield from _qualities(audit.task, slice_, _ids(sets[HOME], copied), answers, units)
        slice_, copied = {"rows": HOME, "in": HOME}, within[HOME]
        yield from _shares(REPEATED, slice_, clusters[HOME], copied, [1.0] * len(copied))
        yield from _shown(slice_, sets[HOME], copied, settings.pairs)
        yield from _qualities(audit.task, slice_, _ids(sets[HOME], copied), answers, units)

    def worth_showing(self, judged: Judged) -> bool:
        """None: the pairs are shown, and the answers are those of ``quality``."""
        del judged
        return False


def _asked(audit: Audit) -> Sequence[Example]:
    # By no number: the shares are those of all rows, so that a look at more answers tells nothing more of them.
    return audit.examples(HOME)[: audit.settings.examples]


def _given(audit: Audit, name: str) -> bool:
    try:
        audit.examples(name, 1)
    except KeyError:
        return False
    return True


def _of_quality(task: Task) -> tuple[Metric, Metric]:
    title = metric_words(task.metric)
    quality = Metric(
        f"{task.metric}_without_copies",
        f"{title} without copies",
        "mean",
        "share",
        0.0,
        1.0,
        "higher",
        ratio=task.ratio,
    )
    return quality, metrics.difference("gain_on_copies", f"{title} on copies, less on other rows", ratio=task.ratio)


def _shares(
    metric: Metric,
    slice_: Slice,
    clusters: Sequence[str],
    copied: Sequence[Copy | None],
    counting: Sequence[float],
) -> Iterator[Measurement]:
    """The share of any copies, then of each kind.

    ``counting``: 1 for each row that counts, 0 for others.
    """
    counts = Counter(copy.kind for copy in copied if copy is not None)
    detail = ", ".join(f"{counts[kind]:,} {kind}" for kind in KINDS)
    for kind in (None, *KINDS):
        scores = (
            (cluster, Score(weight * (copy is not None and kind in (None, copy.kind)), weight))
            for cluster, copy, weight in zip(clusters, copied, counting, strict=True)
        )
        own = slice_ if kind is None else {**slice_, "copies": kind}
        measured = metrics.measurement(metric, own, metrics.summed(scores), n_cases=len(copied))
        measured = metrics.in_groups(measured, clusters)
        yield replace(measured, available=measured.n_clusters, detail="" if kind else detail)


def _once(rows: RowSet) -> list[float]:
    """1 for the first of equal rows, 0 for the others."""
    first: dict[int, int] = {}
    return [float(first.setdefault(number, place) == place) for place, number in enumerate(rows.same)]


def _ids(rows: RowSet, copied: Sequence[Copy | None]) -> frozenset[str]:
    return frozenset(row.id for row, copy in zip(rows.rows, copied, strict=True) if copy is not None)


def _qualities(
    task: Task, slice_: Slice, copies: frozenset[str], answers: Mapping[str, Judged], clusters: Mapping[str, str]
) -> Iterator[Measurement]:
    """The quality on rows that are no copies, and on copies.

    Nothing where the rows asked about are all of one kind. ``clusters``: of each row's id.
    """
    arms: dict[str, list[tuple[str, Score]]] = {"first": [], "second": []}
    for row, judged in answers.items():
        if judged.after is not None:
            arms["first" if row in copies else "second"].append((clusters[row], judged.after))
    if not all(any(score.denominator for _, score in scores) for scores in arms.values()):
        return
    quality, gain = _of_quality(task)
    others = arms["second"]
    measured = metrics.measurement(quality, slice_, metrics.summed(others), n_cases=len(others))
    yield metrics.in_groups(measured, [cluster for cluster, _ in others])
    rows: list[Row] = [row for arm, scores in arms.items() for row in metrics.summed(scores, arm)]
    measured = metrics.measurement(gain, slice_, rows, n_cases=len(answers))
    yield metrics.in_groups(measured, [cluster for scores in arms.values() for cluster, _ in scores])


def _shown(slice_: Slice, rows: RowSet, copied: Sequence[Copy | None], most: int) -> Iterator[TextPair]:
    """The pairs that are most alike, of each kind, each once."""
    for kind in KINDS:
        pairs: dict[frozenset[str], tuple[Example, Copy]] = {}
        for row, copy in zip(rows.rows, copied, strict=True):
            if copy is not None and copy.kind == kind:
                pairs.setdefault(frozenset((row.id, copy.twin.id)), (row, copy))
        for row, copy in sorted(pairs.values(), key=lambda pair: -pair[1].likeness)[:most]:
            texts, others = (
                {name: excerpts.beginning(value, SHOWN, SHOWN) for name, value in each.inputs.items()}
                for each in (row, copy.twin)
            )
            yield TextPair({**slice_, "copies": kind}, row.id, copy.twin.id, texts, others, copy.likeness)


PROBE = Leakage()
