"""Whether a perturbation can run on this machine."""

from __future__ import annotations

import importlib.util

from auditor.environment import resources
from auditor.perturbations.catalogue import Perturbation


def lacking(perturbation: Perturbation) -> str | None:
    """Return why a perturbation cannot run here; None where it can."""
    for need in sorted(perturbation.needs):
        kind, _, name = need.partition(":")
        if kind == "package" and importlib.util.find_spec(name) is None:
            return f"{name} is not installed"
        if kind == "resource" and not resources.SERVED[name]().present:
            return f"{name} is missing: audit resources says how to get it"
    return None
