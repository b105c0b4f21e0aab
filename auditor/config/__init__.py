"""``audit.toml`` and flags → one validated Config."""

from pathlib import Path

from auditor.config.reading import load, probe_settings, refuse_empty
from auditor.config.schema import (
    DEVICES,
    RESERVED,
    SEEDS,
    AuditSection,
    CompareEntry,
    Config,
    TrainingSection,
    columns,
    data_files,
    labels_files,
    out_folder,
    policy_file,
)

TEMPLATE = Path(__file__).with_name("template.toml").read_text(encoding="utf-8")
"""What ``audit init`` writes."""

__all__ = [
    "DEVICES",
    "RESERVED",
    "SEEDS",
    "TEMPLATE",
    "AuditSection",
    "CompareEntry",
    "Config",
    "TrainingSection",
    "columns",
    "data_files",
    "labels_files",
    "load",
    "out_folder",
    "policy_file",
    "probe_settings",
    "refuse_empty",
]
