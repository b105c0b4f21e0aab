"""What an audit or a training computes, and where."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from gpu.agreeing import beside, runners_up


@dataclass(slots=True)
class Seen:
    """What was computed, and the kinds of device that held weights and batches."""

    answers: list[tuple[str, Any, Any]] = field(default_factory=list)
    """(checkpoint, text as encoded, answer), extracted answers with their runners-up."""
    numbers: dict[tuple[str, str, str], Any] = field(default_factory=dict)
    """(checkpoint, logits or embedding, key of the text) → its numbers."""
    weights: set[str] = field(default_factory=set)
    batches: set[str] = field(default_factory=set)
    seconds: float = 0.0
    """Within the model, from encoded texts to answers."""

    def on(self, kind: str) -> bool:
        """Whether everything was on this kind of device alone."""
        return self.weights == self.batches == {kind}

    @property
    def where(self) -> str:
        return f"weights on {_listed(self.weights)}, batches on {_listed(self.batches)}"


def _listed(kinds: set[str]) -> str:
    return " and ".join(sorted(kinds)) or "nothing"


@contextlib.contextmanager
def auditing() -> Iterator[Seen]:
    """Whatever models answer inside, and where: each forward pass of each model is seen."""
    from auditor.models.hugging_face import HuggingFaceModel
    from auditor.models.text_model import TextModel

    seen, original, created = Seen(), TextModel.run, HuggingFaceModel.__init__

    def passed(module: Any, _positional: Any, named: dict[str, Any]) -> None:
        seen.weights.update(one.device.type for one in module.parameters())
        seen.batches.update(one.device.type for one in named.values() if hasattr(one, "device"))

    def create(model: Any, *positional: Any, **named: Any) -> None:
        created(model, *positional, **named)
        model.module.register_forward_pre_hook(passed, with_kwargs=True)

    def run(model: TextModel, batch: Sequence[Any]) -> list[Any]:
        before, began = len(seconds), time.perf_counter()
        found = original(model, batch)
        seen.seconds += time.perf_counter() - began
        told = beside(found, seconds[before:])
        seen.answers.extend((model.name, one, answer) for one, answer in zip(batch, told, strict=True))
        return found

    with (
        runners_up() as seconds,
        mock.patch.object(TextModel, "run", run),
        mock.patch.object(HuggingFaceModel, "__init__", create),
        _numbers(seen, HuggingFaceModel, "label_logits"),
        _numbers(seen, HuggingFaceModel, "embed"),
    ):
        yield seen


@contextlib.contextmanager
def _numbers(seen: Seen, kind: Any, name: str) -> Iterator[None]:
    original = getattr(kind, name)

    def told(model: Any, batch: Sequence[Any]) -> Any:
        rows = original(model, batch)
        if rows is not None:
            seen.numbers.update(((model.name, name, one.key), row) for one, row in zip(batch, rows, strict=True))
        return rows

    with mock.patch.object(kind, name, told):
        yield


@contextlib.contextmanager
def training() -> Iterator[Seen]:
    """Where the weights are that an optimiser gets, and every batch that is trained on."""
    from auditor.models.heads.base import Head
    from auditor.training.optimizer import optimizer

    seen, collate = Seen(), Head.collate

    def collated(head: Any, *given: Any) -> dict[str, Any]:
        batch = collate(head, *given)
        seen.batches.update(one.device.type for one in batch.values())
        return batch

    def optimizing(model: Any, settings: Any) -> Any:
        seen.weights.update(one.device.type for one in model.parameters())
        return optimizer(model, settings)

    with mock.patch.object(Head, "collate", collated), mock.patch("auditor.training.loop.optimizer", optimizing):
        yield seen
