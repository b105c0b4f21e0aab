"""The work of a probe, and what it asks of others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from auditor.types.records import Role


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A metric that one probe reads from another.

    The probe names the other one by its role.
    """

    role: Role
    """Of the probe that is asked."""
    metric: str
    """The name of its metric."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the other probe that change; a count only becomes smaller."""


@dataclass(frozen=True, slots=True)
class Planned:
    """The work of a probe on one model, counted before it starts."""

    cases: int
    """Cases that ``cases`` yields."""
    exact: bool = True
    """False: an upper bound; the texts or the model's answers decide the number of cases."""
    embedded: int = 0
    """Texts whose embeddings are asked for, where the model tells them."""
    unchanged: int = 0
    """Of ``cases``: home rows as they stand, asked about the audited model; their answers all probes share."""
    whole_windows: int = 0
    """How often it asks, beside ``cases``, about the other clean rows that were planned together with its own."""
    queries: int = 0
    """Texts that attacks and explanations ask about, at most."""
    trainings: int = 0
    """Different trainings; equal ones are run once."""
    steps: int = 0
    """Optimiser steps of each training, on average."""
    batch_size: int = 0
    """Rows of each step."""
    models: int = 0
    """Trained models that each of ``inquiries`` is about."""
    inquiries: tuple[Inquiry, ...] = ()
    """What ``Audit.findings`` is asked of each of these models."""
    reason: str | None = None
    """Why nothing can be measured after all; None where something can."""
