"""Comparison of a configuration with its weights.

It finds sizes that do not fit before any memory is allocated.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from auditor.errors import ModelError
from auditor.models import weight_names
from auditor.models.libraries import quiet
from auditor.models.reading import read_json
from auditor.models.weight_files import Shapes, shapes, weight_files
from auditor.storage.documents import short

LAYERS = re.compile(r"^(n|num|num_hidden|num_encoder|num_decoder|encoder|decoder)_layers?$")
"""Names of fields with a number of layers.

Each layer has at least one tensor of its own, or shares one.
"""
SIZE = re.compile(
    r"^(?!max_relative_)((.*_)?(size|layers?|heads?|dim|embd|positions|embeddings|inner)"
    r"|d_model|d_ff|d_kv|n_layers?|n_heads?)$"
)
"""Names of fields whose values are whole numbers from 1 on."""
AMOUNT = re.compile(r"^(num|max|n)_|_(length|rank|ratio|window)$")
"""Names of other fields whose values may appear in a tensor's shape."""
NUMBERED = re.compile(r"\.\d+\.")
"""Part of the name of a tensor that belongs to one of several layers."""
LABELS = ("id2label.", "label2id.")
HUGE = 1_000_000
"""Larger than any size that appears in no tensor's shape."""


def check(path: Path, auto: Any) -> None:
    """Compare config.json with the headers of the weights. Raises ModelError.

    Neither the model nor its weights are allocated. ``auto`` is transformers' class that would load the model. If it
    cannot be built for another reason, loading reports that.
    """
    config, stored = read_json(path / "config.json"), shapes(path) or _pickled(path)
    if not stored:
        return
    for name, value in _fields(config):
        if LAYERS.search(name.rpartition(".")[2]) and _is_number(value) and value > len(stored):
            problem = f"does not load: {name} = {value} in config.json, but its weights are {len(stored)} tensors"
            raise ModelError(problem, where=str(path), hint="is config.json that of another model?")
    expected, ignored = _expected(path, auto)
    weight_names.check(expected, stored, path)
    _check_layers(expected, ignored, stored, path)
    for name in sorted(expected.keys() & stored.keys()):
        if expected[name] != stored[name]:
            blamed = _blamed(config, expected[name], stored[name])
            problem = f"does not load: {blamed}{name} is {_by(stored[name])} in its weights, not {_by(expected[name])}"
            raise ModelError(problem, where=str(path), hint="is config.json that of another model?")
    expected_size, stored_size = (sum(map(math.prod, tensors.values())) for tensors in (expected, stored))
    # Weights may be tied and the head may be missing, but a model several times as large is another one.
    if expected_size > 4 * stored_size + HUGE:
        problem = (
            f"does not load: config.json describes {expected_size:,} parameters, but its weights have {stored_size:,}"
        )
        raise ModelError(problem, where=str(path), hint="is config.json that of another model?")


def _pickled(path: Path) -> dict[str, tuple[int, ...]]:
    """Return the shapes of pickle weights' tensors.

    Returns an empty dict if they cannot be read; loading then reports why.
    """
    import torch

    tensor_shapes: dict[str, tuple[int, ...]] = {}
    for file in weight_files(path):
        try:
            tensors = torch.load(file, map_location="meta", weights_only=True)
            tensor_shapes |= {name: tuple(value.shape) for name, value in tensors.items()}
        except Exception:
            return {}
    return tensor_shapes


def _check_layers(expected: Shapes, ignored: Sequence[str], stored: Shapes, path: Path) -> None:
    """Check that the model has a place for every numbered layer.

    transformers ignores layers of the weights that have none. Raises ModelError.
    """
    if not expected.keys() & stored.keys():
        return
    spare = (name for name in stored.keys() - expected.keys() if NUMBERED.search(name))
    known = [name for name in spare if not any(re.search(pattern, name) for pattern in ignored)]
    if known:
        problem = f"does not load: its weights have {min(known)}, for which config.json has no layer"
        raise ModelError(problem, where=str(path), hint="is config.json that of another model?")


def _expected(path: Path, auto: Any) -> tuple[Shapes, Sequence[str]]:
    """Return the shapes of the model that config.json describes.

    The second value contains patterns of names that the model ignores on purpose. Both are empty if the model cannot be
    built.
    """
    import torch
    from transformers import AutoConfig

    try:
        with quiet(), torch.device("meta"), torch.random.fork_rng(devices=[]):
            config = AutoConfig.from_pretrained(str(path), local_files_only=True, trust_remote_code=False)
            model = auto.from_config(config)
    except Exception:
        return {}, ()
    expected = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    return expected, tuple(getattr(model, "_keys_to_ignore_on_load_unexpected", None) or ())


def _blamed(config: Mapping[str, Any], expected: tuple[int, ...], stored: tuple[int, ...]) -> str:
    """Return the fields of config.json with sizes that the weights lack.

    The text is the front of a message; it is empty if no field has such a size. Only fields with names of sizes count,
    not other numbers such as label2id and token ids.
    """
    sizes = {wanted for wanted, there in zip(expected, stored, strict=False) if wanted != there}
    fields = {name: value for name, value in _fields(config) if _is_number(value) and value in sizes}
    for kind in (SIZE, AMOUNT):
        named = [name for name in fields if kind.search(name.rpartition(".")[2]) and not name.startswith(LABELS)]
        if named:
            return f"{' or '.join(f'{name} = {fields[name]}' for name in named[:3])} in config.json: "
    labels = config.get("id2label")
    if isinstance(labels, Mapping) and len(labels) in sizes:
        return f"id2label of {len(labels)} labels in config.json: "
    return ""


def _by(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) or "a single number"


def suspect(path: Path, message: str, *, odd_ones: bool = True) -> str | None:
    """Return the field of config.json that likely caused a library's error.

    The text includes the field's value; the result is None if no field stands out. ``message`` is what the library
    said. ``odd_ones``: whether the field may be one whose value only looks wrong.
    """
    fields = fields_of(path)
    named = [name for name in fields if _is_named(name.rpartition(".")[2], message)]
    quoted = [name for name, value in fields.items() if isinstance(value, str) and repr(value) in message]
    odd = [name for name, value in fields.items() if odd_ones and _is_odd(name, value)]
    odd += _of_another_type(fields) if odd_ones else []
    for name in (*(field for field in named if field in odd), *odd, *quoted, *named):
        return f"{name} = {short(fields[name])} in config.json"
    return None


def fields_of(path: Path) -> dict[str, Any]:
    """Return the fields of config.json, nested ones by their dotted path.

    Returns an empty dict if the file cannot be read.
    """
    try:
        return dict(_fields(read_json(path / "config.json")))
    except ModelError:
        return {}


def _is_named(name: str, message: str) -> bool:
    return len(name) > 3 and re.search(rf"\b{re.escape(name)}\b", message) is not None


def _of_another_type(fields: Mapping[str, Any]) -> list[str]:
    """Return the fields whose types differ from the architecture's defaults."""
    from transformers import CONFIG_MAPPING

    kind = fields.get("model_type")
    if not isinstance(kind, str) or kind not in CONFIG_MAPPING:
        return []
    usual = CONFIG_MAPPING[kind]()
    return [name for name, value in fields.items() if not _is_like(value, getattr(usual, name, None))]


def _is_like(value: Any, usual: Any) -> bool:
    """Return whether a value has a type that fits the usual value."""
    if usual is None or isinstance(usual, Mapping):
        return True
    if isinstance(usual, bool) or not isinstance(usual, int | float):
        return isinstance(value, type(usual))
    return _is_number(value)


def _is_odd(name: str, value: Any) -> bool:
    """Return whether no sound configuration has this value in such a field."""
    if isinstance(value, bool) or value is None:
        return False
    if SIZE.search(name.rpartition(".")[2]):
        return not _is_number(value) or not 0 < value <= 1000 * HUGE or value != int(value)
    if isinstance(value, int | float):
        return not math.isfinite(value) or abs(value) > 10 * HUGE
    return False


def _fields(config: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the fields, nested ones by their dotted path."""
    for name, value in config.items():
        if isinstance(value, Mapping):
            yield from _fields(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
