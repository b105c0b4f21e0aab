"""The training loop: accelerate on whatever device there is, deterministic for a seed."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from auditor.errors import ModelError
from auditor.models import hugging_face
from auditor.training.batches import bucketed, endless
from auditor.training.determinism import deterministic
from auditor.training.recipes import Recipe
from auditor.types import Example, Progress, Silent, Task

LABELS = "labels"


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
    """Batches for each optimiser step."""
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
    max_length: int
    steps: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    """Epoch, mean loss, and the task's metric on validation rows where there are any. No seconds."""


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

    Raises ModelError when the base does not load or the loss is not finite.
    """
    where = hugging_face.device_named(device)
    with deterministic(seed, where):
        trained = _new(base, task, settings, where)
        _Loop(trained, task, recipe, settings, seed, progress or Silent()).run(examples, validation)
    return trained


def _new(base: Path, task: Task, settings: Settings, device: str) -> Trained:
    from transformers import AutoModelForSequenceClassification

    tokenizer = hugging_face.load_tokenizer(base)
    names = dict(enumerate(task.labels))
    with hugging_face.quiet():
        try:
            model = AutoModelForSequenceClassification.from_pretrained(
                str(base),
                local_files_only=True,
                use_safetensors=True,
                num_labels=len(names),
                id2label=names,
                label2id={label: index for index, label in names.items()},
                problem_type="single_label_classification",
                ignore_mismatched_sizes=True,
            )
        except (OSError, ValueError, RuntimeError) as error:
            raise ModelError(f"does not load: {str(error).splitlines()[0]}", where=str(base)) from None
    limit = getattr(model.config, "max_position_embeddings", settings.max_length)
    return Trained(model.to(device), tokenizer, device.split(":")[0], min(settings.max_length, int(limit)))


class _Loop:
    def __init__(
        self, trained: Trained, task: Task, recipe: Recipe, settings: Settings, seed: int, progress: Progress
    ) -> None:
        self._trained, self._task, self._recipe = trained, task, recipe
        self._settings, self._progress = settings, progress
        self._rng = random.Random(seed)

    def run(self, examples: Sequence[Example], validation: Sequence[Example]) -> None:
        from accelerate import Accelerator
        from torch.optim import AdamW

        settings = self._settings
        per_epoch = -(-len(examples) // (settings.batch_size * settings.accumulation))
        total = settings.steps or settings.epochs * per_epoch
        accelerator = Accelerator(
            cpu=self._trained.device == "cpu", mixed_precision=_precision(settings.precision, self._trained.device)
        )
        model = self._recipe.prepare(self._trained.model)
        optimizer = AdamW(_groups(model, settings.weight_decay), lr=settings.learning_rate)
        model, optimizer = accelerator.prepare(model, optimizer)
        self._recipe.accumulate = lambda loss: accelerator.backward(loss / settings.accumulation)
        self._accelerator, self._model, self._optimizer, self._total = accelerator, model, optimizer, total
        self._progress.start(f"training {self._recipe.name}", total)
        best: tuple[float, dict[str, Any]] | None = None
        since_best = epoch = 0
        while self._trained.steps < total:
            loss = self._epoch(self._recipe.examples(examples, epoch))
            entry = {"epoch": float(epoch), "loss": round(loss, 6)}
            epoch += 1
            if validation:
                score = self._validate(validation)
                entry[f"validation_{self._task.metric}"] = round(score, 6)
                since_best += 1
                if best is None or score > best[0]:
                    best, since_best = (
                        (score, {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}),
                        0,
                    )
            self._trained.history.append(entry)
            if settings.patience is not None and validation and since_best >= settings.patience:
                break
        self._trained.model = accelerator.unwrap_model(model)
        if best is not None:
            self._trained.model.load_state_dict(best[1])
        self._trained.model.eval()
        self._progress.finish(
            ", ".join(f"{name} {value:.3f}" for name, value in self._trained.history[-1].items() if name != "epoch")
        )

    def _epoch(self, examples: Sequence[Example]) -> float:
        settings = self._settings
        encoded = self._encoded(examples)
        lengths = [len(ids) for ids in encoded["input_ids"]]
        plan = (
            endless(lengths, settings.batch_size, self._rng)
            if settings.steps
            else iter(bucketed(lengths, settings.batch_size, self._rng))
        )
        self._model.train()
        total, batches = 0.0, 0
        for batch in _last_marked(plan):
            indices, last = batch
            loss = self._recipe.backward(
                self._accelerator.unwrap_model(self._model), self._collated(encoded, indices), batches
            )
            if not abs(loss) < float("inf"):
                raise ModelError(
                    f"the loss became {loss} at step {self._trained.steps}",
                    where=f"recipe {self._recipe.name}",
                    hint="lower learning_rate",
                )
            total, batches = total + loss, batches + 1
            if batches % settings.accumulation == 0 or last:
                self._step()
                if self._trained.steps >= self._total:
                    break
        return total / batches

    def _step(self) -> None:
        settings = self._settings
        done, total = self._trained.steps, self._total
        rising = settings.warmup * total
        factor = (done + 1) / rising if done + 1 < rising else (total - done) / max(total - rising, 1.0)
        for group in self._optimizer.param_groups:
            group["lr"] = settings.learning_rate * min(factor, 1.0)
        self._accelerator.clip_grad_norm_(self._model.parameters(), settings.clip_norm)
        self._optimizer.step()
        self._optimizer.zero_grad()
        self._trained.steps += 1
        self._progress.advance()

    def _encoded(self, examples: Sequence[Example]) -> dict[str, list[Any]]:
        requests = [self._task.request(example.inputs) for example in examples]
        texts = [request if len(request) > 1 else request[0] for request in requests]
        found = dict(self._trained.tokenizer(texts, truncation=True, max_length=self._trained.max_length))
        found[LABELS] = [self._task.labels.index(example.gold) for example in examples]
        return found

    def _collated(self, encoded: dict[str, list[Any]], indices: Sequence[int]) -> dict[str, Any]:
        import torch

        rows = [{name: values[index] for name, values in encoded.items() if name != LABELS} for index in indices]
        batch = dict(self._trained.tokenizer.pad(rows, return_tensors="pt"))
        batch[LABELS] = torch.tensor([encoded[LABELS][index] for index in indices])
        return {name: value.to(self._accelerator.device) for name, value in batch.items()}

    def _validate(self, validation: Sequence[Example]) -> float:
        model = hugging_face.wrap(
            self._accelerator.unwrap_model(self._model),
            self._trained.tokenizer,
            name="validation",
            max_length=self._trained.max_length,
        )
        encoded = sorted(
            zip(model.encode([self._task.request(one.inputs) for one in validation]), validation, strict=True),
            key=lambda pair: pair[0].length,
        )
        right = total = 0.0
        for start in range(0, len(encoded), 64):
            part = encoded[start : start + 64]
            for (_, example), response in zip(part, model.run([one for one, _ in part]), strict=True):
                score = self._task.score(example.gold, response)
                right, total = right + score.numerator, total + score.denominator
        return right / total


def _last_marked(plan: Iterator[list[int]]) -> Iterator[tuple[list[int], bool]]:
    """Each batch with whether it is the last."""
    before = next(plan)
    for batch in plan:
        yield before, False
        before = batch
    yield before, True


def _groups(model: Any, weight_decay: float) -> list[dict[str, Any]]:
    """Parameters with and without weight decay: biases and norms are one-dimensional."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return [
        {"params": [one for one in trained if one.dim() > 1], "weight_decay": weight_decay},
        {"params": [one for one in trained if one.dim() <= 1], "weight_decay": 0.0},
    ]


def _precision(wanted: str, device: str) -> str:
    """accelerate's word for the precision."""
    import torch

    if wanted == "auto":
        if device != "cuda":
            return "no"
        return "bf16" if torch.cuda.is_bf16_supported() else "fp16"
    if wanted == "fp16" and device == "cpu":
        raise ModelError("fp16 does not train on a CPU", hint="precision = fp32 or bf16")
    return "no" if wanted == "fp32" else wanted


def save(trained: Trained, out: Path) -> None:
    """Write model (safetensors) and tokenizer beside ``out`` and rename when whole. Raises ModelError."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    except OSError as error:
        raise ModelError(f"cannot be written: {error.strerror}", where=str(out)) from None
    try:
        trained.model.save_pretrained(folder, safe_serialization=True)
        trained.tokenizer.save_pretrained(folder)
        if out.is_dir():
            shutil.rmtree(out)
        folder.chmod(0o755)
        folder.rename(out)
    except OSError as error:
        raise ModelError(
            f"cannot be written: {error.strerror or error}", where=str(out), hint="is the disk full?"
        ) from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def as_model(trained: Trained, *, name: str) -> hugging_face.HuggingFaceModel:
    """The trained model behind auditor's seam."""
    return hugging_face.wrap(trained.model, trained.tokenizer, name=name, max_length=trained.max_length)
