"""One checkpoint on several devices, one batch on each at a time."""

from __future__ import annotations

import queue
from collections.abc import Callable, Sequence

from auditor.errors import ModelError
from auditor.types import (
    Attributes,
    Embeds,
    Encoded,
    FloatArray,
    KnowsWords,
    Model,
    Pads,
    Request,
    Response,
    TellsLogits,
    TokenWeight,
    Weighs,
)


class Replicas:
    """Copies of one model, one per device.

    ``run`` uses whichever is free and may be called from ``workers`` threads. A batch of the plan is the unit of work,
    so the answers do not depend on which device gave them, as long as all devices are of one kind. Raises ModelError
    for devices of different kinds.
    """

    def __init__(self, models: Sequence[Model]) -> None:
        kinds = {model.numerics for model in models}
        if len(kinds) != 1:
            hint = "answers would depend on which one gave them"
            raise ModelError(f"devices of different kinds: {'; '.join(sorted(kinds))}", hint=hint)
        self._models = tuple(models)
        self._free: queue.SimpleQueue[Model] = queue.SimpleQueue()
        for model in models:
            self._free.put(model)

    @property
    def workers(self) -> int:
        """The number of batches that may run together: one per device."""
        return len(self._models)

    @property
    def name(self) -> str:
        """The name of the model in results."""
        return self._models[0].name

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels in the order of the model's outputs."""
        return self._models[0].labels

    @property
    def fingerprint(self) -> str:
        """The fingerprint that all copies share."""
        return self._models[0].fingerprint

    @property
    def notes(self) -> tuple[str, ...]:
        """One-line remarks on how the checkpoint was loaded."""
        return self._models[0].notes

    @property
    def numerics(self) -> str:
        """Description of what determines the last bits of the answers."""
        return self._models[0].numerics

    @property
    def device_kind(self) -> str:
        """``cpu``, ``cuda`` or ``mps``."""
        return self._models[0].device_kind

    @property
    def parameters(self) -> int | None:
        """Number of one copy's parameters; None: not known."""
        model = self._models[0]
        return model.parameters if isinstance(model, Weighs) else None

    @property
    def weight_bytes(self) -> int | None:
        """Bytes that one copy's parameters take; None: not known."""
        model = self._models[0]
        return model.weight_bytes if isinstance(model, Weighs) else None

    @property
    def accepts(self) -> frozenset[type[Request]]:
        """The types of requests that the model answers."""
        return self._models[0].accepts

    def encode(self, requests: Sequence[Request]) -> list[Encoded]:
        """Return each request as the model's head encodes it."""
        return self._models[0].encode(requests)

    def vocabulary(self) -> Sequence[str]:
        """Return the words that are one token of the model."""
        model = self._models[0]
        return model.vocabulary() if isinstance(model, KnowsWords) else ()

    def similar_words(self, words: Sequence[str], n: int) -> list[Sequence[str]]:
        """Return the n nearest other words of each word, by the embeddings."""
        model = self._models[0]
        return model.similar_words(words, n) if isinstance(model, KnowsWords) else [() for _ in words]

    def integrated_gradients(self, request: Request, label: int, steps: int) -> Sequence[Sequence[TokenWeight]] | None:
        """Return the weights of each text's tokens, or None."""
        model = self._models[0]
        return model.integrated_gradients(request, label, steps) if isinstance(model, Attributes) else None

    def run(self, batch: Sequence[Encoded]) -> list[Response]:
        """Return the responses to a batch, from whichever copy is free."""
        model = self._free.get()
        try:
            return model.run(batch)
        finally:
            self._free.put(model)

    def embed(self, batch: Sequence[Encoded]) -> FloatArray | None:
        """Return the embeddings of a batch, from whichever copy is free."""
        model = self._free.get()
        try:
            return model.embed(batch) if isinstance(model, Embeds) else None
        finally:
            self._free.put(model)

    def label_logits(self, batch: Sequence[Encoded]) -> FloatArray | None:
        """Return the logits of a batch, from whichever copy is free."""
        model = self._free.get()
        try:
            return model.label_logits(batch) if isinstance(model, TellsLogits) else None
        finally:
            self._free.put(model)

    @property
    def padded_length(self) -> int:
        """The most tokens that a text can be padded to.

        It is 0 where the copies cannot be asked so.
        """
        first = self._models[0]
        return first.padded_length if isinstance(first, Pads) else 0

    def run_together(self, batch: Sequence[Encoded], *, length: int = 0) -> list[Response]:
        """Return a batch's responses in one pass of any free copy."""
        model = self._free.get()
        try:
            return model.run_together(batch, length=length) if isinstance(model, Pads) else model.run(batch)
        finally:
            self._free.put(model)

    def reload(self) -> Model:
        """Return new replicas, each loaded from disk again."""
        return Replicas([model.reload() for model in self._models])


def on_each(devices: Sequence[str], load: Callable[[str], Model]) -> Model:
    """Load the model on one device, or its replicas on several.

    Raises ModelError.
    """
    twice = next((name for name in devices if list(devices).count(name) > 1), None)
    if twice is not None:
        raise ModelError(f"device {twice!r} is named twice")
    models = [load(device) for device in devices]
    return models[0] if len(models) == 1 else Replicas(models)
