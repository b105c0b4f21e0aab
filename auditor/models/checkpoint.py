"""What a checkpoint folder holds, found without torch; unsafe and unfit ones are refused before anything loads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditor.errors import ModelError

ARCHITECTURES = {"text-classification": "ForSequenceClassification"}
TOKENIZER_FILES = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "spiece.model",
    "sentencepiece.bpe.model",
    "tokenizer.model",
)
OTHER_FILES = ("config.json", "tokenizer_config.json", "special_tokens_map.json", "merges.txt", "added_tokens.json")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A folder that can be loaded."""

    path: Path
    labels: tuple[str, ...]
    """The model's names of its labels in the order of its outputs."""
    architecture: str
    task: str


def find(path: Path) -> dict[str, Path]:
    """Name → checkpoint: the folder itself, or the checkpoints in it by name. Raises ModelError."""
    if not path.exists():
        hint = "only local folders are read; download the model first" if "." not in path.name else "is the path right?"
        raise ModelError("no such path", where=str(path), hint=hint)
    if not path.is_dir():
        raise ModelError(
            "is a file, not a checkpoint folder", where=str(path), hint="name the folder that holds config.json"
        )
    if (path / "config.json").is_file():
        return {path.resolve().name: path}
    found = {inner.name: inner for inner in sorted(path.iterdir()) if (inner / "config.json").is_file()}
    if not found:
        raise ModelError(
            "not a checkpoint: no config.json in it",
            where=str(path),
            hint="save_pretrained() writes one; audit train too",
        )
    return found


def describe(
    path: Path, task: str = "text-classification", *, allow_pickle: bool = False, trust_remote_code: bool = False
) -> Checkpoint:
    """Check a checkpoint folder and read its labels; no torch. Raises ModelError for one that is unsafe or unfit."""
    where = str(path)
    config = _json(path / "config.json")
    architecture = (config.get("architectures") or ["?"])[0]
    _refuse_remote_code(path, config, trust_remote_code)
    if not architecture.endswith(ARCHITECTURES[task]):
        bare = architecture.endswith(("Model", "ForMaskedLM", "ForPreTraining"))
        hint = (
            "it has no classification head: fine-tune it first with audit train"
            if bare
            else f"a model for {task} is needed"
        )
        raise ModelError(f"is a {architecture}, not a ...{ARCHITECTURES[task]}", where=where, hint=hint)
    _check_weights(path, allow_pickle)
    if not any((path / name).is_file() for name in TOKENIZER_FILES):
        raise ModelError("has no tokenizer", where=where, hint="save it there: tokenizer.save_pretrained()")
    labels = _labels(config, where)
    return Checkpoint(path, labels, architecture, task)


def check_base(path: Path, *, allow_pickle: bool = False) -> None:
    """Check the folder of a pretrained model to train from. Raises ModelError."""
    if not (path / "config.json").is_file():
        raise ModelError(
            "not a pretrained model: no config.json here", where=str(path), hint="[training] base names its folder"
        )
    _refuse_remote_code(path, _json(path / "config.json"), allowed=False)
    _check_weights(path, allow_pickle)


def fingerprint(path: Path) -> str:
    """SHA-256 over names and bytes of weights, configuration and tokenizer files, in hexadecimal."""
    digest = hashlib.sha256()
    names = {*TOKENIZER_FILES, *OTHER_FILES, *(file.name for file in _weights(path))}
    for name in sorted(names):
        if (path / name).is_file():
            with (path / name).open("rb") as file:
                digest.update(f"{name}\0{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()


def _weights(path: Path) -> Iterator[Path]:
    safe = sorted(path.glob("*.safetensors"))
    yield from safe or sorted(path.glob("pytorch_model*.bin"))


def _json(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ModelError(f"cannot be read: {error}", where=str(file)) from None
    if not isinstance(found, dict):
        raise ModelError("is not a JSON object", where=str(file))
    return found


def _refuse_remote_code(path: Path, config: dict[str, Any], allowed: bool) -> None:
    file = path / "tokenizer_config.json"
    tokenizer = _json(file) if file.is_file() else {}
    if ("auto_map" in config or "auto_map" in tokenizer) and not allowed:
        raise ModelError(
            "comes with code of its own (auto_map)", where=str(path), hint="read it, then --trust-remote-code"
        )


def _check_weights(path: Path, allow_pickle: bool) -> None:
    files = list(_weights(path))
    if not files:
        raise ModelError("has no weights", where=str(path), hint="model.safetensors is missing")
    if files[0].suffix == ".bin":
        if not allow_pickle:
            hint = "pickle can run any code: save it again as safetensors, or --allow-pickle"
            raise ModelError(f"has pickle weights only ({files[0].name})", where=str(path), hint=hint)
        return
    for file in files:
        _check_safetensors(file)


def _check_safetensors(file: Path) -> None:
    """The header's length and offsets against the file's size (safetensors format)."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        try:
            header = json.loads(stream.read(length)) if 8 + length <= size else None
        except (UnicodeDecodeError, json.JSONDecodeError):
            header = None
    if not isinstance(header, dict):
        raise ModelError("is not a whole safetensors file", where=str(file), hint="copy it again")
    end = max((entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"), default=0)
    if 8 + length + end != size:
        raise ModelError("is cut off", where=str(file), hint="copy it again")


def _labels(config: dict[str, Any], where: str) -> tuple[str, ...]:
    named = config.get("id2label") or {"0": "LABEL_0", "1": "LABEL_1"}
    labels = tuple(str(named[key]) for key in sorted(named, key=int))
    if len(labels) < 2 or config.get("problem_type") in ("regression", "multi_label_classification"):
        raise ModelError(
            "does not choose one of two or more labels",
            where=where,
            hint="regression and multi-label are not supported",
        )
    return labels
