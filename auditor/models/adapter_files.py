"""Adapters beside a checkpoint's weights, found without torch; and what to do with one that comes alone."""

from __future__ import annotations

from pathlib import Path

from auditor.errors import ModelError
from auditor.models import heads
from auditor.models.reading import read_json
from auditor.models.weight_files import ADAPTER, shapes_in

ADAPTER_CONFIG, ADAPTER_WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
"""The files of an adapter, as peft calls them."""
BOTTLENECK, PREFIX, PROMPT = "BOTTLENECK", "PREFIX_TUNING", "PROMPT_TUNING"
ADAPTERS = {BOTTLENECK: "width", PREFIX: "num_virtual_tokens", PROMPT: "num_virtual_tokens"}
"""Kinds of adapters that are loaded, and what says how large one is; others can be merged."""
LAST_MAPS = ("classifier.weight", "score.weight", "out_proj.weight")
"""Ends of the names of the last map of a classifier."""


def check_adapter(path: Path) -> None:
    """Whether the folder's own adapter, if it has one, is of a kind that is loaded, and whole. Raises ModelError."""
    folder = path / ADAPTER
    if not folder.is_dir():
        return
    config = read_json(folder / ADAPTER_CONFIG)
    kind = config.get("peft_type")
    if kind not in ADAPTERS:
        hint = "merge it into the weights with merge_and_unload()"
        raise ModelError(f"has an adapter of a kind that is not loaded: {kind!r}", where=str(folder), hint=hint)
    size = config.get(ADAPTERS[kind])
    if not isinstance(size, int) or size < 1:
        raise ModelError(f"{ADAPTERS[kind]} = {size!r} should be 1 or more", where=str(folder / ADAPTER_CONFIG))
    shapes_in(folder / ADAPTER_WEIGHTS)


def merge_hint(path: Path) -> str:
    """The command that merges the adapter in this folder into its base."""
    try:
        kind = read_json(path / ADAPTER_CONFIG).get("task_type")
    except ModelError:
        kind = None
    head = next((head for head in heads.every() if head.peft_task == kind), heads.of(heads.DEFAULT))
    labels = _outputs(path)
    given = f"{str(path)!r}" + (f", num_labels={labels}" if labels else "")
    command = f"from peft import AutoPeftModel{head.architecture} as P; P.from_pretrained({given}).merge_and_unload().save_pretrained('merged')"
    return f'it is a peft adapter: merge it into its base, python -c "{command}", and save the tokenizer there too'


def _outputs(path: Path) -> int | None:
    """How many labels the head has that was trained with an adapter; None where none is found."""
    try:
        found = shapes_in(path / ADAPTER_WEIGHTS)
    except ModelError:
        return None
    last = (shape for name, shape in found.items() if name.endswith(LAST_MAPS) and len(shape) == 2)
    return next((shape[0] for shape in last), None)
