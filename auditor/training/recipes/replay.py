"""Rehearsal: training on rows of earlier periods beside the new ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge

from auditor.settings import CheckedSettings
from auditor.training.recipes import _reservoir
from auditor.training.recipes._base import Recipe, Training
from auditor.types import Example


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """The size of the memory."""

    keep: Annotated[int, Ge(0)] = 500
    """Rows of all earlier periods together; 0 is standard training."""


class Replay(Recipe):
    """Fine-tuning on the new rows and a sample of earlier ones.

    Chaudhry et al. (2019), "On tiny episodic memories in continual learning". A reservoir (Vitter 1985) keeps rows of
    the training files of all earlier periods, each with the same chance. Every epoch passes the new rows and the kept
    ones once, mixed. Labels that the checkpoint does not know get new rows of its head.
    """

    name = "replay"
    settings_type = Settings
    continues = True
    reads_earlier = True
    takes_new_labels = True

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._kept: Sequence[Example] = ()

    def start(self, training: Training) -> None:
        """Begin a training, and draw the rows to keep."""
        super().start(training)
        # Here, before any epoch: a resumed training draws the same rows from the same state of the generator.
        self._kept = _reservoir.sample(training.earlier, self.settings.keep, training.rng)

    def release(self) -> None:
        """Release the training and the kept rows."""
        super().release()
        self._kept = ()

    def examples(self, examples: Sequence[Example], epoch: int) -> Sequence[Example]:  # noqa: ARG002 - the same in each
        """Return the new rows, followed by the kept ones."""
        return [*examples, *self._kept]


RECIPE = Replay
