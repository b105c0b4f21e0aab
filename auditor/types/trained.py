"""Models that were trained, with what is known of their training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from auditor.types.cases import Model


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """A model of known recipe and seed, and its training's cost."""

    recipe: str
    """By its label: ``freelb++`` for a variant of ``freelb``."""
    standard: bool
    """Whether that is plain fine-tuning."""
    seed: int
    """What its random numbers follow from."""
    load: Callable[[], Model] = field(repr=False)
    """Loads the model, when it is asked."""
    work: float | None = None
    """Tokens that training passed, those with a gradient three times; None: not known."""
    seconds: float | None = None
    """Duration of its training; None: not known."""
    peak_bytes: float | None = None
    """The most memory that its training held; None: not known."""
    audited: bool = False
    """Whether it has the recipe and the seed of the checkpoint that is audited."""
