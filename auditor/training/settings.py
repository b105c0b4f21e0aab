"""Training settings, and the result of a training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auditor.models.rows import Filling
from auditor.types import Example, Task

if TYPE_CHECKING:
    from auditor.training.recipes import Recipe


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of a training, apart from its recipe."""

    epochs: int = 2
    learning_rate: float = 5e-5
    batch_size: int = 32
    max_length: int = 256
    """Maximum number of tokens of a row."""
    warmup: float = 0.1
    """Share of the steps in which the learning rate rises from 0."""
    weight_decay: float = 0.01
    """Weight decay, except on biases and norms."""
    optimizer: str = "adamw"
    """adamw (Loshchilov & Hutter 2019), sgd, or adafactor (Shazeer & Stern 2018)."""
    momentum: float = 0.9
    """Momentum of sgd."""
    schedule: str = "linear"
    """The learning rate after the warm-up: linear or cosine to 0, or constant."""
    layer_decay: float = 1.0
    """Factor of the learning rate for each layer further below the head (Howard & Ruder 2018)."""
    dropout: float | None = None
    """Replaces all of the base's dropouts; None leaves them unchanged."""
    clip_norm: float = 1.0
    accumulation: int = 1
    """Batches per optimiser step; each has the weight 1/accumulation, even where an epoch ends with fewer batches."""
    patience: int | None = None
    """Number of epochs without a gain on validation after which training stops; None trains all epochs."""
    precision: str = "auto"
    """fp32, bf16, fp16, or auto: bf16 or fp16 where the device supports it."""
    steps: int | None = None
    """Fixed number of optimiser steps in place of epochs."""


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """Everything that decides a training's weights, apart from versions and hardware."""

    base: Path
    """Folder of the pretrained model."""
    examples: Sequence[Example]
    validation: Sequence[Example]
    task: Task
    recipe: Recipe
    settings: Settings
    seed: int
    device: str = "auto"
    known_labels: int = 0
    """How many of the task's labels, the first ones, the checkpoint ``base`` knows: training continues from it and
    keeps its head. 0: ``base`` gets a new head."""
    earlier: Sequence[Sequence[Example]] = ()
    """The training rows of each earlier period, the oldest first, for recipes that read them."""
    language: str | None = None
    """ISO 639-1 code of the rows' language, where it is given and the recipe reads it; None: recipes detect it."""


@dataclass(slots=True)
class Trained:
    """A trained model.

    With validation rows, it has the best epoch's weights.
    """

    model: Any
    tokenizer: Any
    device: str
    """``cpu``, ``cuda`` or ``mps``."""
    max_length: int
    filling: Filling
    """Padding of a batch's shorter rows."""
    steps: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    """Per epoch: its number, the mean loss, and the task's metric on validation rows where there are any. No times."""
    best_epoch: int | None = None
    """The epoch, from 0, with these weights; None without validation, where the weights are the last epoch's."""
    parameters: int = 0
    """Parameters of the model during training."""
    trainable: int = 0
    """How many of ``parameters`` training changed."""
    work: int = 0
    """Tokens, including padding, that passed through the model for the recipe. Tokens with a gradient count three
    times: a backward pass costs about twice a forward pass (Kaplan et al. 2020). Validation does not count."""
    virtual_tokens: int = 0
    """Virtual tokens per text that the recipe added."""
    warning: str = ""
    """Where and how training diverged, and the epoch of these weights; empty if it did not diverge."""
