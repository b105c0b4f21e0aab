"""The training loop: accelerate on whatever device there is, deterministic for a seed."""

from __future__ import annotations

import contextlib
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from auditor.errors import DataError, ModelError
from auditor.models import hugging_face
from auditor.training import base as bases
from auditor.training import record as records
from auditor.training import saving
from auditor.training.batches import bucketed, endless, last_marked
from auditor.training.determinism import deterministic
from auditor.training.optimizing import mixed_precision, parameter_groups, rate
from auditor.training.recipes import Recipe
from auditor.types import Example, Progress, Silent, Task

LABELS = "labels"
VALIDATION_BATCH = 64
"""Rows scored at once on validation: no gradients, so more fit than in training."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How to train. ``steps``, if given, is a fixed number of optimiser steps in place of epochs."""

    epochs: int = 2
    learning_rate: float = 5e-5
    batch_size: int = 32
    max_length: int = 256
    """Tokens, at most."""
    warmup: float = 0.1
    """Share of the steps in which the learning rate rises from 0; it then falls to 0 linearly."""
    weight_decay: float = 0.01
    """Not on biases and norms."""
    clip_norm: float = 1.0
    accumulation: int = 1
    """Batches for each optimiser step; each counts 1/accumulation, also where an epoch ends before the last."""
    patience: int | None = None
    """Stop after so many epochs without gain on validation; None: train on."""
    precision: str = "auto"
    """auto: bf16 or fp16 where the device has it; fp32, bf16, fp16."""
    steps: int | None = None


@dataclass(slots=True)
class Trained:
    """A model as it stands after training, with the best epoch's weights where there was validation."""

    model: Any
    tokenizer: Any
    device: str
    """``cpu``, ``cuda`` or ``mps``."""
    max_length: int
    steps: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    """Epoch, mean loss, and the task's metric on validation rows where there are any. No seconds."""
    best_epoch: int | None = None
    """The epoch, from 0, whose weights these are; None: the last one's, there was no validation."""


def train(
    base: Path,
    examples: Sequence[Example],
    validation: Sequence[Example],
    task: Task,
    recipe: Recipe,
    settings: Settings,
    *,
    seed: int,
    device: str = "auto",
    progress: Progress | None = None,
) -> Trained:
    """Fine-tune a classifier from ``base``. Same arguments, device and versions: same weights.

    Random generators and torch's flags are afterwards as they were. Raises ModelError when the base does not load or
    training diverges, DataError without training rows or for a row without a label of the task.
    """
    if not examples:
        raise DataError("no training rows")
    where = hugging_face.device_named(device)
    with deterministic(seed, where), _seeded(seed), _on(where), _accelerate_afterwards_as_new():
        model, tokenizer = bases.load(base, task)
        limit = hugging_face.length_limit(model, tokenizer, settings.max_length)
        trained = Trained(model.to(where), tokenizer, where.split(":")[0], limit)
        _Loop(trained, task, recipe, settings, seed, progress or Silent()).run(examples, validation)
    return trained


@contextlib.contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Python's and numpy's global generators seeded, for recipes whose libraries use them, and restored."""
    import numpy

    python, arrays = random.getstate(), numpy.random.get_state()
    random.seed(seed)
    numpy.random.seed(seed % 2**32)
    try:
        yield
    finally:
        random.setstate(python)
        numpy.random.set_state(arrays)


@contextlib.contextmanager
def _on(device: str) -> Iterator[None]:
    """accelerate takes the current CUDA device, whichever one the model was told to be on."""
    import torch

    if not device.startswith("cuda:"):
        yield
        return
    before = torch.cuda.current_device()
    torch.cuda.set_device(device)
    try:
        yield
    finally:
        torch.cuda.set_device(before)


@contextlib.contextmanager
def _accelerate_afterwards_as_new() -> Iterator[None]:
    """accelerate keeps device and precision for the whole process and refuses a second training with others."""
    from accelerate.state import AcceleratorState, GradientState

    try:
        yield
    finally:
        AcceleratorState._reset_state(reset_partial_state=True)
        GradientState._reset_state()


class _Loop:
    def __init__(
        self, trained: Trained, task: Task, recipe: Recipe, settings: Settings, seed: int, progress: Progress
    ) -> None:
        from accelerate import Accelerator
        from torch.optim import AdamW

        self._trained, self._task, self._recipe = trained, task, recipe
        self._settings, self._progress = settings, progress
        self._rng = random.Random(seed)
        self._total = 0
        self._accelerator = Accelerator(
            cpu=trained.device == "cpu", mixed_precision=mixed_precision(settings.precision, trained.device)
        )
        model = recipe.prepare(trained.model)
        groups = parameter_groups(model, settings.weight_decay)
        # One kernel over all parameters: the update was a sixth of a training step on a CPU.
        optimizer = AdamW(groups, lr=settings.learning_rate, fused=True)
        self._model, self._optimizer = self._accelerator.prepare(model, optimizer)
        recipe.accumulate = self._accumulate

    def _accumulate(self, loss: Any) -> None:
        self._accelerator.backward(loss / self._settings.accumulation)

    def run(self, examples: Sequence[Example], validation: Sequence[Example]) -> None:
        settings, trained = self._settings, self._trained
        chosen = self._recipe.examples(examples, 0)
        # A recipe may add examples; the first epoch's number stands for all, so that the schedule is known.
        per_epoch = math.ceil(len(chosen) / (settings.batch_size * settings.accumulation))
        self._total = settings.steps or settings.epochs * per_epoch
        self._progress.start(f"training {self._recipe.name}", self._total)
        best: tuple[float, dict[str, Any]] | None = None
        epoch = 0
        while trained.steps < self._total:
            if epoch:
                chosen = self._recipe.examples(examples, epoch)
            entry = {"epoch": float(epoch), "loss": round(self._epoch(chosen), 6)}
            trained.history.append(entry)
            if validation:
                score = self._validate(validation)
                entry[f"validation_{self._task.metric}"] = round(score, 6)
                if best is None or score > best[0]:
                    best, trained.best_epoch = (score, self._weights()), epoch
                if settings.patience is not None and epoch - (trained.best_epoch or 0) >= settings.patience:
                    break
            epoch += 1
        if best is not None:
            self._model.load_state_dict(best[1])
        # Without the wrapper the model answers in full precision, as it will when it is loaded from disk.
        trained.model = self._accelerator.unwrap_model(self._model, keep_fp32_wrapper=False).eval()
        last = {name.replace("_", " "): value for name, value in trained.history[-1].items() if name != "epoch"}
        self._progress.finish(", ".join(f"{name} {value:.3f}" for name, value in last.items()))

    def _weights(self) -> dict[str, Any]:
        return {name: value.detach().cpu().clone() for name, value in self._model.state_dict().items()}

    def _epoch(self, examples: Sequence[Example]) -> float:
        """One pass (with ``steps``: as many as it takes); the mean loss of its batches."""
        settings = self._settings
        encoded = self._encoded(examples)
        lengths = [len(ids) for ids in encoded["input_ids"]]
        plan = (
            endless(lengths, settings.batch_size, self._rng)
            if settings.steps
            else iter(bucketed(lengths, settings.batch_size, self._rng))
        )
        self._model.train()
        model = self._accelerator.unwrap_model(self._model)
        total, batches = 0.0, 0
        for indices, last in last_marked(plan):
            loss = self._recipe.backward(model, self._collated(encoded, indices), batches)
            if not math.isfinite(loss):
                raise self._diverged(f"the loss became {loss}")
            total, batches = total + loss, batches + 1
            if batches % settings.accumulation == 0 or last:
                self._step()
                if self._trained.steps >= self._total:
                    break
        return total / batches

    def _step(self) -> None:
        settings = self._settings
        for group in self._optimizer.param_groups:
            group["lr"] = settings.learning_rate * rate(self._trained.steps, self._total, settings.warmup)
        norm = float(self._accelerator.clip_grad_norm_(self._model.parameters(), settings.clip_norm))
        # With fp16 the scaler expects overflows now and then, and leaves such a step out by itself.
        if not math.isfinite(norm) and self._accelerator.scaler is None:
            raise self._diverged(f"the norm of the gradient became {norm}")
        self._optimizer.step()
        self._optimizer.zero_grad()
        self._trained.steps += 1
        self._progress.advance()

    def _diverged(self, what: str) -> ModelError:
        where, hint = f"recipe {self._recipe.name}", "lower learning_rate"
        return ModelError(f"{what} at step {self._trained.steps}", where=where, hint=hint)

    def _encoded(self, examples: Sequence[Example]) -> dict[str, list[Any]]:
        requests = [self._task.request(example.inputs) for example in examples]
        texts = [request if len(request) > 1 else request[0] for request in requests]
        found = dict(self._trained.tokenizer(texts, truncation=True, max_length=self._trained.max_length))
        found[LABELS] = [self._label(example) for example in examples]
        return found

    def _label(self, example: Example) -> int:
        if example.gold not in self._task.labels:
            known = ", ".join(self._task.labels)
            raise DataError(f"label {example.gold!r} is not known", where=example.id, hint=f"known: {known}")
        return self._task.labels.index(example.gold)

    def _collated(self, encoded: dict[str, list[Any]], indices: Sequence[int]) -> dict[str, Any]:
        import torch

        rows = [{name: values[index] for name, values in encoded.items() if name != LABELS} for index in indices]
        batch = dict(self._trained.tokenizer.pad(rows, return_tensors="pt"))
        batch[LABELS] = torch.tensor([encoded[LABELS][index] for index in indices])
        return {name: value.to(self._accelerator.device) for name, value in batch.items()}

    def _validate(self, validation: Sequence[Example]) -> float:
        """The task's metric on the validation rows; 0 where its denominator is."""
        model = hugging_face.wrap(
            self._accelerator.unwrap_model(self._model),
            self._trained.tokenizer,
            name="validation",
            max_length=self._trained.max_length,
        )
        encoded = model.encode([self._task.request(one.inputs) for one in validation])
        order = sorted(range(len(encoded)), key=lambda index: encoded[index].length)
        right = total = 0.0
        for start in range(0, len(order), VALIDATION_BATCH):
            part = order[start : start + VALIDATION_BATCH]
            for index, response in zip(part, model.run([encoded[index] for index in part]), strict=True):
                score = self._task.score(validation[index].gold, response)
                right, total = right + score.numerator, total + score.denominator
        return right / total if total else 0.0


def save(trained: Trained, out: Path, record: records.TrainingRecord | None = None) -> None:
    """Write the checkpoint, with ``training.json`` if its record is given; whole or not at all. Raises ModelError."""
    saving.save(trained.model, trained.tokenizer, out, record)


def as_model(trained: Trained, *, name: str) -> hugging_face.HuggingFaceModel:
    """The trained model behind auditor's seam."""
    return hugging_face.wrap(trained.model, trained.tokenizer, name=name, max_length=trained.max_length)
