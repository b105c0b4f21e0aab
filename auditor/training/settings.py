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
    """How to train. ``steps``, if given, is a fixed number of optimiser steps in place of epochs."""

    epochs: int = 2
    learning_rate: float = 5e-5
    batch_size: int = 32
    max_length: int = 256
    """Tokens, at most."""
    warmup: float = 0.1
    """Share of the steps in which the learning rate rises from 0."""
    weight_decay: float = 0.01
    """Not on biases and norms."""
    optimizer: str = "adamw"
    """adamw (Loshchilov & Hutter 2019), sgd, or adafactor (Shazeer & Stern 2018)."""
    momentum: float = 0.9
    """Of sgd."""
    schedule: str = "linear"
    """How the learning rate falls after the warm-up: linear or cosine to 0, or constant."""
    layer_decay: float = 1.0
    """Factor of the learning rate for each layer further down from the head (Howard & Ruder 2018)."""
    dropout: float | None = None
    """Of the base's own dropouts; None: as the base has them."""
    clip_norm: float = 1.0
    accumulation: int = 1
    """Batches for each optimiser step; each counts 1/accumulation, also where an epoch ends before the last."""
    patience: int | None = None
    """Stop after so many epochs without gain on validation; None: train on."""
    precision: str = "auto"
    """auto: bf16 or fp16 where the device has it; fp32, bf16, fp16."""
    steps: int | None = None


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """Everything that decides a training's weights, beside versions and device."""

    base: Path
    """Folder of the pretrained model."""
    examples: Sequence[Example]
    validation: Sequence[Example]
    task: Task
    recipe: Recipe
    settings: Settings
    seed: int
    device: str = "auto"


@dataclass(slots=True)
class Trained:
    """A model as it stands after training, with the best epoch's weights where there was validation."""

    model: Any
    tokenizer: Any
    device: str
    """``cpu``, ``cuda`` or ``mps``."""
    max_length: int
    filling: Filling
    """What shorter rows of a batch are filled up with."""
    steps: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    """Epoch, mean loss, and the task's metric on validation rows where there are any. No seconds."""
    best_epoch: int | None = None
    """The epoch, from 0, whose weights these are; None: the last one's, there was no validation."""
    parameters: int = 0
    """Of the model as it was trained."""
    trainable: int = 0
    """Of which training changed."""
    work: int = 0
    """Tokens, padding included, that went through the model for the recipe, those with a gradient three times: a
    backward pass costs about twice a forward one (Kaplan et al. 2020). Validation does not count."""
    virtual_tokens: int = 0
    """Beside the tokens of a text, where the recipe added any."""
    warning: str = ""
    """That it diverged, and which epoch's weights these are."""
