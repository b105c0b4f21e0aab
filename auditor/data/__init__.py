"""Examples from data files and from rows in memory.

The package reads CSV, TSV, JSONL, Parquet and CoNLL files, and checks every row.
"""

from auditor.data.columns import Columns
from auditor.data.datasets import labels_in, load, load_all
from auditor.data.in_memory import KINDS, InMemory, Source, is_splits, source, splits
from auditor.data.out_of_scope import check_labels as check_out_of_scope
from auditor.data.reports import DataReport, Dataset, how_labels_were_read, told
from auditor.data.sentences import tags_in
from auditor.data.tables import SUFFIXES, sha256_of

__all__ = [
    "KINDS",
    "SUFFIXES",
    "Columns",
    "DataReport",
    "Dataset",
    "InMemory",
    "Source",
    "check_out_of_scope",
    "how_labels_were_read",
    "is_splits",
    "labels_in",
    "load",
    "load_all",
    "sha256_of",
    "source",
    "splits",
    "tags_in",
    "told",
]
