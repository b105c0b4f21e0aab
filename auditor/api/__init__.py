"""The commands from Python: arguments as a notebook has them, results as an object."""

from auditor.api.calls import audit, load, train
from auditor.api.outcome import Results

__all__ = ["Results", "audit", "load", "train"]
