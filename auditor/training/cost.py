"""The cost of a training: time, steps per second and memory.

Costs vary from run to run, so ``costs.json`` holds them beside the checkpoints, apart from the reproducible records.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from auditor.models.padding import embedding_table
from auditor.training.settings import Trained
from auditor.types import Progress

NAME = "costs.json"
_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of one training on one machine."""

    seconds: float
    """From the base on disk to the trained model; for a resumed training, extrapolated from its last part's speed."""
    steps_per_second: float
    peak_bytes: int | None
    """Peak memory in bytes above what the process held before: the device's own memory, or on a CPU under Linux the
    resident memory, including freed blocks that the C library keeps. None if it was not measured."""


class Meter:
    """A progress display that also counts steps and measures their cost."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.steps = 0
        self.cost = Cost(0.0, 0.0, None)

    def start(self, what: str, total: int | None = None) -> None:
        """Pass the start on."""
        self._progress.start(what, total)

    def advance(self, amount: int = 1) -> None:
        """Count the steps and pass them on."""
        self.steps += amount
        self._progress.advance(amount)

    def finish(self, note: str = "") -> None:
        """Pass the end on."""
        self._progress.finish(note)

    @contextlib.contextmanager
    def measured(self, device: str) -> Iterator[None]:
        """Measure the body and store the result in ``cost``.

        ``device`` is a name such as ``cuda:0``.
        """
        before = _started(device)
        began = time.perf_counter()
        yield
        seconds = max(time.perf_counter() - began, 1e-9)
        self.cost = Cost(seconds, self.steps / seconds, _peak(device, before))

    def of(self, steps: int) -> Cost:
        """Return the cost of ``steps`` steps at the measured speed."""
        if not self.steps or steps == self.steps:
            return self.cost
        return Cost(steps / self.cost.steps_per_second, self.cost.steps_per_second, self.cost.peak_bytes)


def _started(device: str) -> int | None:
    """Reset the peak memory, and return the bytes held now.

    Returns None where the peak cannot be measured.
    """
    import torch

    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats(device)
        return int(torch.cuda.memory_allocated(device))
    if device != "cpu":
        return None
    with contextlib.suppress(OSError, AttributeError):
        # Otherwise this training would reuse blocks that an earlier one freed, and the peak would not show them.
        ctypes.CDLL(None).malloc_trim(0)
    try:
        _RESET.write_text("5", encoding="ascii")
    except OSError:
        return None
    return _resident("VmRSS")


def _peak(device: str, before: int | None) -> int | None:
    import torch

    if before is None:
        return None
    highest = torch.cuda.max_memory_allocated(device) if device.startswith("cuda") else _resident("VmHWM")
    return None if highest is None else max(int(highest) - before, 0)


def _resident(name: str) -> int | None:
    """Return the bytes of a status line such as ``VmHWM:  123 kB``."""
    try:
        lines = _STATUS.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), None)


@contextlib.contextmanager
def counted(trained: Trained) -> Iterator[None]:
    """Count the tokens that pass through the model inside as its work.

    Tokens that pass through a recipe's copy of the model count too. A hook on the embedding table counts them, because
    adapters call a wrapped model's ``forward`` and bypass its hooks. A model without such a table (CANINE) counts its
    own inputs.
    """
    import torch

    table = embedding_table(trained.model)

    def count(_module: Any, positional: tuple[Any, ...], named: dict[str, Any], _output: Any) -> None:
        ids = positional[0] if positional else named["input_ids"]
        if ids.dim() == 2:  # a batch; virtual tokens are first looked up on their own, with another shape
            tokens = int(ids.numel()) + len(ids) * trained.virtual_tokens
            trained.work += tokens * (3 if torch.is_grad_enabled() else 1)

    handle = (trained.model if table is None else table).register_forward_hook(count, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()


def write(folder: Path, name: str, cost: Cost) -> None:
    """Store the cost of the checkpoint ``name`` in its folder's ``costs.json``.

    A file that cannot be written is not an error: the cost is then not kept.
    """
    costs = {**read(folder), name: cost}
    content = {checkpoint: asdict(costs[checkpoint]) for checkpoint in sorted(costs) if (folder / checkpoint).is_dir()}
    temporary = folder / f".{NAME}"
    with contextlib.suppress(OSError):
        temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        temporary.replace(folder / NAME)


def read(folder: Path) -> dict[str, Cost]:
    """Return the known costs of the folder's checkpoints by name.

    An absent or unreadable ``costs.json`` gives an empty mapping.
    """
    try:
        return TypeAdapter(dict[str, Cost]).validate_json((folder / NAME).read_bytes())
    except (OSError, ValidationError):
        return {}
