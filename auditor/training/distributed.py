"""Training in several processes (``accelerate launch``).

Each process takes a part of every batch. A recipe may run the model several times per batch and compute gradients in
between, which torch's wrapper does not support: it averages during a single backward pass. This module averages the
gradients once, before the optimiser's step, so all processes hold the same weights throughout. Only the first process
writes files.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any


def count() -> int:
    """Return the number of processes: 1 without a launcher."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_first() -> bool:
    """Return whether this is the first process, the one that writes."""
    return int(os.environ.get("RANK", "0")) == 0


def device(name: str) -> str:
    """Return this process's device: with several GPUs, its own."""
    return f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if count() > 1 and name == "cuda" else name


def prepared(accelerator: Any, model: Any, optimizer: Any) -> tuple[Any, Any]:
    """Return model and optimiser as accelerate prepares them.

    The model does not get torch's wrapper for several processes.
    """
    if accelerator.num_processes == 1:
        both: tuple[Any, Any] = accelerator.prepare(model, optimizer)
        return both
    return accelerator.prepare_model(model, evaluation_mode=True), accelerator.prepare_optimizer(optimizer)


def share(accelerator: Any, indices: Sequence[int], labels: Sequence[int]) -> tuple[Sequence[int], float]:
    """Return this process's part of a batch and its loss's weight.

    The mean over the processes of the weighted mean losses is the batch's mean loss. ``labels`` holds the number of
    labels of each row: one, or one per word; a loss is the mean over labels. When a batch has fewer rows than there are
    processes, the last processes get a row of weight 0.
    """
    if accelerator.num_processes == 1:
        return indices, 1.0
    own = indices[accelerator.process_index :: accelerator.num_processes]
    own_labels, all_labels = (sum(labels[index] for index in rows) for rows in (own, indices))
    return own or indices[:1], own_labels * accelerator.num_processes / all_labels


def mean(accelerator: Any, value: float, weight: float) -> float:
    """Return the weighted mean over all processes.

    Every process gets the same value, including one that is not finite.
    """
    import torch

    if accelerator.num_processes == 1:
        return value
    weighted = torch.tensor(value * weight if weight else 0.0, dtype=torch.float64, device=accelerator.device)
    return float(accelerator.reduce(weighted, reduction="mean"))


def average_gradients(accelerator: Any, parameters: Iterable[Any]) -> None:
    """Replace every parameter's gradient by its mean over the processes."""
    if accelerator.num_processes == 1:
        return
    for parameter in parameters:
        if parameter.grad is not None:
            parameter.grad = accelerator.reduce(parameter.grad, reduction="mean")


def begin(device: str) -> None:
    """Connect the processes; do nothing without a launcher."""
    from accelerate import PartialState

    if count() > 1:
        PartialState(cpu=device == "cpu")


def wait() -> None:
    """Wait until every process has reached this call."""
    import torch

    if count() > 1:
        torch.distributed.barrier()
