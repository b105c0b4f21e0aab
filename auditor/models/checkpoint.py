"""What a checkpoint folder holds, found without torch; unsafe and unfit ones are refused before anything loads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditor.errors import ModelError, is_text, near_match
from auditor.reading import DOCUMENT, check_folder, is_folder, open_file, read_file

WORDS = "ForTokenClassification"
"""End of the names of architectures that answer for every word."""
ARCHITECTURES = {"text-classification": "ForSequenceClassification", "ner": WORDS}
BARE = ("Model", "ForMaskedLM", "ForPreTraining")
"""Ends of the names of architectures that were only pretrained: a head can be trained on them."""
TOKENIZER_FILES = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "spiece.model",
    "sentencepiece.bpe.model",
    "tokenizer.model",
)
OTHER_FILES = ("config.json", "tokenizer_config.json", "special_tokens_map.json", "merges.txt", "added_tokens.json")
ADAPTER, ADAPTER_CONFIG, ADAPTER_WEIGHTS = "adapter", "adapter_config.json", "adapter_model.safetensors"
"""A folder in a checkpoint, and its files as peft calls them: parameters that do not merge into the weights."""
BOTTLENECK, PREFIX, PROMPT = "BOTTLENECK", "PREFIX_TUNING", "PROMPT_TUNING"
ADAPTERS = {BOTTLENECK: "width", PREFIX: "num_virtual_tokens", PROMPT: "num_virtual_tokens"}
"""Kinds of adapters that are loaded, and what says how large one is; others can be merged."""
INDEX = "model.safetensors.index.json"
MAX_HEADER = 100_000_000
"""Bytes; the safetensors format's own limit."""
NO_LIMIT = 1_000_000
"""transformers writes 1e30 where a tokenizer has no greatest length."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A folder that can be loaded."""

    path: Path
    labels: tuple[str, ...]
    """The model's names of its labels in the order of its outputs."""
    architecture: str
    task: str
    max_length: int | None = None
    """Greatest number of tokens that config and tokenizer name; None when neither does."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 over weights, configuration and tokenizer; reads the whole folder."""
        return fingerprint(self.path)


def find(path: Path) -> dict[str, Path]:
    """Name → checkpoint: the folder itself, or the checkpoints in it by name. Raises ModelError."""
    _check_folder(path)
    if not is_text(path.resolve().name):
        raise ModelError("its name is not UTF-8", where=str(path), hint="rename it, or name a link to it")
    if (path / "config.json").is_file():
        return {path.resolve().name: path}
    found = _checkpoints_in(path)
    if not found:
        hint = "save_pretrained() writes one; audit train too"
        if (path / ADAPTER_CONFIG).is_file():
            hint = "it is a peft adapter: merge it into its base with merge_and_unload() and save that"
            if path.name == ADAPTER and (path.parent / "config.json").is_file():
                hint = f"it is part of a checkpoint: name {path.parent}"
        raise ModelError("not a checkpoint: no config.json in it", where=str(path), hint=hint)
    return found


def describe(
    path: Path, task: str = "text-classification", *, allow_pickle: bool = False, trust_remote_code: bool = False
) -> Checkpoint:
    """Check a checkpoint folder and read its labels; no torch. Raises ModelError for one that is unsafe or unfit."""
    where = str(path)
    if list(find(path).values()) != [path]:
        names = ", ".join(_checkpoints_in(path))
        raise ModelError("is a folder of checkpoints, not one", where=where, hint=f"name one of them: {names}")
    check_folder(path, ModelError)
    config = _json(path / "config.json")
    tokenizer = _tokenizer_config(path)
    _refuse_remote_code(path, config, tokenizer, trust_remote_code)
    architecture = _check_architecture(config, task, where)
    _check_weights(path, allow_pickle)
    _check_adapter(path)
    _check_tokenizer(path)
    return Checkpoint(path, _labels(config, where), architecture, task, _max_length(config, tokenizer))


def task_of(path: Path) -> str | None:
    """The task of a checkpoint, or of the first in a folder, by its architecture; None where it cannot be told."""
    try:
        named = _json(next(iter(find(path).values())) / "config.json").get("architectures")
    except ModelError:
        return None
    ends = [task for task, end in ARCHITECTURES.items() if isinstance(named, list) and str(*named[:1]).endswith(end)]
    return ends[0] if ends else None


def check_base(path: Path) -> None:
    """Check the folder of a pretrained model to train from: safetensors, no code of its own. Raises ModelError."""
    if not is_folder(path, ModelError) or not (path / "config.json").is_file():
        hint = "[training] base, or --base, names the folder of a pretrained model"
        raise ModelError("not a pretrained model: no config.json here", where=str(path), hint=hint)
    check_folder(path, ModelError)
    _refuse_remote_code(path, _json(path / "config.json"), _tokenizer_config(path), False, "a base may not bring any")
    _check_weights(path, False, "pickle can run any code: save it again as safetensors")
    if (path / ADAPTER).is_dir():
        raise ModelError(
            "has an adapter that would be lost", where=str(path), hint="train from the base it was added to"
        )
    _check_tokenizer(path)


def fingerprint(path: Path) -> str:
    """SHA-256 over names and bytes of weights, configuration, tokenizer and code files, in hexadecimal."""
    digest = hashlib.sha256()
    names = {*TOKENIZER_FILES, *OTHER_FILES, *(file.name for file in _weights(path))}
    names |= {file.name for file in path.glob("*.py")}
    names |= {f"{ADAPTER}/{name}" for name in (ADAPTER_CONFIG, ADAPTER_WEIGHTS)}
    for name in sorted(names):
        if (path / name).is_file():
            with (path / name).open("rb") as file:
                digest.update(f"{name}\0{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()


def _check_folder(path: Path) -> None:
    try:
        if path.is_dir():
            next(path.iterdir(), None)
            return
        there = path.exists()
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror}", where=str(path)) from None
    if there:
        raise ModelError(
            "is a file, not a checkpoint folder", where=str(path), hint="name the folder that holds config.json"
        )
    raise ModelError("no such path", where=str(path), hint=_instead_of(path))


def _instead_of(path: Path) -> str:
    """What may have been meant by a path that does not exist: a neighbour, or a model's name on a hub."""
    parent = path.parent
    near = near_match(path.name, sorted(one.name for one in parent.iterdir())) if parent.is_dir() else None
    hub_like = not path.is_absolute() and len(path.parts) <= 2 and (str(parent) == "." or not parent.exists())
    if near is None and hub_like:
        return "only local folders are read: download the model, then name its folder"
    return near or "is the path right?"


def _checkpoints_in(path: Path) -> dict[str, Path]:
    """The checkpoints directly in a folder by name; hidden ones are left behind by a training that was cut off."""
    inner = sorted(one for one in path.iterdir() if not one.name.startswith("."))
    return {one.name: one for one in inner if (one / "config.json").is_file()}


def _weights(path: Path) -> Iterator[Path]:
    safe = sorted(path.glob("model*.safetensors"))
    yield from safe or sorted(path.glob("pytorch_model*.bin"))


def _json(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(read_file(file, ModelError, limit=DOCUMENT).decode("utf-8"))
    except ValueError as error:
        raise ModelError(f"cannot be read: {error}", where=str(file)) from None
    if not isinstance(found, dict):
        raise ModelError("is not a JSON object", where=str(file))
    return found


def _tokenizer_config(path: Path) -> dict[str, Any]:
    file = path / "tokenizer_config.json"
    return _json(file) if file.is_file() else {}


def _refuse_remote_code(
    path: Path,
    config: Mapping[str, Any],
    tokenizer: Mapping[str, Any],
    allowed: bool,
    hint: str = "read it, then --trust-remote-code",
) -> None:
    if ("auto_map" in config or "auto_map" in tokenizer) and not allowed:
        raise ModelError("comes with code of its own (auto_map)", where=str(path), hint=hint)


def _check_architecture(config: Mapping[str, Any], task: str, where: str) -> str:
    if task not in ARCHITECTURES:
        raise ModelError(f"no kind of checkpoint is known for the task {task!r}", hint=near_match(task, ARCHITECTURES))
    named = config.get("architectures")
    architecture = str(named[0]) if isinstance(named, list) and named else None
    if architecture is None:
        raise ModelError("its config.json names no architecture", where=where, hint="save_pretrained() writes it")
    if not architecture.endswith(ARCHITECTURES[task]):
        hint = f"a model for {task} is needed"
        if architecture.endswith(BARE):
            hint = "it has no classification head: fine-tune it first with audit train"
        raise ModelError(f"is a {architecture}, not a ...{ARCHITECTURES[task]}", where=where, hint=hint)
    return architecture


def _check_weights(
    path: Path,
    allow_pickle: bool,
    hint: str = "pickle can run any code: save it again as safetensors, or --allow-pickle",
) -> None:
    files = list(_weights(path))
    if not files:
        raise ModelError("has no weights", where=str(path), hint="model.safetensors is missing")
    if files[0].suffix == ".bin":
        if not allow_pickle:
            raise ModelError(f"has pickle weights only ({files[0].name})", where=str(path), hint=hint)
        return
    for file in files:
        _check_safetensors(file)
    if (path / INDEX).is_file():
        shards = _json(path / INDEX).get("weight_map")
        wanted = {str(name) for name in shards.values()} if isinstance(shards, dict) else set()
        missing = sorted(wanted - {file.name for file in files})
        if missing:
            raise ModelError(f"lacks {missing[0]}, which its index names", where=str(path), hint="copy it again")


def _check_adapter(path: Path) -> None:
    folder = path / ADAPTER
    if not folder.is_dir():
        return
    config = _json(folder / ADAPTER_CONFIG)
    kind = config.get("peft_type")
    if kind not in ADAPTERS:
        hint = "merge it into the weights with merge_and_unload()"
        raise ModelError(f"has an adapter of a kind that is not loaded: {kind!r}", where=str(folder), hint=hint)
    size = config.get(ADAPTERS[kind])
    if not isinstance(size, int) or size < 1:
        raise ModelError(f"{ADAPTERS[kind]} = {size!r} should be 1 or more", where=str(folder / ADAPTER_CONFIG))
    _check_safetensors(folder / ADAPTER_WEIGHTS)


def _check_safetensors(file: Path) -> None:
    """The header's length and offsets against the file's size (safetensors format)."""
    try:
        with open_file(file, ModelError) as stream:
            size = file.stat().st_size
            start = stream.read(8)
            length = int.from_bytes(start, "little")
            header = json.loads(stream.read(length) if 8 + length <= min(size, MAX_HEADER) else b"")
        end = max(
            (int(entry["data_offsets"][1]) for name, entry in header.items() if name != "__metadata__"), default=0
        )
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror}", where=str(file)) from None
    except (ValueError, AttributeError, TypeError, KeyError, IndexError):
        hint = "copy it again"
        if start == b"version ":  # the first bytes of a pointer that stands in for a large file in git
            hint = "it is a Git LFS pointer: git lfs pull fetches the file"
        raise ModelError("is not a whole safetensors file", where=str(file), hint=hint) from None
    if 8 + length + end != size:
        raise ModelError("is cut off", where=str(file), hint="copy it again")


def _check_tokenizer(path: Path) -> None:
    if not any((path / name).is_file() for name in TOKENIZER_FILES):
        raise ModelError("has no tokenizer", where=str(path), hint="save it there: tokenizer.save_pretrained()")
    if (path / "tokenizer.json").is_file():
        _json(path / "tokenizer.json")


def _labels(config: Mapping[str, Any], where: str) -> tuple[str, ...]:
    """Names of the outputs in their order; transformers' own names for those that the config does not name."""
    count = config.get("num_labels", config.get("_num_labels", 2))
    unnamed = {str(index): f"LABEL_{index}" for index in range(count if isinstance(count, int) else 2)}
    named = config.get("id2label") or unnamed
    if not isinstance(named, dict) or {str(key) for key in named} != {str(index) for index in range(len(named))}:
        raise ModelError("its id2label does not name the outputs 0, 1, 2, …", where=where)
    labels = tuple(str(named[str(index)]) for index in range(len(named)))
    if len(labels) < 2 or config.get("problem_type") in ("regression", "multi_label_classification"):
        raise ModelError(
            "does not choose one of two or more labels",
            where=where,
            hint="regression and multi-label are not supported",
        )
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise ModelError(f"has two outputs called {twice[0]!r}", where=where, hint="mend id2label in config.json")
    return labels


def _max_length(config: Mapping[str, Any], tokenizer: Mapping[str, Any]) -> int | None:
    limits = (config.get("max_position_embeddings"), tokenizer.get("model_max_length"))
    return min((int(one) for one in limits if isinstance(one, int | float) and 0 < one < NO_LIMIT), default=None)
