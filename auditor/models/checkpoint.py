"""Contents of a checkpoint folder, read without torch.

Unsafe and unsuitable checkpoints are refused before anything is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, TypeGuard

from auditor.errors import ModelError, is_text
from auditor.models import heads
from auditor.models.adapter_files import ADAPTER_CONFIG, check_adapter, merge_hint
from auditor.models.fingerprints import NOT_READ, fingerprint
from auditor.models.reading import read_json
from auditor.models.weight_files import ADAPTER, check_weights, weight_files
from auditor.storage.reading import check_folder, is_folder, near_file

__all__ = ["Checkpoint", "check_base", "describe", "find", "fingerprint", "head_of"]

BARE = ("Model", "ForMaskedLM", "ForPreTraining")
"""Suffixes of architectures that are only pretrained: a head can be trained on them."""
NOT_OF_A_TOKENIZER = ("config.json", "*.safetensors", "*.safetensors.index.json", "pytorch_model*.bin*", "*.py")
"""Files that do not belong to a tokenizer.

A folder that contains only these, and files that loading never reads, has no tokenizer.
"""
NO_TOKENIZER, SAVE_TOKENIZER = "has no tokenizer", "save it there: tokenizer.save_pretrained()"
NO_LIMIT = 1_000_000
"""Lengths from here on mean "no limit": transformers writes 1e30."""
UNLIMITED = -1
"""Other libraries' value for "no limit"."""


WITHOUT_TOKENIZER_FILES = ("canine", "perceiver")
"""Model types whose tokenizer needs no files: it reads characters or bytes directly."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Folder that can be loaded."""

    path: Path
    labels: tuple[str, ...]
    """The model's label names in the order of its outputs."""
    architecture: str
    head: str
    """Name of the head that the model is used with."""
    max_length: int | None = None
    """Greatest number of tokens according to config and tokenizer; None if neither names one."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 over weights, configuration and tokenizer; reads the whole folder."""
        return fingerprint(self.path)


def find(path: Path) -> dict[str, Path]:
    """Return name → path: the folder itself, or the checkpoints in it.

    Raises ModelError if there is none.
    """
    _check_folder(path)
    if not is_text(path.resolve().name):
        raise ModelError("its name is not UTF-8", where=str(path), hint="rename it, or name a link to it")
    if (path / "config.json").is_file():
        return {path.resolve().name: path}
    checkpoints = _checkpoints_in(path)
    if not checkpoints:
        hint = "save_pretrained() writes one, and so does audit train"
        if (path / ADAPTER_CONFIG).is_file():
            hint = merge_hint(path)
            if path.name == ADAPTER and (path.parent / "config.json").is_file():
                hint = f"it is part of a checkpoint: name {path.parent}"
        raise ModelError("not a checkpoint: no config.json in it", where=str(path), hint=hint)
    return checkpoints


def describe(
    path: Path,
    head: str = heads.DEFAULT,
    *,
    task: str | None = None,
    allow_pickle: bool = False,
    trust_remote_code: bool = False,
) -> Checkpoint:
    """Check a checkpoint folder and read its labels, without torch.

    ``head`` is the name of the head that the checkpoint must have; ``task`` is the name of the task that needs it, for
    error messages. Raises ModelError for an unsafe or unsuitable checkpoint.
    """
    kind = heads.of(head, task=task)
    where = str(path)
    if list(find(path).values()) != [path]:
        names = ", ".join(_checkpoints_in(path))
        raise ModelError("is a folder of checkpoints, not a checkpoint", where=where, hint=f"name one of them: {names}")
    config = read_json(path / "config.json")
    tokenizer = _tokenizer_config(path)
    check_folder(path, ModelError)
    _refuse_remote_code(path, config, tokenizer, trust_remote_code)
    architecture = check_architecture(config, kind, task, where)
    if (path / ADAPTER_CONFIG).is_file() and not any(weight_files(path)):
        raise ModelError(
            "contains an adapter but not the weights of its base model", where=where, hint=merge_hint(path)
        )
    check_weights(path, allow_pickle)
    check_adapter(path)
    _check_tokenizer(path, config)
    return Checkpoint(
        path,
        kind.labels_in(config, where),
        architecture,
        head,
        _max_length(config, tokenizer, str(path / "tokenizer_config.json")),
    )


def head_of(path: Path) -> str | None:
    """Return the name of a checkpoint's head, by its architecture and problem.

    For a folder of checkpoints, the first one counts. Returns None if no head supports the architecture.
    """
    try:
        head = heads.serving(read_json(next(iter(find(path).values())) / "config.json"))
    except ModelError:
        return None
    return None if head is None else head.name


def check_base(path: Path, *, adapter: bool = False) -> None:
    """Check the folder of a pretrained model to train from.

    Raises ModelError unless it has safetensors weights and no code of its own, and no adapter without ``adapter``.
    """
    if not is_folder(path, ModelError) or not (path / "config.json").is_file():
        hint = "[training] base, or --base, names the folder of a pretrained model"
        raise ModelError("not a pretrained model: no config.json here", where=str(path), hint=hint)
    check_folder(path, ModelError)
    config = read_json(path / "config.json")
    _refuse_remote_code(path, config, _tokenizer_config(path), False, "a base must not bring any")
    check_weights(path, False, "pickle can run any code: save it again as safetensors")
    if ((path / ADAPTER).is_dir() and not adapter) or (path / ADAPTER_CONFIG).is_file():
        hint = "train from the base it was added to"
        if (path / ADAPTER_CONFIG).is_file():
            hint += f"; if its weights are merged, delete {ADAPTER_CONFIG}"
        raise ModelError("has an adapter that training would drop", where=str(path), hint=hint)
    _check_tokenizer(path, config)


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
    raise ModelError("no such path", where=str(path), hint=instead_of(path, path))


def instead_of(path: Path, written: Path) -> str:
    """Return a hint for a path that does not exist.

    ``written`` is the path as the user wrote it. The hint is a similar name in the same folder, or says that model hub
    names are not read.
    """
    near = near_file(path)
    above = written.parent
    hub_like = not written.is_absolute() and len(written.parts) <= 2 and (str(above) == "." or not path.parent.exists())
    if near is None and hub_like:
        return "only local folders are read: download the model, then name its folder"
    return near or "is the path right?"


def _checkpoints_in(path: Path) -> dict[str, Path]:
    """Return the checkpoints directly in a folder, by name.

    Hidden folders are skipped: an interrupted training leaves them behind.
    """
    folders = sorted(folder for folder in path.iterdir() if not folder.name.startswith("."))
    return {folder.name: folder for folder in folders if (folder / "config.json").is_file()}


def _tokenizer_config(path: Path) -> dict[str, Any]:
    file = path / "tokenizer_config.json"
    return read_json(file) if file.is_file() else {}


def _refuse_remote_code(
    path: Path,
    config: Mapping[str, Any],
    tokenizer: Mapping[str, Any],
    allowed: bool,
    hint: str = "read it, then pass --trust-remote-code",
) -> None:
    if ("auto_map" in config or "auto_map" in tokenizer) and not allowed:
        raise ModelError("comes with code of its own (auto_map)", where=str(path), hint=hint)


def check_architecture(config: Mapping[str, Any], head: heads.Kind, task: str | None, where: str) -> str:
    """Return the architecture from config.json.

    Raises ModelError if there is none, or if it does not have the given head.
    """
    named = config.get("architectures")
    architecture = str(named[0]) if isinstance(named, list) and named else None
    if architecture is None:
        raise ModelError("its config.json names no architecture", where=where, hint="save_pretrained() writes it")
    if not architecture.endswith(head.architecture):
        hint = f"a model for {task} is needed" if task else f"a model with the head {head.name!r} is needed"
        if architecture.endswith(BARE):
            hint = "it has no classification head: fine-tune it first with audit train"
        raise ModelError(f"is a {architecture}, not a ...{head.architecture}", where=where, hint=hint)
    return architecture


def _check_tokenizer(path: Path, config: Mapping[str, Any]) -> None:
    """Check that the folder contains files of a tokenizer.

    Some tokenizers need no vocabulary, and others name it freely, so any file that belongs to nothing else counts.
    """
    if config.get("model_type") in WITHOUT_TOKENIZER_FILES:
        return
    passed_over = (*NOT_READ, *NOT_OF_A_TOKENIZER)
    names = (file.name for file in path.iterdir() if file.is_file() and not file.name.startswith("."))
    if all(any(fnmatch(name.lower(), pattern) for pattern in passed_over) for name in names):
        raise ModelError(NO_TOKENIZER, where=str(path), hint=SAVE_TOKENIZER)
    for name in ("tokenizer.json", "special_tokens_map.json", "added_tokens.json"):
        if (path / name).is_file():
            read_json(path / name)


def _max_length(config: Mapping[str, Any], tokenizer: Mapping[str, Any], where: str) -> int | None:
    own = tokenizer.get("model_max_length")
    if own is not None and (isinstance(own, bool) or not isinstance(own, int | float)):
        raise ModelError(f"model_max_length = {own!r} is not a number of tokens", where=where)
    if own is not None and own != UNLIMITED and own <= 0:
        hint = "remove the line to use the model's own limit, or set the number of tokens it reads"
        raise ModelError(f"model_max_length = {own!r} leaves no token to read", where=where, hint=hint)
    if is_limit(own) and own != int(own):
        raise ModelError(f"model_max_length = {own!r} is not a whole number of tokens", where=where)
    limits = (config.get("max_position_embeddings"), own)
    return min((int(limit) for limit in limits if is_limit(limit)), default=None)


def is_limit(value: Any) -> TypeGuard[int | float]:
    """Return whether the value really limits a number of tokens.

    Libraries write huge numbers, or -1, for "no limit".
    """
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < NO_LIMIT
