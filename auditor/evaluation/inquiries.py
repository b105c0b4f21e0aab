"""Questions of one probe to another: who answers, in what plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from auditor import config as configs
from auditor.errors import ConfigError
from auditor.evaluation.needs import asked_of, unmet
from auditor.evaluation.plan import AuditedModel, Plan
from auditor.types import Inquiry, Probe


def smaller(plan: Plan, audited: AuditedModel, name: str, settings: Mapping[str, Any]) -> Plan:
    """The plan for one other model, with a probe's settings changed.

    A count is never above the user's own; None sets no limit. Raises ConfigError for a value that the probe refuses.
    """
    own = plan.settings[name]
    limited = {key: _at_most(getattr(own, key), value) for key, value in settings.items()}
    changed = configs.probe_settings(own, limited, f"[probes.{name}]")
    return replace(plan, models=(audited,), whole=frozenset(), settings={**plan.settings, name: changed})


def _at_most(own: object, value: Any) -> Any:
    return min(value, own) if type(value) is int and type(own) is int else value


def inquired(plan: Plan, audited: AuditedModel, inquiry: Inquiry) -> tuple[Plan, Probe] | str:
    """The plan and the probe for an inquiry, or why none answers."""
    probe = asked_of(plan, inquiry)
    if probe is None:
        settings = ", ".join(inquiry.settings)
        return f"no probe of role {inquiry.role} publishes {inquiry.metric} and takes the settings {settings}"
    _, reason = unmet(plan, audited, probe)
    if reason is not None:
        return reason
    try:
        return smaller(plan, audited, probe.name, inquiry.settings), probe
    except ConfigError as error:
        return error.line
