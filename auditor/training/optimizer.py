"""The optimiser's parameter groups, learning rate by step, and precision."""

from __future__ import annotations

import math
from typing import Any

from auditor.errors import ModelError
from auditor.training.layers import depths
from auditor.training.settings import Settings


def parameter_groups(model: Any, weight_decay: float, layer_decay: float = 1.0) -> list[dict[str, Any]]:
    """Return the trainable parameters in groups with and without weight decay.

    Parameters with only one dimension larger than 1 (biases, norms, factors) have no weight decay. A group's ``scale``
    is its factor of the learning rate. With ``layer_decay`` below 1, each layer has its own groups.
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
        {"params": parameters, "weight_decay": weight_decay if decays else 0.0, "scale": layer_decay**below}
        for (below, decays), parameters in groups.items()
        if parameters or not below
    ]


def optimizer(model: Any, settings: Settings) -> Any:
    """Return the settings' optimiser over the model's trainable parameters."""
    from torch import optim

    groups = parameter_groups(model, settings.weight_decay, settings.layer_decay)
    if settings.optimizer == "sgd":
        return optim.SGD(groups, lr=settings.learning_rate, momentum=settings.momentum)
    if settings.optimizer == "adafactor":
        return optim.Adafactor(groups, lr=settings.learning_rate)
    # Fused into one kernel over all parameters: the unfused update took a sixth of a training step on a CPU.
    return optim.AdamW(groups, lr=settings.learning_rate, fused=True)


def rate(step: int, total: int, warmup: float, schedule: str = "linear") -> float:
    """Return the factor of the learning rate at a step.

    The factor is in (0, 1]; ``step`` counts from 0 to ``total`` − 1. The factor rises linearly over the share
    ``warmup`` of the steps. Then it falls linearly or as half a cosine, reaching 0 just after the last step, or stays
    constant. No step has a rate of 0.
    """
    rising = warmup * total
    if step + 1 < rising:
        return (step + 1) / rising
    left = min((total - step) / max(total - rising, 1.0), 1.0)
    return {"linear": left, "cosine": (1 - math.cos(math.pi * left)) / 2, "constant": 1.0}[schedule]


def mixed_precision(wanted: str, device: str) -> str:
    """Return accelerate's name for a precision.

    ``auto`` is bf16 or fp16 on CUDA and no mixed precision elsewhere. Raises ModelError for fp16 on a CPU.
    """
    import torch

    if wanted == "auto":
        if device != "cuda":
            return "no"
        return "bf16" if torch.cuda.is_bf16_supported() else "fp16"
    if wanted == "fp16" and device == "cpu":
        raise ModelError("a CPU cannot train in fp16", hint="precision = fp32 or bf16")
    return "no" if wanted == "fp32" else wanted
