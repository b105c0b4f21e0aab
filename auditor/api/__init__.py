"""Python API: the commands as functions, their results as an object."""

from auditor.api.calls import audit, load, train
from auditor.api.outcome import Results

__all__ = ["Results", "audit", "load", "train"]
