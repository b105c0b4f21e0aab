"""The records that flow through an audit and the protocols its parts meet at.

Example ─► Case ─► ScoredCase ─► Judged ─► Row ─► Measurement ─► ProbeRecord ─► Verdict.
Standard library only: every package of the project may import this one.
"""

from auditor.types.cases import (
    Case,
    Encoded,
    Example,
    Facts,
    Inputs,
    Judged,
    Model,
    Request,
    Response,
    Score,
    ScoredCase,
    Skipped,
    Slice,
    Task,
    TrainedModel,
)
from auditor.types.protocols import NEEDS, Audit, Measuring, Probe, Progress, Silent
from auditor.types.records import (
    Comparison,
    Contribution,
    Decision,
    Kind,
    Measurement,
    Metric,
    Outcome,
    ProbeRecord,
    Row,
    Rule,
    Status,
    Verdict,
    WorstCase,
)
from auditor.types.rows import Names, Rows

__all__ = [
    "NEEDS",
    "Audit",
    "Case",
    "Comparison",
    "Contribution",
    "Decision",
    "Encoded",
    "Example",
    "Facts",
    "Inputs",
    "Judged",
    "Kind",
    "Measurement",
    "Measuring",
    "Metric",
    "Model",
    "Names",
    "Outcome",
    "Probe",
    "ProbeRecord",
    "Progress",
    "Request",
    "Response",
    "Row",
    "Rows",
    "Rule",
    "Score",
    "ScoredCase",
    "Silent",
    "Skipped",
    "Slice",
    "Status",
    "Task",
    "TrainedModel",
    "Verdict",
    "WorstCase",
]
