"""Parameter-efficient tuning: what it adds to a model, and what it trains of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from auditor.errors import ModelError
from auditor.models import adapters
from auditor.training.layers import depths


def linear_layers(model: Any, chosen: Sequence[str], where: str, *, narrowing: bool = False) -> list[str]:
    """Names of the linear maps inside the model's layers, of those whose last part is among ``chosen`` if any are.

    ``narrowing``: of those with fewer outputs than inputs only, as at the end of a feed-forward part.

    Raises ModelError when there are none.
    """
    from torch import nn

    depth = depths(model)
    top = max(depth.values())
    inside = [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and 0 < depth[f"{name}.weight"] < top
    ]
    found = [name for name in inside if not chosen or name.rsplit(".", 1)[-1] in chosen]
    if narrowing:
        maps = {name: model.get_submodule(name) for name in found}
        found = [name for name, one in maps.items() if one.out_features < one.in_features]
    if not found:
        known = ", ".join(sorted({name.rsplit(".", 1)[-1] for name in inside})) or "none"
        raise ModelError(
            f"no linear map is called {' or '.join(chosen) or 'anything'}", where=where, hint=f"known: {known}"
        )
    return found


def wrapped(model: Any, config: Any) -> Any:
    """The model with peft's parameters added; everything else is frozen but what stands above the layers, its head."""
    import peft

    head = above_layers(model)
    found = peft.get_peft_model(model, config)
    for parameter in head:
        parameter.requires_grad_(True)
    return found


def above_layers(model: Any) -> list[Any]:
    """The parameters of what stands above the model's layers: its head, and its pooler if it has one."""
    depth = depths(model)
    top = max(depth.values())
    return [parameter for name, parameter in model.named_parameters() if depth[name] == top]


def prompted(model: Any, config: Any) -> Any:
    """The model with virtual tokens; they and the head are trained, everything else is frozen."""
    head = above_layers(model)
    found = adapters.add_prompts(model, config)
    for parameter in head:
        parameter.requires_grad_(True)
    return found


def merged(model: Any) -> Any:
    """A plain model with what was added merged into its weights."""
    return model.merge_and_unload()
