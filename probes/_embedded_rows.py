"""Rows with their embeddings, without those that have none."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.types import Audit, Example, FloatArray


def embedded(audit: Audit, rows: Sequence[Example]) -> dict[str, FloatArray] | None:
    """Return id → embedding of each row, in the rows' order.

    Rows on which the model fails have none. None: it tells no embeddings, or fails on all.
    """
    import numpy as np

    embeddings = audit.embeddings([row.inputs for row in rows])
    if embeddings is None:
        return None
    return {row.id: point for row, point in zip(rows, embeddings, strict=True) if np.isfinite(point).all()}
