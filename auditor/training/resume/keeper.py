"""Storage of a training's progress and of its finished weights."""

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
"""Minimum seconds between two writes."""
TIMES = 20
"""Minimum time between two writes, in durations of the last write: writing takes less than 5 % of the time."""
RUNNING, FINISHED = "running.safetensors", "finished.safetensors"
FORMAT = "3"
"""Version of the files' format; files of another version are ignored."""
Content = TypeVar("Content")


@dataclass(frozen=True, slots=True)
class Outcome:
    """The results of a training so far, apart from its weights."""

    steps: int
    history: list[dict[str, float]]
    best_epoch: int | None
    work: int
    warning: str = ""

    @classmethod
    def of(cls, trained: Trained) -> Outcome:
        """Copy the results from ``trained``."""
        return cls(**{field.name: getattr(trained, field.name) for field in fields(cls)})

    def give(self, trained: Trained) -> None:
        """Copy the results back to ``trained``."""
        for field in fields(self):
            setattr(trained, field.name, getattr(self, field.name))


@dataclass(frozen=True, slots=True)
class Place:
    """The state of a training after an optimiser step, apart from tensors."""

    outcome: Outcome
    total: int
    """Total number of steps."""
    epoch: int
    batches: int
    """Completed batches of this epoch."""
    loss: float
    """Sum of the completed batches' losses."""
    best_score: float | None
    order: Python
    """State, at the beginning of the epoch, of the generator that orders the batches."""
    begun: Generators
    """The global generators at the beginning of the epoch, before the recipe made its examples."""
    now: Generators
    scaler: dict[str, int | float] | None
    """State of the gradient scaler with fp16."""


@functools.cache
def say_once(line: str) -> None:
    """Print a line on standard error, only once per process.

    A probe trains dozens of models, which would all print the same line.
    """
    print(line, file=sys.stderr, flush=True)


class Keeper:
    """Storage of one training in its own folder.

    A failure to store never stops the training: ``say`` reports it, and nothing more is stored. The next write is due
    after ``interval`` seconds, and after ``times`` times the duration of the last write.
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
        """Return whether it is time to write again."""
        waited = time.monotonic() - self._last
        return self._on and waited >= max(self._interval, self._times * self._cost)

    def write(self, place: Place, tensors: state.Tensors) -> None:
        """Replace the stored place atomically."""
        began = time.monotonic()
        self._store(RUNNING, asdict(place), tensors)
        self._last = time.monotonic()
        self._cost = self._last - began

    def read(self) -> tuple[Place, dict[str, Any]] | None:
        """Return the stored place and its tensors.

        Returns None where no file exists that is readable and belongs to this training.
        """
        return self._fetch(RUNNING, Place)

    def finish(self, outcome: Outcome, tensors: state.Tensors) -> None:
        """Store the finished weights, and delete the stored progress."""
        if self._store(FINISHED, asdict(outcome), tensors):
            with contextlib.suppress(OSError):
                for file in self.folder.iterdir():
                    if file.name != FINISHED:
                        file.unlink()

    def finished(self) -> tuple[Outcome, dict[str, Any]] | None:
        """Return the outcome and the finished weights.

        Returns None where no file exists that is readable and belongs to this training.
        """
        return self._fetch(FINISHED, Outcome)

    def discard(self) -> None:
        """Delete everything stored.

        If files cannot be deleted, this keeper does not read them again either.
        """
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
                # Otherwise, after a power failure, the file may have its new name without its new content.
                with Path(unfinished).open("r+b") as file:
                    os.fsync(file.fileno())
                Path(unfinished).replace(self.folder / name)
            finally:
                Path(unfinished).unlink(missing_ok=True)
        except (OSError, SafetensorError) as error:
            self._on = False
            reason = (isinstance(error, OSError) and error.strerror) or str(error)
            self._say(one_line(f"{self.folder.parent}: cannot be written: {reason}; trainings cannot be resumed"))
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
                # Copies: these tensors are the mapped file itself, and the optimiser writes to its moments.
                tensors = {key: file.get_tensor(key).clone() for key in file.keys()}  # noqa: SIM118 - not a mapping
        except (OSError, SafetensorError, ValidationError):
            return None
        user_cache.touch(self.folder)
        return content, tensors


def finished(trained: Trained) -> tuple[Outcome, dict[str, Any]]:
    """Return the parts of a finished training to store: outcome and weights."""
    return Outcome.of(trained), state.of_model(trained.model)


def keeper(key: str) -> Keeper:
    """Return the keeper of the training with this key.

    The keeper stores it in the user's cache. When the cache is full, the longest unused trainings are deleted.
    """
    fits = user_cache.folder() / user_cache.FITS
    user_cache.touch(fits / key)
    user_cache.prune(fits, user_cache.LIMIT_BYTES, in_use=key)
    return Keeper(fits / key, key)
