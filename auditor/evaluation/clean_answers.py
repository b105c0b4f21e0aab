"""Clean answers to home examples, measured under noise and attacks or not.

What they predict narrows the intervals of metrics that are measured on fewer examples (``stats.regression``).
"""

from __future__ import annotations

from auditor.engine import Scorer
from auditor.evaluation.plan import Plan
from auditor.types import HOME

ROWS = 1000
"""Examples asked where no probe of quality says how many it asks."""


def clean_answers(plan: Plan, scorer: Scorer) -> dict[str, tuple[float, float]]:
    """Map clusters to their clean answer's score and likelihood of the gold.

    Both are in [0, 1]. They are of the rows that quality reads, whose answers are kept, so that each is asked once;
    rows without a gold or an answer are left out. Where a cluster holds several examples the result is empty: those
    measured may be a part of it.
    """
    examples = plan.examples[HOME]
    if len({example.cluster for example in examples}) < len(examples):
        return {}
    settings = [plan.settings[probe.name] for probe in plan.probes if probe.role == "quality"]
    rows = max((getattr(own, "examples", ROWS) for own in settings), default=ROWS)
    labelled = [example for example in examples[: plan.budget][:rows] if example.gold is not None]
    known = {}
    for example, answer in zip(labelled, scorer.clean(labelled), strict=True):
        if answer is not None:
            score = plan.task.score(example.gold, answer)
            share = score.numerator / score.denominator if score.denominator else 1.0
            known[example.cluster] = share, plan.task.likelihood(example.gold, answer)
    return known
