"""Whether a probe can run in an audit, and in words why not."""

from __future__ import annotations

from auditor.evaluation.plan import AuditedModel, Plan, given
from auditor.plugins import registry
from auditor.types import NEEDS, NOT_SELECTED, Probe


def unmet(plan: Plan, audited: AuditedModel, probe: Probe) -> tuple[tuple[str, ...], str | None]:
    """The probe's unmet needs and the reason in words; ((), None) when it can run."""
    there = given(plan, audited)
    missing = tuple(sorted(need for need in probe.needs if need in there and not there[need]))
    packages = registry.missing_packages(probe)
    if packages:
        return (*missing, *(f"package:{name}" for name in packages)), "; ".join(packages.values())
    # "candidate only" says more than a lacking file does: such a probe would not run on this model anyway.
    first = "candidate" if "candidate" in missing else next(iter(missing), None)
    if first == "base" and audited.no_base is not None:
        return missing, audited.no_base
    return missing, None if first is None else NEEDS[first]


def left_out(plan: Plan, audited: AuditedModel, probe: Probe) -> tuple[tuple[str, ...], str | None]:
    """The probe's unmet needs, and why this audit leaves it out.

    The reason is None where the probe runs.
    """
    missing, reason = unmet(plan, audited, probe)
    return missing, reason if probe.name in plan.selected else NOT_SELECTED
