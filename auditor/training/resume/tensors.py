"""Conversion between a training's state and tensors by name."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

Tensors = Mapping[str, Any]
"""Name → tensor."""
MODEL, BEST, OPTIMIZER, RECIPE = "model/", "best/", "optimizer/", "recipe/"
BROKEN = (RuntimeError, ValueError, TypeError, LookupError, OverflowError)
"""Exceptions of torch, numpy and Python for an invalid state."""


class UnusableError(Exception):
    """The stored state does not fit the training, which must start again."""


def of_model(model: Any) -> dict[str, Any]:
    """Return the weights by name."""
    return {f"{MODEL}{name}": value for name, value in model.state_dict().items()}


def of_training(model: Any, optimizer: Any, best: Tensors | None, recipe: Tensors) -> dict[str, Any]:
    """Return everything that a training has to store as tensors.

    They are the weights, the optimiser's moments and step counts, the best weights if there are any, and the recipe's
    state.
    """
    tensors = of_model(model)
    for index, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"{OPTIMIZER}{index}/{name}": value for name, value in moments.items() if value is not None}
    tensors |= {f"{RECIPE}{name}": value for name, value in recipe.items()}
    return tensors | {f"{BEST}{name}": value for name, value in (best or {}).items()}


def part(tensors: Tensors, prefix: str) -> dict[str, Any]:
    """Return the tensors whose names start with ``prefix``, without the prefix."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


@contextlib.contextmanager
def usable() -> Iterator[None]:
    """Convert a library's exception for an invalid state to an UnusableError.

    Part of the state may already be restored by then.
    """
    try:
        yield
    except BROKEN as error:
        raise UnusableError(str(error)) from None


def put_model(model: Any, tensors: Tensors) -> None:
    """Load the weights into the model."""
    model.load_state_dict(part(tensors, MODEL))


def put_optimizer(optimizer: Any, tensors: Tensors) -> None:
    """Load the moments into the optimiser; its groups stay unchanged."""
    moments: dict[int, dict[str, Any]] = {}
    for name, value in part(tensors, OPTIMIZER).items():
        index, _, kind = name.partition("/")
        moments.setdefault(int(index), {})[kind] = value
    optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})


def on_disk(tensors: Tensors) -> dict[str, Any]:
    """Return the tensors in the form that safetensors needs.

    They are on the CPU, contiguous, and share no memory. Tensors are copied only where necessary, because a second copy
    of a large model may not fit in memory.
    """
    seen: set[int] = set()
    storable = {}
    for name, value in tensors.items():
        flat = value.detach().cpu().contiguous()
        place = flat.untyped_storage().data_ptr()
        storable[name] = flat.clone() if place in seen else flat
        seen.add(place)
    return storable
