"""Parameter-efficient tuning: added parameters, and the choice of trained ones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from auditor.errors import ModelError, first_line
from auditor.models import adapters
from auditor.models.libraries import quiet
from auditor.training.layers import depths

_ATTENTION = re.compile(r"attn|attention", re.IGNORECASE)
ROOM = 16
"""Positions that virtual tokens must leave for a text."""
NOT_SERVED = (AttributeError, IndexError, KeyError, NotImplementedError, RuntimeError, TypeError, ValueError)
"""Exceptions of peft and transformers for an architecture that one of them does not support."""
OTHERS = "bottleneck, lora, ia3 and bitfit support more architectures"


def linear_layers(model: Any, chosen: Sequence[str], where: str, *, narrowing: bool = False) -> list[str]:
    """Return the names of linear maps inside the model's layers.

    With a non-empty ``chosen``, only maps are returned whose last part of the name is in ``chosen``. With
    ``narrowing``, only maps outside attention with fewer outputs than inputs, such as at the end of a feed-forward
    part. Raises ModelError when there are none.
    """
    from torch import nn

    depth = depths(model)
    top = max(depth.values())
    inside = [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and 0 < depth[f"{name}.weight"] < top
    ]
    names = [name for name in inside if not chosen or name.rsplit(".", 1)[-1] in chosen]
    if narrowing:
        # In attention, maps to keys and values that several heads share have fewer outputs than inputs too.
        maps = {name: model.get_submodule(name) for name in names if not _ATTENTION.search(name)}
        names = [name for name, linear in maps.items() if linear.out_features < linear.in_features]
    if not names:
        known = ", ".join(sorted({name.rsplit(".", 1)[-1] for name in inside})) or "none"
        raise ModelError(
            f"no linear map is called {' or '.join(chosen) or 'anything'}", where=where, hint=f"known: {known}"
        )
    return names


def wrapped(model: Any, config: Any) -> Any:
    """Return the model with peft's parameters added and its layers frozen.

    Everything above the layers (pooler and head) stays trainable.
    """
    import peft

    head = above_layers(model)
    with quiet():  # peft reads attributes that transformers is about to rename
        wrapper = peft.get_peft_model(model, config)
    for parameter in head:
        parameter.requires_grad_(True)
    return wrapper


def above_layers(model: Any) -> list[Any]:
    """Return the parameters above the model's layers.

    They belong to its head, and to its pooler if it has one.
    """
    depth = depths(model)
    top = max(depth.values())
    return [parameter for name, parameter in model.named_parameters() if depth[name] == top]


def prompted(model: Any, kind: str, tokens: int, where: str) -> Any:
    """Return the model with virtual tokens added and its layers frozen.

    Only the virtual tokens and everything above the layers are trained. Raises ModelError where the virtual tokens
    leave no room for a text, and for an architecture that does not work with them.
    """
    positions = getattr(model.config, "max_position_embeddings", None)
    if positions is not None and positions - tokens < ROOM:
        raise ModelError(f"tokens = {tokens} leaves no room for a text in {positions} positions", where=where)
    head = above_layers(model)
    try:
        prompting = adapters.add_prompts(model, kind, tokens)
        independent = _ignores_padding(prompting)
    except NOT_SERVED as error:
        problem = f"does not work with a {type(model).__name__}: {first_line(error)}"
        raise ModelError(problem, where=where, hint=OTHERS) from error
    if not independent:
        problem = f"the answers of a {type(model).__name__} with it depend on the padding of the batch"
        raise ModelError(problem, where=where, hint=OTHERS)
    for parameter in head:
        parameter.requires_grad_(True)
    return prompting


def _ignores_padding(model: Any) -> bool:
    """Return whether padding does not change the answer to a short text.

    The function compares the text's answer by itself with its answer in a batch beside a longer text. Pretrained
    models give the same answer.
    """
    import torch

    pad, end = (getattr(model.config, name, None) for name in ("pad_token_id", "eos_token_id"))
    short, long = ([1, 2, 3, *([end] if isinstance(end, int) else [])], [1, 2, 3, 4, 5, 6, 7])
    long = [*long, *short[3:]]
    rows = torch.tensor([short + [pad or 0] * (len(long) - len(short)), long], device=model.device)
    attention = (
        torch.arange(len(long), device=model.device) < torch.tensor([[len(short)], [len(long)]], device=model.device)
    ).long()
    was = model.training
    model.eval()
    with torch.no_grad():
        alone = model(input_ids=rows[:1, : len(short)], attention_mask=attention[:1, : len(short)])[0][0]
        padded = model(input_ids=rows, attention_mask=attention)[0][0]
        padded = padded[: len(alone)]  # a model that answers for each token answers for the longer text's too
    model.train(was)
    return bool(torch.allclose(alone, padded, atol=1e-4, rtol=1e-3))


def merged(model: Any) -> Any:
    """Return a plain model with the added parameters merged into its weights."""
    return model.merge_and_unload()
