"""One checkpoint on several devices of one machine: as many batches at once."""

from __future__ import annotations

import queue
from collections.abc import Callable, Sequence

from auditor.errors import ModelError
from auditor.types import Encoded, Model, Request, Response


class Replicas:
    """Equal models, one a device. ``run`` takes whichever is free and may be called from ``workers`` threads.

    A batch of the plan is the unit of work, so answers do not depend on which device gave them, the devices being of
    one kind. Raises ModelError for devices of different kinds.
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
        return len(self._models)

    @property
    def name(self) -> str:
        return self._models[0].name

    @property
    def labels(self) -> tuple[str, ...]:
        return self._models[0].labels

    @property
    def fingerprint(self) -> str:
        return self._models[0].fingerprint

    @property
    def notes(self) -> tuple[str, ...]:
        return self._models[0].notes

    @property
    def numerics(self) -> str:
        return self._models[0].numerics

    @property
    def device_kind(self) -> str:
        return self._models[0].device_kind

    @property
    def accepts(self) -> frozenset[type[Request]]:
        return self._models[0].accepts

    def encode(self, requests: Sequence[Request]) -> list[Encoded]:
        return self._models[0].encode(requests)

    def run(self, batch: Sequence[Encoded]) -> list[Response]:
        model = self._free.get()
        try:
            return model.run(batch)
        finally:
            self._free.put(model)

    def reload(self) -> Model:
        return Replicas([model.reload() for model in self._models])


def on_each(devices: Sequence[str], load: Callable[[str], Model]) -> Model:
    """The model on its one device, or its replicas on several. Raises ModelError."""
    twice = next((name for name in devices if list(devices).count(name) > 1), None)
    if twice is not None:
        raise ModelError(f"device {twice!r} is named twice")
    models = [load(device) for device in devices]
    return models[0] if len(models) == 1 else Replicas(models)
