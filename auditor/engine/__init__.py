"""Scoring of cases in windows and batches, with a cache.

Equal texts are scored once, batches contain texts of similar length, and answers are kept between runs.
"""

from auditor.engine.cache import Cache, KeptTotals, NoCache, SQLiteCache
from auditor.engine.forward import WINDOW, Forward
from auditor.engine.plan import batches, unique
from auditor.engine.scorer import Scorer

__all__ = ["WINDOW", "Cache", "Forward", "KeptTotals", "NoCache", "SQLiteCache", "Scorer", "batches", "unique"]
