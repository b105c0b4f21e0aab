"""What is kept of a training: how far it has come, so that it survives its process, and its finished weights."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from auditor.errors import one_line
from auditor.storage import user_cache
from auditor.training.resume import tensors as state
from auditor.training.resume.rng_state import Generators, Python
from auditor.training.settings import Trained

INTERVAL = 30.0
"""Seconds between two writes, at least."""
TIMES = 20
"""A write is followed by at least so many times its own length of training: it costs less than 5 % of the time."""
RUNNING, FINISHED = "running.safetensors", "finished.safetensors"
FORMAT = "3"
"""Of the files; another one is not read."""
Content = TypeVar("Content")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a training has to say for itself so far."""

    steps: int
    history: list[dict[str, float]]
    best_epoch: int | None
    work: int
    warning: str = ""

    @classmethod
    def of(cls, trained: Trained) -> Outcome:
        return cls(**{one.name: getattr(trained, one.name) for one in fields(cls)})

    def give(self, trained: Trained) -> None:
        """Put it where it was taken from."""
        for one in fields(self):
            setattr(trained, one.name, getattr(self, one.name))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a training stands, right after a step of its optimiser; the tensors stand beside it."""

    outcome: Outcome
    total: int
    """Steps in all."""
    epoch: int
    batches: int
    """Batches done in this epoch."""
    loss: float
    """Sum over them."""
    best_score: float | None
    order: Python
    """The generator of the order of batches, at the beginning of the epoch."""
    begun: Generators
    """The global generators at the beginning of the epoch, before its examples were made."""
    now: Generators
    scaler: dict[str, int | float] | None
    """Of the gradients, with fp16."""


@functools.cache
def say_once(line: str) -> None:
    """A line on standard error, once in a process: a probe trains dozens of models."""
    print(line, file=sys.stderr, flush=True)


class Keeper:
    """Keeps one training in a folder of its own. Nothing here ends a training: what cannot be kept is not kept.

    ``interval`` and ``times``: seconds, and multiples of the last write's length, that have to pass before the next.
    """

    def __init__(
        self,
        folder: Path,
        key: str,
        *,
        interval: float = INTERVAL,
        times: int = TIMES,
        say: Callable[[str], None] = say_once,
    ) -> None:
        self.folder, self.key = folder, key
        self._interval, self._times, self._say = interval, times, say
        self._last, self._cost = time.monotonic(), 0.0
        self._on = True

    def due(self) -> bool:
        """Whether it is time to write again."""
        waited = time.monotonic() - self._last
        return self._on and waited >= max(self._interval, self._times * self._cost)

    def write(self, place: Place, tensors: state.Tensors) -> None:
        """Put this place where the last one was, once it is whole."""
        began = time.monotonic()
        self._store(RUNNING, asdict(place), tensors)
        self._last = time.monotonic()
        self._cost = self._last - began

    def read(self) -> tuple[Place, dict[str, Any]] | None:
        """The place that was kept last; None where there is none that can be read and belongs to this training."""
        return self._fetch(RUNNING, Place)

    def finish(self, outcome: Outcome, tensors: state.Tensors) -> None:
        """Keep the finished weights, and no longer how they came about."""
        if self._store(FINISHED, asdict(outcome), tensors):
            with contextlib.suppress(OSError):
                for file in self.folder.iterdir():
                    if file.name != FINISHED:
                        file.unlink()

    def finished(self) -> tuple[Outcome, dict[str, Any]] | None:
        """The finished weights; None where there are none that can be read and belong to this training."""
        return self._fetch(FINISHED, Outcome)

    def discard(self) -> None:
        """Forget all that is kept; whatever cannot be removed is not read again by this keeper either."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._on = self._on and not os.path.exists(self.folder)  # noqa: PTH110 - it raises nothing

    def _store(self, name: str, content: dict[str, Any], tensors: state.Tensors) -> bool:
        from safetensors import SafetensorError
        from safetensors.torch import save_file

        if not self._on:
            return False
        head = {"format": FORMAT, "key": self.key, "content": json.dumps(content)}
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle, unfinished = tempfile.mkstemp(prefix=".", dir=self.folder)
            os.close(handle)
            try:
                save_file(state.on_disk(tensors), unfinished, metadata=head)
                # Else a machine that loses its power may keep the new name and not the new content.
                with Path(unfinished).open("r+b") as file:
                    os.fsync(file.fileno())
                Path(unfinished).replace(self.folder / name)
            finally:
                Path(unfinished).unlink(missing_ok=True)
        except (OSError, SafetensorError) as error:
            self._on = False
            reason = (isinstance(error, OSError) and error.strerror) or str(error)
            self._say(one_line(f"{self.folder.parent}: cannot be written: {reason}; trainings are not kept"))
            return False
        return True

    def _fetch(self, name: str, kind: type[Content]) -> tuple[Content, dict[str, Any]] | None:
        from safetensors import SafetensorError, safe_open

        path = self.folder / name
        try:
            if not self._on or not path.is_file():
                return None
            with safe_open(path, framework="pt") as file:
                head = file.metadata() or {}
                if (head.get("format"), head.get("key")) != (FORMAT, self.key):
                    return None
                content = TypeAdapter(kind).validate_json(head.get("content", ""))
                # Copies: what torch is given here is the file itself, and it writes to its optimiser's moments.
                tensors = {one: file.get_tensor(one).clone() for one in file.keys()}  # noqa: SIM118 - not a mapping
        except (OSError, SafetensorError, ValidationError):
            return None
        user_cache.touch(self.folder)
        return content, tensors


def finished(trained: Trained) -> tuple[Outcome, dict[str, Any]]:
    """What a keeper keeps of a finished training."""
    return Outcome.of(trained), state.of_model(trained.model)


def keeper(key: str) -> Keeper:
    """The keeper of the training of this key, in the cache's folder; trainings long unused make room there."""
    fits = user_cache.folder() / user_cache.FITS
    user_cache.touch(fits / key)
    user_cache.prune(fits, user_cache.LIMIT_BYTES, in_use=key)
    return Keeper(fits / key, key)
