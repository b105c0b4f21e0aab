"""A training as tensors by name, and back: weights, the optimiser's moments, the best weights so far."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

Tensors = Mapping[str, Any]
"""Name → tensor."""
MODEL, BEST, OPTIMIZER, RECIPE = "model/", "best/", "optimizer/", "recipe/"
BROKEN = (RuntimeError, ValueError, TypeError, LookupError, OverflowError)
"""What torch, numpy and Python raise for a state that is not one of theirs."""


class UnusableError(Exception):
    """What was kept does not fit the training: it is begun anew."""


def of_model(model: Any) -> dict[str, Any]:
    """The weights by name."""
    return {f"{MODEL}{name}": value for name, value in model.state_dict().items()}


def of_training(model: Any, optimizer: Any, best: Tensors | None, recipe: Tensors) -> dict[str, Any]:
    """Weights, the optimiser's moments and step counts, the best weights if there are any, what the recipe keeps."""
    found = of_model(model)
    for index, moments in optimizer.state_dict()["state"].items():
        found |= {f"{OPTIMIZER}{index}/{name}": value for name, value in moments.items() if value is not None}
    found |= {f"{RECIPE}{name}": value for name, value in recipe.items()}
    return found | {f"{BEST}{name}": value for name, value in (best or {}).items()}


def part(tensors: Tensors, prefix: str) -> dict[str, Any]:
    """The tensors whose names begin so, under the rest of their names."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


@contextlib.contextmanager
def usable() -> Iterator[None]:
    """Whatever a library raises for a state that is not one of its own is an UnusableError; half of it may be in place."""
    try:
        yield
    except BROKEN as error:
        raise UnusableError(str(error)) from None


def put_model(model: Any, tensors: Tensors) -> None:
    """Give the model its weights."""
    model.load_state_dict(part(tensors, MODEL))


def put_optimizer(optimizer: Any, tensors: Tensors) -> None:
    """Give the optimiser its moments; its groups stay."""
    moments: dict[int, dict[str, Any]] = {}
    for name, value in part(tensors, OPTIMIZER).items():
        index, _, kind = name.partition("/")
        moments.setdefault(int(index), {})[kind] = value
    optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})


def on_disk(tensors: Tensors) -> dict[str, Any]:
    """The same tensors as safetensors wants them: on the CPU, contiguous, none sharing memory with another.

    A copy is made only where it has to be: of a large model, a second one may not fit.
    """
    seen: set[int] = set()
    found = {}
    for name, value in tensors.items():
        flat = value.detach().cpu().contiguous()
        place = flat.untyped_storage().data_ptr()
        found[name] = flat.clone() if place in seen else flat
        seen.add(place)
    return found
