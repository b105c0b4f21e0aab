"""Several processes of one training (``accelerate launch``): each takes a part of every batch, gradients are averaged.

Recipes run a model several times for a batch, and ask it for gradients in between: torch's wrapper, which averages while
one backward pass runs, does not serve them. Gradients are averaged once, before the optimiser's step; all processes hold
the same weights throughout. Only the first writes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any


def count() -> int:
    """How many there are; 1 without a launcher."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_first() -> bool:
    return int(os.environ.get("RANK", "0")) == 0


def device(name: str) -> str:
    """The device of this process: of several GPUs its own."""
    return f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if count() > 1 and name == "cuda" else name


def prepared(accelerator: Any, model: Any, optimizer: Any) -> tuple[Any, Any]:
    """Model and optimiser as accelerate has them, the model without torch's wrapper for several processes."""
    if accelerator.num_processes == 1:
        found: tuple[Any, Any] = accelerator.prepare(model, optimizer)
        return found
    return accelerator.prepare_model(model, evaluation_mode=True), accelerator.prepare_optimizer(optimizer)


def share(accelerator: Any, indices: Sequence[int], labels: Sequence[int]) -> tuple[Sequence[int], float]:
    """This process's part of a batch, and the weight of its mean loss among those of all: their mean is the batch's.

    ``labels``: how many each row has, one or those of its words: a loss is their mean. A batch of fewer rows than there are
    processes gives the last ones a row that weighs nothing.
    """
    if accelerator.num_processes == 1:
        return indices, 1.0
    own = indices[accelerator.process_index :: accelerator.num_processes]
    held, every = (sum(labels[index] for index in some) for some in (own, indices))
    return own or indices[:1], held * accelerator.num_processes / every


def mean(accelerator: Any, value: float, weight: float) -> float:
    """The mean over processes, weighted: all of them see the same, also what is not finite."""
    import torch

    if accelerator.num_processes == 1:
        return value
    held = torch.tensor(value * weight if weight else 0.0, dtype=torch.float64, device=accelerator.device)
    return float(accelerator.reduce(held, reduction="mean"))


def average_gradients(accelerator: Any, parameters: Iterable[Any]) -> None:
    """Every parameter's gradient becomes the mean over the processes'."""
    if accelerator.num_processes == 1:
        return
    for parameter in parameters:
        if parameter.grad is not None:
            parameter.grad = accelerator.reduce(parameter.grad, reduction="mean")


def begin(device: str) -> None:
    """Connect them; nothing without a launcher."""
    from accelerate import PartialState

    if count() > 1:
        PartialState(cpu=device == "cpu")


def wait() -> None:
    """Until all are here."""
    import torch

    if count() > 1:
        torch.distributed.barrier()
