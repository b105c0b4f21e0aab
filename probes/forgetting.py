"""Forgetting: what an update loses on old rows and gains on new."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from auditor import metrics
from auditor.settings import CheckedSettings, Count, EarlierCheckpoint, EarlierRows
from auditor.types import (
    Audit,
    Case,
    EarlierPeriod,
    Example,
    Judged,
    Measurement,
    Metric,
    Planned,
    ProbeDefaults,
    Response,
    Score,
    Skipped,
    Slice,
    Task,
    metric_words,
)

NEW = {"period": "new"}
ALL = {"periods": "all"}
UPDATE, LEARNED, AHEAD = "update", "learned", "ahead"
"""What an earlier checkpoint is asked for: what the update changed of its answers, how a period was known when it was
learned, and how well the next period was known before."""


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """The earlier checkpoint, where the audited one does not name it."""

    before: EarlierCheckpoint | None = None
    """Folder of the checkpoint before the update; by default the one that ``training.json`` names."""
    old: EarlierRows | None = None
    """File of that checkpoint's test rows; by default the one that its ``training.json`` names."""
    examples: Count = 1000
    """Rows of each period, and of the home domain, at most."""


@dataclass(frozen=True, slots=True)
class _Pair:
    """The scores of one row by two models."""

    cluster: str
    before: Score
    """By the earlier checkpoint."""
    after: Score
    """By the audited one."""
    constant: Score | None = None
    """By the best constant answer, where that is compared with."""


class Forgetting(ProbeDefaults):
    """What an update loses on old rows and gains on new ones.

    The checkpoint before the update and the audited one answer the same rows: the test rows of each earlier period, and
    the audit's own, which are the new ones. Forgetting is the task's metric before less after on old rows, the gain
    after less before on new ones, both paired by row. Forgetting is measured only where the gain's interval lies above
    0, as a model that learned nothing forgets nothing; the quality before and after is shown in any case. Over three
    periods or more, average forgetting compares each earlier period with how it was known when it was learned (its
    negative is the backward transfer of Lopez-Paz & Ranzato 2017), and forward transfer is the quality on a period
    before it was learned less that of the best constant answer; each period counts with as many rows. ``audit train
    --continue-from`` records the earlier checkpoints; rows that training has are left out.
    """

    name = "forgetting"
    limitation: str | None = "dynamic"
    needs = frozenset({"earlier"})
    settings = Settings()

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        """Forgetting, the gain, the metric before and after, and averages."""
        words = metric_words(task.metric)

        def change(name: str, title: str, better: Literal["higher", "lower"] = "higher") -> Metric:
            return Metric(name, title, "change", "points", -1.0, 1.0, better, ratio=task.ratio)

        def whole(when: str) -> Metric:
            title = f"{words} {when} the update"
            return Metric(f"{task.metric}_{when}_update", title, "mean", "share", 0.0, 1.0, "higher", ratio=task.ratio)

        return (
            change("forgetting", f"{words} on old rows before the update less after", "lower"),
            change("gain_on_new", f"{words} on new rows after the update less before"),
            whole("before"),
            whole("after"),
            change("average_forgetting", f"{words} when a period was learned less now", "lower"),
            change("forward_transfer", f"{words} before a period was learned less that of a constant answer"),
        )

    def planned(self, audit: Audit) -> Planned:
        """One case for each row of each comparison."""
        return Planned(sum(1 for item in self.cases(audit, load=False) if isinstance(item, Case)))

    def cases(self, audit: Audit, *, load: bool = True) -> Iterator[Case | Skipped]:
        """Yield the rows of every period, with the model asked."""
        earlier = audit.earlier
        for period in earlier:
            if not _usable(period):
                reason = period.problem or "training has all of its test rows"
                yield Skipped({"period": period.name}, reason, applies=not period.absent)
        if not earlier or not _usable(earlier[-1]):
            return
        new = audit.examples("home", audit.settings.examples)
        model, loaded = None, None
        for slice_, rows, asked, purpose in _asked(earlier, new, audit.settings.examples):
            if load and loaded is not asked:
                model, loaded = asked.load(), asked
            constant = _constant(audit.task, rows) if purpose == AHEAD or slice_ == NEW else None
            for row in rows:
                # The audited model gives the answer before, and the earlier checkpoint the one after.
                yield Case(row, slice=slice_, model=model, facts={"for": purpose, **_facts(audit.task, row, constant)})

    def measure(self, cases: Iterable[Judged], audit: Audit) -> Iterator[Measurement | Skipped]:
        """Yield the changes by period, and averages over periods."""
        pairs: dict[tuple[str, str], list[_Pair]] = {}
        for case in cases:
            if case.before is not None and case.after is not None:
                key = case.slice["period"], str(case.facts["for"])
                pairs.setdefault(key, []).append(_Pair(case.cluster, case.after, case.before, _baseline(case)))
        new = pairs.get((NEW["period"], UPDATE))
        if new is None:
            return
        lost, gained, before, after, average, ahead = self.metrics(audit.task)
        gain = _change(gained, NEW, new, "after", "before")
        yield gain
        yield from _whole(before, after, NEW, new)
        for period in audit.earlier:
            own, slice_ = pairs.get((period.name, UPDATE)), {"period": period.name}
            if own is not None:
                yield from _whole(before, after, slice_, own)
                yield _change(lost, slice_, own) if gain.low > 0 else Skipped(slice_, _vacuous(gain))
        if len(audit.earlier) > 1:
            names = [period.name for period in audit.earlier]
            learned = [*((name, LEARNED) for name in names[:-1]), (names[-1], UPDATE)]
            yield from _averaged(average, [pairs.get(key, []) for key in learned], "after")
            unknown = [*((name, AHEAD) for name in names[1:]), (NEW["period"], UPDATE)]
            yield from _averaged(ahead, [pairs.get(key, []) for key in unknown], "constant")

    def worth_showing(self, judged: Judged) -> bool:
        """None: the page would call the audited model's answer the earlier."""
        del judged
        return False


def _usable(period: EarlierPeriod) -> bool:
    return period.problem is None and bool(period.rows)


def _asked(
    earlier: Sequence[EarlierPeriod], new: Sequence[Example], size: int
) -> Iterator[tuple[Slice, Sequence[Example], EarlierPeriod, str]]:
    """Yield each comparison: slice, rows, earlier checkpoint, purpose.

    Comparisons with one checkpoint follow each other, so that one is in memory at a time.
    """
    last = earlier[-1]
    for place, period in enumerate(earlier[:-1]):
        following = earlier[place + 1]
        if _usable(period):
            yield {"period": period.name}, period.rows[:size], period, LEARNED
        if period.problem is None and _usable(following):
            yield {"period": following.name}, following.rows[:size], period, AHEAD
    for period in earlier:
        if _usable(period):
            yield {"period": period.name}, period.rows[:size], last, UPDATE
    yield NEW, new, last, UPDATE


def _constant(task: Task, rows: Sequence[Example]) -> Response | None:
    """Return the best constant answer, if the task has any."""
    golds = [row.gold for row in rows if row.gold is not None]
    return task.constant(golds) if golds else None


def _facts(task: Task, row: Example, constant: Response | None) -> dict[str, float]:
    """Return the score of a constant answer to a row."""
    if constant is None or row.gold is None:
        return {}
    score = task.score(row.gold, constant)
    return {"constant": score.numerator, "constant_of": score.denominator}


def _baseline(case: Judged) -> Score | None:
    if "constant" not in case.facts:
        return None
    return Score(float(case.facts["constant"]), float(case.facts["constant_of"]))


def _change(
    metric: Metric, slice_: Slice, pairs: Sequence[_Pair], first: str = "before", second: str = "after"
) -> Measurement:
    rows = [
        row
        for arm, side in (("first", first), ("second", second))
        for row in metrics.summed(((pair.cluster, getattr(pair, side)) for pair in pairs), arm)
    ]
    return metrics.measurement(metric, slice_, rows, n_cases=len(pairs))


def _whole(before: Metric, after: Metric, slice_: Slice, pairs: Sequence[_Pair]) -> Iterator[Measurement]:
    for metric, scores in (
        (before, [(pair.cluster, pair.before) for pair in pairs]),
        (after, [(pair.cluster, pair.after) for pair in pairs]),
    ):
        yield metrics.measurement(metric, slice_, metrics.summed(scores), n_cases=len(pairs))


def _vacuous(gain: Measurement) -> str:
    low, value, high = (f"{100 * number:+.1f}" for number in (gain.low, gain.value, gain.high))
    return (
        f"the update has no gain on the new rows that shows ({value} points, 95 % interval {low} to {high}): "
        "a model that learned nothing forgets nothing"
    )


def _averaged(metric: Metric, periods: Sequence[Sequence[_Pair]], second: str) -> Iterator[Measurement | Skipped]:
    """Yield a change over all periods, with as many rows of each."""
    size = min(map(len, periods))
    pairs = [pair for own in periods for pair in own[:size]]
    if not pairs:
        yield Skipped(
            ALL, f"{metric.name.replace('_', ' ')} needs the rows and checkpoints of all periods", applies=False
        )
    elif any(getattr(pair, second) is None for pair in pairs):
        yield Skipped(ALL, f"{metric.name.replace('_', ' ')} needs a task with a constant answer", applies=False)
    else:
        yield _change(metric, ALL, pairs, second=second)


PROBE = Forgetting()
