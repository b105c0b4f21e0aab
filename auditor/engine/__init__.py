"""Scoring: windows, no duplicate work, batches without padding waste."""

from auditor.engine.scorer import Scorer

__all__ = ["Scorer"]
