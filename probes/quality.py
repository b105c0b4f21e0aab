"""Plain quality on clean data: what every other number is read against."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from auditor import metrics
from auditor.types import Audit, Case, Example, Judged, Metric, Score, Skipped, Task


@dataclass(frozen=True, slots=True)
class Settings:
    """``examples``: rows of the home domain, at most."""

    examples: int = 1000


class Quality:
    """Plain quality on the home domain's clean test rows.

    The task's own metric, recall by class, and the gain over always giving the best constant answer: the majority of
    the training rows, or of the test rows where no training rows are given. A model with a constant answer never flips
    under noise, attacks or swapped names; only this shows that it has learned nothing.
    """

    name = "quality"
    limitation = None
    needs: frozenset[str] = frozenset()
    settings = Settings()
    pools: tuple[frozenset[str], ...] = (frozenset(),)

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        whole = metrics.task_metric(task)
        gain = metrics.change("gain_over_majority", "gain over the majority answer", _gain, "higher", ratio=task.ratio)
        # Over the rows of one class the share of right answers is the recall of that class.
        recall = replace(whole, name="recall", title="recall by class")
        return (whole, gain) if task.ratio else (whole, gain, recall)

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        examples = audit.examples("home", audit.settings.examples)
        constant = audit.task.constant([example.gold for example in _reference(audit) or examples])
        for example in examples:
            stratum = audit.task.stratum(example.gold)
            slice_ = {} if stratum is None else {"class": stratum}
            yield Case(example, slice=slice_, facts=_constant_score(audit.task, example, constant))


def _reference(audit: Audit) -> Sequence[Example]:
    try:
        return audit.examples("train")
    except KeyError:
        return ()


def _constant_score(task: Task, example: Example, constant: Any) -> dict[str, float]:
    if constant is None or example.gold is None:
        return {}
    score = task.score(example.gold, constant)
    return {"constant_numerator": score.numerator, "constant_denominator": score.denominator}


def _gain(judged: Judged) -> tuple[Score, Score] | None:
    facts = judged.facts
    if judged.after is None or "constant_numerator" not in facts:
        return None
    return judged.after, Score(float(facts["constant_numerator"]), float(facts["constant_denominator"]))


PROBE = Quality()
