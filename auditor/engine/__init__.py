"""Scoring: windows, no duplicate work, batches without padding waste, answers kept between runs."""

from auditor.engine.cache import Cache, NoCache, SQLiteCache
from auditor.engine.scorer import Scorer

__all__ = ["Cache", "NoCache", "SQLiteCache", "Scorer"]
