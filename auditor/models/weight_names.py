"""Checks of the weights' names, before loading.

They find what a wrapper or an unmerged adapter has left in the names.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from auditor.errors import ModelError

WRAPPERS = ("_orig_mod", "module")
"""Parts of names that torch.compile and data parallelism put before the wrapped module's names."""
PEFT = ("base_layer", "lora_A", "lora_B", "lora_embedding_A", "lora_magnitude_vector", "ia3_l", "modules_to_save")
"""Parts of names that peft gives to weights that are not merged."""
PEFT_PREFIX = "base_model.model."
"""Prefix of the names of all weights of a peft model."""
INSIDE = "save the model inside the wrapper: model.module or model._orig_mod"
MERGE = "merge it where it was trained: model.merge_and_unload().save_pretrained('merged')"


def check(expected: Collection[str], stored: Collection[str], path: Path) -> None:
    """Check that the names are the model's own.

    ``expected`` contains the model's names, ``stored`` those in its weights. Raises ModelError with a hint how to
    repair the names.
    """
    expected, stored = frozenset(expected), frozenset(stored)
    if not expected:
        return
    _check_prefix(expected, stored, path)
    _check_merged(expected, stored, path)
    _check_inside(expected, stored, path)


def _check_prefix(expected: frozenset[str], stored: frozenset[str], path: Path) -> None:
    """Check for a common prefix before the names of all weights."""
    if expected & stored:
        return
    last = max(expected)
    prefixes = (name.removesuffix(last) for name in sorted(stored) if name.endswith(f".{last}"))
    prefix = next((prefix for prefix in prefixes if all(f"{prefix}{name}" in stored for name in expected)), None)
    if prefix is None:
        return
    problem = f"the names of its weights begin with {prefix!r}, which a wrapper put before the model's own"
    raise ModelError(problem, where=str(path), hint=_renaming(path, f"name.removeprefix({prefix!r})"))


def _check_merged(expected: frozenset[str], stored: frozenset[str], path: Path) -> None:
    """Check that no unmerged peft adapter is in the weights.

    The weights beside it are not those that were audited with it.
    """
    of_peft = [name for name in stored - expected if name.startswith(PEFT_PREFIX) or set(PEFT) & set(name.split("."))]
    if of_peft:
        marks = [mark for mark in PEFT if any(mark in name.split(".") for name in of_peft)]
        problem = (
            f"holds weights of a peft model that was not merged: {marks[0] if marks else PEFT_PREFIX} in {min(of_peft)}"
        )
        raise ModelError(problem, where=str(path), hint=MERGE)


def _check_inside(expected: frozenset[str], stored: frozenset[str], path: Path) -> None:
    """Check that no part of the model was saved in a wrapper."""
    # A bare encoder is also loaded under the name that a model with a head gives it.
    wanted = (expected | {name.partition(".")[2] for name in expected}) - stored
    for name in sorted(stored - expected):
        parts = name.split(".")
        own = [part for part in parts if part not in WRAPPERS]
        if own != parts and ".".join(own) in wanted:
            wrapper = next(part for part in parts if part in WRAPPERS)
            problem = (
                f"the names of its weights contain '{wrapper}.', which a wrapper put inside the model's own: {name}"
            )
            renamed = f"'.'.join(part for part in name.split('.') if part not in {WRAPPERS!r})"
            raise ModelError(problem, where=str(path), hint=_renaming(path, renamed))


def _renaming(path: Path, renamed: str) -> str:
    """Return the command that renames the weights of a single safetensors file.

    For other formats, return how to save the weights correctly.
    """
    file = path / "model.safetensors"
    if not file.is_file():
        return INSIDE
    code = f"from safetensors.torch import load_file, save_file; file = {str(file)!r}; weights = load_file(file); "
    code += f"save_file({{{renamed}: value for name, value in weights.items()}}, file, {{'format': 'pt'}})"
    return f'remove it: python -c "{code}"'
