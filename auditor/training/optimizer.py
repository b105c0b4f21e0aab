"""What the optimiser is given: parameter groups, learning rate by step, precision."""

from __future__ import annotations

import math
from typing import Any

from auditor.errors import ModelError
from auditor.training.layers import depths
from auditor.training.settings import Settings


def parameter_groups(model: Any, weight_decay: float, layer_decay: float = 1.0) -> list[dict[str, Any]]:
    """Trainable parameters with and without weight decay: what has one dimension goes without (biases, norms, factors).

    ``scale`` of a group is its factor of the learning rate. With ``layer_decay`` below 1 each layer has its own groups.
    """
    depth = depths(model) if layer_decay != 1 else {}
    top = max(depth.values(), default=0)
    groups: dict[tuple[int, bool], list[Any]] = {}
    for below in range(top + 1):
        groups |= {(below, True): [], (below, False): []}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            groups[top - depth.get(name, 0), sum(size > 1 for size in parameter.shape) > 1].append(parameter)
    return [
        {"params": found, "weight_decay": weight_decay if decays else 0.0, "scale": layer_decay**below}
        for (below, decays), found in groups.items()
        if found or not below
    ]


def optimizer(model: Any, settings: Settings) -> Any:
    """The optimiser of the settings over the model's trainable parameters."""
    from torch import optim

    groups = parameter_groups(model, settings.weight_decay, settings.layer_decay)
    if settings.optimizer == "sgd":
        return optim.SGD(groups, lr=settings.learning_rate, momentum=settings.momentum)
    if settings.optimizer == "adafactor":
        return optim.Adafactor(groups, lr=settings.learning_rate)
    # One kernel over all parameters: the update was a sixth of a training step on a CPU.
    return optim.AdamW(groups, lr=settings.learning_rate, fused=True)


def rate(step: int, total: int, warmup: float, schedule: str = "linear") -> float:
    """Factor in (0, 1] of the learning rate at ``step`` (from 0) of ``total``.

    It rises linearly over the share ``warmup`` of the steps; it then falls to 0 after the last, linearly or as half a
    cosine, or stays. No step is wasted on a rate of 0.
    """
    rising = warmup * total
    if step + 1 < rising:
        return (step + 1) / rising
    left = min((total - step) / max(total - rising, 1.0), 1.0)
    return {"linear": left, "cosine": (1 - math.cos(math.pi * left)) / 2, "constant": 1.0}[schedule]


def mixed_precision(wanted: str, device: str) -> str:
    """accelerate's word for a precision; ``auto`` is bf16 or fp16 on CUDA and none elsewhere. Raises ModelError."""
    import torch

    if wanted == "auto":
        if device != "cuda":
            return "no"
        return "bf16" if torch.cuda.is_bf16_supported() else "fp16"
    if wanted == "fp16" and device == "cpu":
        raise ModelError("fp16 does not train on a CPU", hint="precision = fp32 or bf16")
    return "no" if wanted == "fp32" else wanted
