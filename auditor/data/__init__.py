"""Data files → examples: CSV, TSV, JSONL and Parquet, every row checked."""

from auditor.data.datasets import Columns, DataReport, Dataset, labels_in, load, tags_in
from auditor.data.tables import SUFFIXES, sha256_of

__all__ = ["SUFFIXES", "Columns", "DataReport", "Dataset", "labels_in", "load", "sha256_of", "tags_in"]
