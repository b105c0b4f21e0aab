"""``audit.toml`` and flags → one validated Config."""

from pathlib import Path

from auditor.config.files import (
    cases_file,
    data_files,
    labels_files,
    out_folder,
    out_of_scope_files,
    out_of_scope_labels,
    policy_file,
    waivers_file,
    with_cases_file,
    with_out_of_scope,
)
from auditor.config.out_of_scope import EVERY_KIND
from auditor.config.reading import (
    check_files,
    load,
    named,
    of_document,
    overlaid,
    probe_settings,
    probe_tables,
    recorded,
    with_cases,
)
from auditor.config.schema import (
    DEVICES,
    RESERVED,
    SEEDS,
    AuditSection,
    CompareEntry,
    Config,
    TaskSection,
    TrainingSection,
    columns,
    favourable,
    seconds_of,
)
from auditor.settings import cases_fields, changed_paths, data_columns, earlier, limited_words

TEMPLATE = Path(__file__).with_name("template.toml").read_text(encoding="utf-8")
"""What ``audit init`` writes."""

__all__ = [
    "DEVICES",
    "EVERY_KIND",
    "RESERVED",
    "SEEDS",
    "TEMPLATE",
    "AuditSection",
    "CompareEntry",
    "Config",
    "TaskSection",
    "TrainingSection",
    "cases_fields",
    "cases_file",
    "changed_paths",
    "check_files",
    "columns",
    "data_columns",
    "data_files",
    "earlier",
    "favourable",
    "labels_files",
    "limited_words",
    "load",
    "named",
    "of_document",
    "out_folder",
    "out_of_scope_files",
    "out_of_scope_labels",
    "overlaid",
    "policy_file",
    "probe_settings",
    "probe_tables",
    "recorded",
    "seconds_of",
    "waivers_file",
    "with_cases",
    "with_cases_file",
    "with_out_of_scope",
]
