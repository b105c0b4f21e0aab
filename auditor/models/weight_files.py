"""The weight files of a checkpoint: choice, integrity, and tensor shapes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from auditor.errors import ModelError
from auditor.models.reading import read_json
from auditor.storage.reading import open_file

ADAPTER = "adapter"
"""Folder in a checkpoint with parameters that do not merge into the weights."""
INDEX = "model.safetensors.index.json"
MAX_HEADER = 100_000_000
"""Limit of the safetensors format, in bytes."""
Shapes: TypeAlias = Mapping[str, tuple[int, ...]]
"""Tensor name → shape."""


def weight_files(path: Path) -> Iterator[Path]:
    """Yield the weight files that loading reads.

    They are safetensors if there are any, and pickle files otherwise.
    """
    safe = sorted(path.glob("model*.safetensors"))
    yield from safe or sorted(path.glob("pytorch_model*.bin"))


def check_weights(
    path: Path,
    allow_pickle: bool,
    hint: str = "pickle can run any code: save it again as safetensors, or --allow-pickle",
) -> None:
    """Check that the weights exist, are complete and safe. Raises ModelError."""
    files = list(weight_files(path))
    if not files:
        raise ModelError("has no weights", where=str(path), hint="model.safetensors is missing")
    if files[0].suffix == ".bin":
        if not allow_pickle:
            raise ModelError(f"has pickle weights only ({files[0].name})", where=str(path), hint=hint)
        return
    for file in files:
        shapes_in(file)
    if (path / INDEX).is_file():
        shards = read_json(path / INDEX).get("weight_map")
        wanted = {str(name) for name in shards.values()} if isinstance(shards, dict) else set()
        missing = sorted(wanted - {file.name for file in files})
        if missing:
            raise ModelError(f"lacks {missing[0]}, which its index names", where=str(path), hint="copy it again")


def shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Return the shapes of a checkpoint's safetensors.

    Returns an empty dict for pickle weights. Raises ModelError.
    """
    tensor_shapes: dict[str, tuple[int, ...]] = {}
    for file in weight_files(path):
        if file.suffix == ".safetensors":
            tensor_shapes |= shapes_in(file)
    return tensor_shapes


def shapes_in(file: Path) -> dict[str, tuple[int, ...]]:
    """Return the shapes in a safetensors file. Raises ModelError.

    The header must match the file's size.
    """
    start = b""
    try:
        size = file.stat().st_size
        with open_file(file, ModelError) as stream:
            start = stream.read(8)
            length = int.from_bytes(start, "little")
            header = json.loads(stream.read(length) if 8 + length <= min(size, MAX_HEADER) else b"")
        entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
        end = max((int(entry["data_offsets"][1]) for entry in entries.values()), default=0)
        tensor_shapes = {name: _shape(entry) for name, entry in entries.items()}
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror}", where=str(file)) from None
    except (ValueError, AttributeError, TypeError, KeyError, IndexError, RecursionError):
        hint = "copy it again"
        if start == b"version ":  # a Git LFS pointer begins with these bytes
            hint = "it is a Git LFS pointer: git lfs pull fetches the file"
        raise ModelError("is not a complete safetensors file", where=str(file), hint=hint) from None
    if 8 + length + end != size:
        raise ModelError("is truncated", where=str(file), hint="copy it again")
    return tensor_shapes


def _shape(entry: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(int(size) for size in entry["shape"])
