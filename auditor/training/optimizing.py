"""What the optimiser is given: parameter groups, learning rate by step, precision."""

from __future__ import annotations

from typing import Any

from auditor.errors import ModelError


def parameter_groups(model: Any, weight_decay: float) -> list[dict[str, Any]]:
    """Trainable parameters with and without weight decay: biases and norms are the one-dimensional ones."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return [
        {"params": [one for one in trained if one.dim() > 1], "weight_decay": weight_decay},
        {"params": [one for one in trained if one.dim() <= 1], "weight_decay": 0.0},
    ]


def rate(step: int, total: int, warmup: float) -> float:
    """Factor in (0, 1] of the learning rate at ``step`` (from 0) of ``total``.

    It rises linearly over the share ``warmup`` of the steps and falls linearly to 0 after the last. No step is wasted
    on a rate of 0.
    """
    rising = warmup * total
    if step + 1 < rising:
        return (step + 1) / rising
    return min((total - step) / max(total - rising, 1.0), 1.0)


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
