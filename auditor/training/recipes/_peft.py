"""Parameter-efficient tuning: what it adds to a model, and what it trains of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from auditor.errors import ModelError
from auditor.models import adapters
from auditor.models.libraries import first_line, quiet
from auditor.training.layers import depths

_ATTENTION = re.compile(r"attn|attention", re.IGNORECASE)
ROOM = 16
"""Positions that virtual tokens have to leave for a text."""
NOT_SERVED = (AttributeError, IndexError, KeyError, NotImplementedError, RuntimeError, TypeError, ValueError)
"""What peft and transformers raise for an architecture that one of them does not serve."""
OTHERS = "bottleneck, lora, ia3 and bitfit serve more architectures"


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
        # Keys and values that several heads share narrow too.
        maps = {name: model.get_submodule(name) for name in found if not _ATTENTION.search(name)}
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
    with quiet():  # peft reads attributes that transformers is about to rename
        found = peft.get_peft_model(model, config)
    for parameter in head:
        parameter.requires_grad_(True)
    return found


def above_layers(model: Any) -> list[Any]:
    """The parameters of what stands above the model's layers: its head, and its pooler if it has one."""
    depth = depths(model)
    top = max(depth.values())
    return [parameter for name, parameter in model.named_parameters() if depth[name] == top]


def prompted(model: Any, kind: str, tokens: int, where: str) -> Any:
    """The model with virtual tokens; they and the head are trained, everything else is frozen.

    Raises ModelError where there is no room for them, and for an architecture that does not answer with them as it should.
    """
    positions = getattr(model.config, "max_position_embeddings", None)
    if positions is not None and positions - tokens < ROOM:
        raise ModelError(f"tokens = {tokens} leave no room for a text in {positions} positions", where=where)
    head = above_layers(model)
    try:
        found = adapters.add_prompts(model, kind, tokens)
        alone = _answers_alone_as_in_company(found)
    except NOT_SERVED as error:
        problem = f"does not work with a {type(model).__name__}: {first_line(error)}"
        raise ModelError(problem, where=where, hint=OTHERS) from error
    if not alone:
        problem = f"a {type(model).__name__} with it answers by the padding of the batch"
        raise ModelError(problem, where=where, hint=OTHERS)
    for parameter in head:
        parameter.requires_grad_(True)
    return found


def _answers_alone_as_in_company(model: Any) -> bool:
    """Whether a short text is answered alike by itself and padded beside a longer one, as of whatever was pretrained."""
    import torch

    pad, end = (getattr(model.config, name, None) for name in ("pad_token_id", "eos_token_id"))
    short, long = ([1, 2, 3, *([end] if isinstance(end, int) else [])], [1, 2, 3, 4, 5, 6, 7])
    long = [*long, *short[3:]]
    rows = torch.tensor([short + [pad or 0] * (len(long) - len(short)), long], device=model.device)
    seen = (
        torch.arange(len(long), device=model.device) < torch.tensor([[len(short)], [len(long)]], device=model.device)
    ).long()
    was = model.training
    model.eval()
    with torch.no_grad():
        alone = model(input_ids=rows[:1, : len(short)], attention_mask=seen[:1, : len(short)]).logits[0]
        beside = model(input_ids=rows, attention_mask=seen).logits[0]
        beside = beside[: len(short)] if beside.dim() == 2 else beside
    model.train(was)
    return bool(torch.allclose(alone, beside, atol=1e-4, rtol=1e-3))


def merged(model: Any) -> Any:
    """A plain model with what was added merged into its weights."""
    return model.merge_and_unload()
