"""Checks of a checkpoint's adapter files, without torch.

Also builds the hint for a folder that contains an adapter without its base model.
"""

from __future__ import annotations

from pathlib import Path

from auditor.errors import ModelError
from auditor.models import heads
from auditor.models.reading import read_json
from auditor.models.weight_files import ADAPTER, shapes_in

ADAPTER_CONFIG, ADAPTER_WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
"""File names of an adapter in peft."""
BOTTLENECK, PREFIX, PROMPT = "BOTTLENECK", "PREFIX_TUNING", "PROMPT_TUNING"
ADAPTERS = {BOTTLENECK: "width", PREFIX: "num_virtual_tokens", PROMPT: "num_virtual_tokens"}
"""Kinds of adapters that can be loaded, and the field that gives each one's size.

All other kinds must be merged into the weights first.
"""
LAST_MAPS = ("classifier.weight", "score.weight", "out_proj.weight")
"""Suffixes of the weight name of a classifier's output layer."""


def check_adapter(path: Path) -> None:
    """Check that the folder's own adapter, if any, can be loaded.

    Raises ModelError for an unsupported kind, or for a damaged adapter.
    """
    folder = path / ADAPTER
    if not folder.is_dir():
        return
    config = read_json(folder / ADAPTER_CONFIG)
    kind = config.get("peft_type")
    if kind not in ADAPTERS:
        hint = "merge it into the weights with merge_and_unload()"
        raise ModelError(f"has an unsupported kind of adapter: {kind!r}", where=str(folder), hint=hint)
    size = config.get(ADAPTERS[kind])
    if not isinstance(size, int) or size < 1:
        raise ModelError(f"{ADAPTERS[kind]} = {size!r} should be 1 or more", where=str(folder / ADAPTER_CONFIG))
    shapes_in(folder / ADAPTER_WEIGHTS)


def merge_hint(path: Path) -> str:
    """Return the command that merges the folder's adapter into its base model."""
    try:
        kind = read_json(path / ADAPTER_CONFIG).get("task_type")
    except ModelError:
        kind = None
    head = next((head for head in heads.every() if head.peft_task == kind), heads.of(heads.DEFAULT))
    labels = _outputs(path)
    given = f"{str(path)!r}" + (f", num_labels={labels}" if labels else "")
    command = f"from peft import AutoPeftModel{head.architecture} as P; P.from_pretrained({given})"
    command += ".merge_and_unload().save_pretrained('merged')"
    return f'it is a peft adapter: merge it into its base, python -c "{command}", and save the tokenizer there too'


def _outputs(path: Path) -> int | None:
    """Return the number of labels of the head trained with an adapter.

    Returns None if the adapter has no such head.
    """
    try:
        tensor_shapes = shapes_in(path / ADAPTER_WEIGHTS)
    except ModelError:
        return None
    last = (shape for name, shape in tensor_shapes.items() if name.endswith(LAST_MAPS) and len(shape) == 2)
    return next((shape[0] for shape in last), None)
