"""Data files → examples: CSV, TSV, JSONL and Parquet, every row checked."""

from auditor.data.columns import Columns
from auditor.data.datasets import Dataset, labels_in, load, load_all, told
from auditor.data.reports import DataReport
from auditor.data.sentences import tags_in
from auditor.data.tables import SUFFIXES, sha256_of

__all__ = [
    "SUFFIXES",
    "Columns",
    "DataReport",
    "Dataset",
    "labels_in",
    "load",
    "load_all",
    "sha256_of",
    "tags_in",
    "told",
]
