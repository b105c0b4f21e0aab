"""Trainings for tests, without the loop."""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from auditor.models import heads, hugging_face
from auditor.models.loading import auto_class
from auditor.training.recipes import Recipe, Training
from auditor.types import Example, Model, Task

RecipeT = TypeVar("RecipeT", bound=Recipe)
LENGTH, BATCH, RATE = 64, 16, 0.05
"""Tokens that the tiny model reads, rows of a batch, learning rate."""
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,!?'-"
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def started(recipe: RecipeT, task: Task, *, seed: int = 0, model: Model | None = None, **how: Any) -> RecipeT:
    """A recipe in a training of this task and seed.

    ``model``: the model as it stands; None: asking for it is an error. ``how``: further fields of ``Training``.
    """

    def current_model() -> Model:
        if model is None:
            raise RuntimeError("the recipe asks for the current model: start the training with a model")
        return model

    recipe.start(Training(task, random.Random(seed), current_model, **how))
    return recipe


@dataclass(frozen=True, slots=True)
class Ground:
    """Rows, and a tiny BERT with random weights in memory."""

    task: Task
    examples: Sequence[Example]
    model: Any
    tokenizer: Any
    head: Any
    filling: Any

    def batch(self, examples: Sequence[Example]) -> dict[str, Any]:
        """Rows as one batch, with labels."""
        columns = self.head.targets(examples, self.task)
        batch: dict[str, Any] = self.head.collate(columns, range(len(columns["input_ids"])), self.filling, "cpu")
        return batch


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A training at the end of its first epoch."""

    weights: Mapping[str, Any]
    state: Mapping[str, Any]
    """Of the recipe."""
    drawn: Any
    """State of the recipe's generator."""
    tensors: Any
    """State of torch's generator."""


@dataclass(slots=True)
class Passed:
    """What a training of two epochs came to."""

    rows: list[list[Example]] = field(default_factory=list)
    """Of each epoch."""
    losses: list[Any] = field(default_factory=list)
    weights: dict[str, Any] = field(default_factory=dict)
    snapshot: Snapshot | None = None


def ground(task: Task, examples: Sequence[Example]) -> Ground:
    """A tiny model of the task, and its tokenizer."""
    import torch
    from transformers import BertConfig

    kind = heads.of(task.head, task=task.name)
    tokenizer = _tokenizer(examples)
    labels = dict(enumerate(task.labels))
    named: dict[str, Any] = (
        {"id2label": labels, "label2id": {label: index for index, label in labels.items()}} if labels else {}
    )
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=2 * LENGTH,
        **named,
        **kind.config,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = auto_class(kind.architecture).from_config(config)
    filling = hugging_face.wrap(model, tokenizer, name="tiny", max_length=LENGTH).filling
    head = kind(tokenizer, name="tiny", max_length=LENGTH, labels=task.labels)
    return Ground(task, examples, model, tokenizer, head, filling)


def _tokenizer(examples: Sequence[Example]) -> Any:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = {word for example in examples for value in example.inputs.values() for word in value.lower().split()}
    pieces = dict.fromkeys((*SPECIAL, *LETTERS, *(f"##{letter}" for letter in LETTERS), *sorted(words)))
    places = {piece: place for place, piece in enumerate(pieces)}
    spelling = Tokenizer(models.WordPiece(places, unk_token="[UNK]"))
    spelling.normalizer = normalizers.BertNormalizer(lowercase=True)
    spelling.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    spelling.post_processor = processors.BertProcessing(("[SEP]", places["[SEP]"]), ("[CLS]", places["[CLS]"]))
    named = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), SPECIAL, strict=True))
    return PreTrainedTokenizerFast(tokenizer_object=spelling, model_max_length=LENGTH, **named)


def passed(ground: Ground, recipe: Recipe, *, seed: int = 3, after: Snapshot | None = None) -> Passed:
    """Train for two epochs by a recipe and plain gradient descent.

    ``after``: the first epoch of the same training; then the second follows alone.
    """
    import torch

    outcome, rng = Passed(), random.Random(seed)
    trained = [copy.deepcopy(ground.model)]

    def current_model() -> Model:
        return hugging_face.wrap(trained[0], ground.tokenizer, name="training", max_length=LENGTH, settled=True)

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        recipe.start(
            Training(
                ground.task,
                rng,
                current_model,
                earlier=(ground.examples,),
                known_labels=len(ground.task.labels),
                batch=ground.batch,
            )
        )
        try:
            trained[0] = model = recipe.prepare(trained[0])
            if after is not None:
                model.load_state_dict(after.weights)
                recipe.load_state(_kept(after.state))
                rng.setstate(after.drawn)
                torch.set_rng_state(after.tensors)
            for epoch in (0, 1) if after is None else (1,):
                _epoch(ground, recipe, model, epoch, outcome)
                if epoch == 0:
                    state = _kept(recipe.state())
                    outcome.snapshot = Snapshot(_kept(model.state_dict()), state, rng.getstate(), torch.get_rng_state())
            outcome.weights = _kept(recipe.finish(model).state_dict())
        finally:
            recipe.release()
    return outcome


def _epoch(ground: Ground, recipe: Recipe, model: Any, epoch: int, outcome: Passed) -> None:
    import torch

    rows = recipe.examples(ground.examples, epoch)
    outcome.rows.append(list(rows))
    columns = ground.head.targets(rows, ground.task)
    optimizer = torch.optim.SGD([each for each in model.parameters() if each.requires_grad], lr=RATE)
    model.train()
    count = len(columns["input_ids"])
    for step, start in enumerate(range(0, count, BATCH)):
        batch = ground.head.collate(columns, range(start, min(start + BATCH, count)), ground.filling, "cpu")
        outcome.losses.append(recipe.backward(model, batch, step))
        optimizer.step()
        optimizer.zero_grad()
        recipe.stepped(model)


def _kept(tensors: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.detach().clone() for name, value in tensors.items()}


def alike(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """Whether two mappings hold the same tensors, bit for bit."""
    return first.keys() == second.keys() and all(_bits(first[name], second[name]) for name in first)


def _bits(first: Any, second: Any) -> bool:
    return first.shape == second.shape and first.dtype == second.dtype and bool((first == second).all())


def finite(losses: Iterable[Any]) -> bool:
    """Whether every loss is a finite number."""
    return all(isinstance(loss, float) and math.isfinite(loss) for loss in losses)
