"""Whether a probe can run, and which one an inquiry is about."""

from __future__ import annotations

from collections.abc import Mapping

from auditor.evaluation.plan import AuditedModel, Plan, given, given_by
from auditor.plugins import registry
from auditor.types import BASELINE, CANDIDATE, NEEDS, NOT_SELECTED, OUT_OF_SCOPE, Inquiry, Probe, Task


def unmet(plan: Plan, audited: AuditedModel, probe: Probe) -> tuple[tuple[str, ...], str | None]:
    """The probe's unmet needs and the reason in words.

    The result is ((), None) when it can run. CANDIDATE is an unmet need of models out of the probe's scope.
    """
    return _unmet(plan, audited, probe, given(plan, audited, probe))


def _unmet(
    plan: Plan, audited: AuditedModel, probe: Probe, there: Mapping[str, bool]
) -> tuple[tuple[str, ...], str | None]:
    lacking = [need for need in probe.needs if need in there and not there[need]]
    outside = OUT_OF_SCOPE.get(probe.scope) if audited.name != plan.candidate else None
    missing = tuple(sorted(lacking if outside is None else [*lacking, CANDIDATE]))
    packages = registry.missing_packages(probe)
    if packages:
        return (*missing, *(f"package:{name}" for name in packages)), "; ".join(packages.values())
    # The scope says more than a lacking file does: such a probe would not run on this model anyway.
    if outside is not None:
        return missing, outside
    first = next(iter(missing), None)
    if first == "base" and audited.no_base is not None:
        return missing, audited.no_base
    return missing, None if first is None else NEEDS[first]


def left_out(plan: Plan, audited: AuditedModel, probe: Probe) -> tuple[tuple[str, ...], str | None]:
    """The probe's unmet needs, and why this audit leaves it out.

    The reason is None where the probe runs.
    """
    there = given(plan, audited, probe)
    missing, reason = _unmet(plan, audited, probe, there)
    if probe.name in plan.selected:
        beside = audited.name != plan.candidate and plan.baseline is not None and probe.name not in plan.baseline
        # Of audited models alone: a probe may still ask this one about a model that it trains.
        return ((*missing, CANDIDATE), BASELINE) if beside and reason is None else (missing, reason)
    own = sorted(need for need in probe.limits_need if not there[need])
    return (*missing, *own), plan.reasons.get(probe.name, NOT_SELECTED)


def unserved(probe: Probe, task: Task) -> str | None:
    """Why the probe does not serve a task; None where it does."""
    of_task = given_by(task)
    return next((NEEDS[need] for need in sorted(probe.needs) if not of_task.get(need, True)), None)


def asked_of(plan: Plan, inquiry: Inquiry) -> Probe | None:
    """The probe that an inquiry is about; None where there is none.

    It has the role, serves the task, publishes the metric and has the settings. Of several it is auditor's own, then
    the first by name.
    """
    for probe in sorted(plan.probes, key=lambda probe: (not registry.is_own(probe), probe.name)):
        if (
            probe.role == inquiry.role
            and unserved(probe, plan.task) is None
            and inquiry.metric in registry.metrics_of(probe, plan.task)
            and inquiry.settings.keys() <= registry.settings_of(plan.settings[probe.name]).keys()
        ):
            return probe
    return None
