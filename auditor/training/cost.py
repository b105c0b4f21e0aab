"""What a training took: time, steps a second, memory. Kept beside the checkpoints, apart from what is repeatable."""

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
    """Of one training, on one machine."""

    seconds: float
    """From the base on disk to the trained model; of an interrupted training, at the speed of its last part."""
    steps_per_second: float
    peak_bytes: int | None
    """Largest memory above what the process held before: the device's own, or resident memory on a CPU under Linux, with
    what the C library keeps of freed blocks; None: not measured."""


class Meter:
    """Progress that is passed on, and counted."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.steps = 0
        self.cost = Cost(0.0, 0.0, None)

    def start(self, what: str, total: int | None = None) -> None:
        self._progress.start(what, total)

    def advance(self, amount: int = 1) -> None:
        self.steps += amount
        self._progress.advance(amount)

    def finish(self, note: str = "") -> None:
        self._progress.finish(note)

    @contextlib.contextmanager
    def measured(self, device: str) -> Iterator[None]:
        """Measures what happens inside; ``cost`` afterwards. ``device``: such as ``cuda:0``."""
        before = _started(device)
        began = time.perf_counter()
        yield
        seconds = max(time.perf_counter() - began, 1e-9)
        self.cost = Cost(seconds, self.steps / seconds, _peak(device, before))

    def of(self, steps: int) -> Cost:
        """The cost of so many steps at the measured speed."""
        if not self.steps or steps == self.steps:
            return self.cost
        return Cost(steps / self.cost.steps_per_second, self.cost.steps_per_second, self.cost.peak_bytes)


def _started(device: str) -> int | None:
    """Bytes held now; the highest mark is set back to them where the system allows it."""
    import torch

    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats(device)
        return int(torch.cuda.memory_allocated(device))
    if device != "cpu":
        return None
    with contextlib.suppress(OSError, AttributeError):
        # Else what an earlier training freed would be used again, and not show.
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
    """Bytes, of a line such as ``VmHWM:  123 kB``."""
    try:
        lines = _STATUS.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), None)


@contextlib.contextmanager
def counted(trained: Trained) -> Iterator[None]:
    """Inside, tokens that go through the model, or through a copy that a recipe makes of it, are its work.

    They are counted where ids become embeddings: adapters call a wrapped model's ``forward`` past its own hooks. A model
    without such a table (CANINE) counts them as they come in.
    """
    import torch

    table = embedding_table(trained.model)

    def count(_module: Any, given: tuple[Any, ...], named: dict[str, Any], _found: Any) -> None:
        ids = given[0] if given else named["input_ids"]
        if ids.dim() == 2:  # a batch; virtual tokens begin by a look-up of their own
            tokens = int(ids.numel()) + len(ids) * trained.virtual_tokens
            trained.work += tokens * (3 if torch.is_grad_enabled() else 1)

    handle = (trained.model if table is None else table).register_forward_hook(count, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()


def write(folder: Path, name: str, cost: Cost) -> None:
    """Note the cost of the checkpoint ``name`` in its folder's ``costs.json``; one that cannot be written goes without."""
    found = {**read(folder), name: cost}
    content = {one: asdict(found[one]) for one in sorted(found) if (folder / one).is_dir()}
    beside = folder / f".{NAME}"
    with contextlib.suppress(OSError):
        beside.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        beside.replace(folder / NAME)


def read(folder: Path) -> dict[str, Cost]:
    """Checkpoint → its cost, of those in the folder whose cost was kept."""
    try:
        return TypeAdapter(dict[str, Cost]).validate_json((folder / NAME).read_bytes())
    except (OSError, ValidationError):
        return {}
