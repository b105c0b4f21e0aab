"""The conformance kit for probes, tasks and recipes.

``check_probe``, ``check_task`` and ``check_recipe`` hold a class against everything that the engine takes for granted.
``FakeModel`` and ``FakeAudit`` stand in for a model and for what a probe may ask for.
"""

from auditor.evaluation.plan import AuditedModel
from auditor.models.fake import FakeModel, hashed_words, keyword_model
from auditor.testing.audits import FakeAudit
from auditor.testing.probes import check_probe
from auditor.testing.recipes import check_recipe
from auditor.testing.samples import counting_fit, counting_model, counting_trainer, sample_rows
from auditor.testing.tasks import check_task
from auditor.testing.trainings import started

__all__ = [
    "AuditedModel",
    "FakeAudit",
    "FakeModel",
    "check_probe",
    "check_recipe",
    "check_task",
    "counting_fit",
    "counting_model",
    "counting_trainer",
    "hashed_words",
    "keyword_model",
    "sample_rows",
    "started",
]
