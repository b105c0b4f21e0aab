"""Shift: do labels, lengths, words and texts differ from training?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isclose

from auditor import metrics
from auditor.errors import ConfigError
from auditor.settings import CheckedSettings, Count, Fraction, check
from auditor.types import (
    HOME,
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
    metric_words,
)
from probes import _embedded_rows, _set_shifts
from probes._row_properties import NO_EMBEDDINGS

TRAIN = "train"


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """How many rows are compared, and the label mix in use."""

    rows: Count = 1000
    """Rows of training and of the home domain that are embedded, and whose words are counted, at most."""
    elsewhere: Count = 200
    """Rows of each other domain, likewise."""
    priors: Mapping[str, Fraction] = field(default_factory=dict)
    """Label → its share in use; together 1. The answers to home rows are weighted to this mix."""
    examples: Count = 1000
    """Rows of the home domain whose answers are weighted, at most: as many as ``quality`` asks about."""

    def __post_init__(self) -> None:
        """Check that the shares add up to 1. Raises ConfigError."""
        check(self)
        total = sum(self.priors.values())
        if self.priors and not isclose(total, 1.0, abs_tol=0.001):
            raise ConfigError(f"priors add up to {total:g}, not 1", hint="one share for each label")

    def of(self, name: str) -> int:
        """Rows of a set, at most."""
        return self.rows if name in (TRAIN, HOME) else self.elsewhere


class Shift(ProbeDefaults):
    """Labels, lengths, words and texts against those of training.

    The home domain and every other one against the training rows; where there are none, other domains against home. The
    label mix and the lengths (by tenths of the reference) are compared by total variation distance: the share of rows
    that would have to change. Words are compared by the share that the reference lacks, with the share that one of its
    own rows has alone beside it. Texts are compared by a classifier two-sample test (Lopez-Paz & Oquab 2017) on the
    model's own embeddings: logistic regression fitted on half of the rows guesses which set the others are of; where
    both sets are of one distribution, half of its guesses are right. ``differs``, ``more`` and ``told apart`` are said
    at 97.5 %, of each comparison alone. Of named entities the mix is that of their types. None of these says that the
    model is wrong more often: that is for ``quality``, ``domain_shift`` and ``coverage``.

    With ``priors`` the accuracy is weighted to the label mix in use: the sum of the recalls, each times the share of
    its label. It holds where the texts of a label are the same in use as here.
    """

    name = "shift"
    limitation: str | None = "distribution"
    scope = "candidate"
    settings = Settings()

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        """The distances, words, guesses, and the metric at priors."""
        return (*_set_shifts.METRICS, *([_at_priors(task)] if _is_weighted(task) else ()))

    def planned(self, audit: Audit) -> Planned:
        """One case for each weighted home row, and the embeddings."""
        settings: Settings = audit.settings
        sets = _compared(audit)
        embedded = sum(min(settings.of(name), len(audit.examples(name))) for name in sets) if len(sets) > 1 else 0
        weighted = len(_weighted(audit))
        return Planned(weighted, unchanged=weighted, embedded=embedded)

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        """Yield the home rows as they stand, where they are weighted."""
        for example in _weighted(audit):
            yield Case(example, slice={}, facts={"row": example.id, "label": audit.task.stratum(example.gold) or ""})

    def measure(self, cases: Iterable[Judged], audit: Audit) -> Iterator[Measurement | Skipped]:
        """Yield every set against the reference, then the weighted metric."""
        settings: Settings = audit.settings
        reference, *others = _compared(audit)
        if not others:
            reason = "no training data given (--train), and no other domain"
            yield Skipped({"rows": reference}, reason, applies=False)
        else:
            rows = audit.examples(reference)
            vocabulary = _set_shifts.Vocabulary(audit, rows, settings.of(reference))
            yield from vocabulary.of_reference(reference)
            embedded = _embedded_rows.embedded(audit, rows[: settings.of(reference)])
            for name in others:
                slice_, own = {"rows": name, "against": reference}, audit.examples(name)
                first = own[: settings.of(name)]
                yield from _set_shifts.labels(audit, slice_, rows, own, reference)
                yield from _set_shifts.lengths(audit, slice_, rows, own, reference)
                yield from vocabulary.of(slice_, first)
                theirs = None if embedded is None else _embedded_rows.embedded(audit, first)
                if embedded is None or theirs is None:
                    yield Skipped({**slice_, "compared": "inputs"}, NO_EMBEDDINGS, applies=False)
                    continue
                samples = (_set_shifts.sample(rows, embedded), _set_shifts.sample(first, theirs))
                yield from _set_shifts.inputs(audit, slice_, *samples)
        if settings.priors:
            yield from _reweighted(cases, audit, settings.priors)

    def worth_showing(self, judged: Judged) -> bool:
        """None: ``quality`` shows the worst clean rows."""
        del judged
        return False


def _compared(audit: Audit) -> tuple[str, ...]:
    """The reference, then the sets that are compared with it."""
    return (TRAIN, *audit.domains) if audit.has(TRAIN) else audit.domains


def _is_weighted(task: Task) -> bool:
    return "one_label" in task.offers and not task.ratio


def _weighted(audit: Audit) -> Sequence[Example]:
    settings: Settings = audit.settings
    if not settings.priors or not _is_weighted(audit.task) or _unknown(audit, settings.priors):
        return ()
    # By no number: the mix is that of all rows, so that the rows of a look are no sample of it.
    rows = [row for row in audit.examples(HOME) if audit.task.stratum(row.gold) is not None]
    return rows[: settings.examples]


def _unknown(audit: Audit, priors: Mapping[str, float]) -> list[str]:
    return [label for label in priors if label not in audit.task.labels]


def _at_priors(task: Task) -> Metric:
    title = f"{metric_words(task.metric)} at the label mix of the priors"
    return Metric(f"{task.metric}_at_priors", title, "mean", "share", 0.0, 1.0, "higher", ratio=True)


def _reweighted(cases: Iterable[Judged], audit: Audit, priors: Mapping[str, float]) -> Iterator[Measurement | Skipped]:
    """The metric with weighted rows.

    The weight of a row is the share of its label in use over that here.
    """
    slice_ = {"rows": HOME, "labels": "priors"}
    if not _is_weighted(audit.task):
        yield Skipped(slice_, "priors are of labels of whole texts, and this task has others", applies=False)
        return
    unknown = _unknown(audit, priors)
    if unknown:
        known = ", ".join(audit.task.labels)
        yield Skipped(slice_, f"[probes.shift] priors names {unknown[0]!r}, which is no label of the model ({known})")
        return
    scored = [(case, str(case.facts["label"])) for case in cases if case.after is not None]
    counts = Counter(label for _, label in scored)
    lacking = [label for label, share in priors.items() if share > 0.0 and not counts[label]]
    if lacking:
        yield Skipped(slice_, f"no home row has the label {lacking[0]!r}, to which [probes.shift] priors gives a share")
        return
    weights = {label: priors.get(label, 0.0) * len(scored) / count for label, count in counts.items()}
    scores = [
        (case.cluster, Score(weights[label] * case.after.numerator, weights[label] * case.after.denominator))
        for case, label in scored
        if case.after is not None and weights[label] > 0.0
    ]
    yield metrics.measurement(_at_priors(audit.task), slice_, metrics.summed(scores), n_cases=len(scores))


PROBE = Shift()
