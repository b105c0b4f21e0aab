"""Entity-level recall, over whole examples and of one case."""

from __future__ import annotations

from auditor import metrics
from auditor.tasks.entity_errors import WHOLE
from auditor.types import Judged, Score

RECALL = metrics.detail(next(metric for metric in WHOLE if metric.name == "recall"))
"""Entity-level recall over whole examples."""


def recall(judged: Judged) -> Score:
    """The recall of one case's entities.

    Without a gold the case adds none.
    """
    return metrics.detail_score(judged, RECALL.name) or Score(0.0, 0.0)
