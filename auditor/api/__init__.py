"""Python API: the commands as functions, their results as an object."""

from auditor.api.calls import audit, train
from auditor.api.comparing import Comparison, compare
from auditor.api.loading import load
from auditor.api.outcome import Results

__all__ = ["Comparison", "Results", "audit", "compare", "load", "train"]
