"""Scoring: windows, no duplicate work, batches without padding waste, answers kept between runs."""

from auditor.engine.cache import Cache, NoCache, SQLiteCache
from auditor.engine.plan import batches, unique
from auditor.engine.scorer import WINDOW, Scorer

__all__ = ["WINDOW", "Cache", "NoCache", "SQLiteCache", "Scorer", "batches", "unique"]
