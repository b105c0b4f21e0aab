"""Why a probe is left out that could run."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

NOT_SELECTED = "not selected"
"""The reason of a record whose probe ``--probe`` left out."""
SKIPPED = "left out by --skip"
"""The reason of a record whose probe ``--skip`` named."""
NO_RETRAINING = "left out by --fast, because it retrains"
"""The reason of a record whose probe trains models, under ``--fast``."""
BASELINE = "left out for models beside the candidate ([audit] baseline_probes)"
"""The reason of a record whose model is not the candidate, and whose probe ``baseline_probes`` does not name."""
LEFT_OUT: Mapping[str, str] = MappingProxyType({NOT_SELECTED: "--probe", SKIPPED: "--skip", NO_RETRAINING: "--fast"})
"""Reason of a record whose probe the user left out → the flag that did it."""
