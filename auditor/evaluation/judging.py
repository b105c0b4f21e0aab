"""Scored cases as numbers, and the worst of them as words."""

from __future__ import annotations

import itertools

from auditor.metrics.aggregation import SliceKey, slice_key
from auditor.text import excerpts
from auditor.types import (
    Facts,
    Judged,
    ScoredCase,
    Span,
    Task,
    WorstCase,
)

WORST_CASES = 5
"""Kept of each slice."""


def judge(scored: ScoredCase, task: Task, *, details: bool = False, attacked: bool = False) -> Judged:
    """The decisions and numbers of a scored case, without its text.

    ``details``: the task's further scores as well. ``attacked``: whether an attack was withstood as well.
    """
    case, gold, moved = scored.case, scored.case.example.gold, scored.edited.gold
    return Judged(
        slice=case.slice,
        cluster=case.cluster or case.example.cluster,
        before=None if gold is None else task.score(gold, scored.before),
        after=None if moved is None else task.score(moved, scored.after),
        same=task.same(scored.before, scored.after, scored.edited.alignment),
        vacuous=scored.vacuous,
        facts=scored.facts,
        before_classes=task.label_scores(scored.before),
        after_classes=task.label_scores(scored.after),
        before_given=task.given_labels(scored.before),
        after_given=task.given_labels(scored.after),
        details=tuple(task.details(moved, scored.after)) if details and moved is not None else (),
        label_pairs=tuple(task.label_pairs(moved, scored.after)) if details and moved is not None else (),
        choices=tuple(task.choices(moved, scored.after)) if details and moved is not None else (),
        withstood=_withstood(scored, task) if attacked else None,
    )


def _withstood(scored: ScoredCase, task: Task) -> bool | None:
    """Whether the attacked decision still stands; None where there is none."""
    goal = task.goal(scored.case.example, scored.before)
    if goal is None:
        return None
    scores = goal(scored.edited.inputs, scored.after, scored.case.edits)
    return max(scores) <= scores[0]


class WorstCasesKept:
    """The worst few cases of every slice.

    Right answers lost come first, then flips, then wrong answers; or those first that a probe says are the worst.
    """

    def __init__(self, task: Task) -> None:
        self._task = task
        self._kept: dict[SliceKey, list[tuple[float, int, WorstCase]]] = {}
        self._order = itertools.count()

    def add(self, scored: ScoredCase, judged: Judged, worst_by: tuple[str, float] | None = None) -> None:
        """Keep the case if it is among the worst of its slice.

        ``worst_by``: what a probe says of how bad it is (``Probe.worst_by``).
        """
        if worst_by is not None:
            self._keep(scored, judged, worst_by[1], dict((worst_by,)))
            return
        lost = (
            judged.before is not None and judged.after is not None and judged.after.numerator < judged.before.numerator
        )
        wrong = judged.after is not None and judged.after.numerator < judged.after.denominator
        badness = 3 if lost else 2 if not judged.same else 1 if wrong else 0
        if badness:
            self._keep(scored, judged, badness, {})

    def _keep(self, scored: ScoredCase, judged: Judged, badness: float, facts: Facts) -> None:
        kept = self._kept.setdefault(slice_key(judged.slice), [])
        # Of equals the first stay. Kept as words: neither a model that a probe fitted nor a long text stays in memory.
        if len(kept) == WORST_CASES and kept[-1][0] <= -badness:
            return
        kept.append((-badness, next(self._order), self._words(scored, facts)))
        kept.sort(key=lambda item: item[:2])
        del kept[WORST_CASES:]

    def cases(self) -> tuple[WorstCase, ...]:
        """The cases kept, slice by slice, the worst first."""
        return tuple(case for kept in self._kept.values() for _, _, case in kept)

    def _words(self, scored: ScoredCase, facts: Facts) -> WorstCase:
        case, gold = scored.case, scored.case.example.gold
        before, after = excerpts.excerpts(case.example.inputs, scored.edited.inputs)
        whole = before == case.example.inputs and after == scored.edited.inputs
        return WorstCase(
            slice=dict(case.slice),
            example=case.example.id,
            before=before,
            after=after,
            answer_before=excerpts.beginning(self._task.show(scored.before)),
            answer_after=excerpts.beginning(self._task.show(scored.after)),
            gold=None if gold is None else excerpts.beginning(self._task.show_gold(gold)),
            facts={**scored.facts, **facts},
            marks=self._marks(scored) if whole else {},
        )

    def _marks(self, scored: ScoredCase) -> dict[str, dict[str, tuple[Span, ...]]]:
        """Collect the spans of words that gold and answers name.

        Those that name no span are left out.
        """
        gold = scored.case.example.gold
        named = {
            "gold": {} if gold is None else self._task.gold_spans(gold),
            "answer_before": self._task.answer_spans(scored.before),
            "answer_after": self._task.answer_spans(scored.after),
        }
        return {
            name: {field: tuple(spans) for field, spans in fields.items()} for name, fields in named.items() if fields
        }
