"""Command and settings that repeat an audit."""

from __future__ import annotations

import json
import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from auditor.types import HOME, OUTSIDE, TIME_SLICE

CONFIG = "audit.toml"
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_FLAGS = {HOME: "--data", "train": "--train"}
_NO_FILE = ("validation",)
"""Data that only the config names."""


def command(results: Mapping[str, Any]) -> str:
    """Return the command that repeats an audit.

    Its settings are in a file. Files in memory have no path; the command then names what stood there.
    """
    if "imported" in results:
        return _import(results)
    words = ["audit", "run", "--config", CONFIG, "--model", _model(results)]
    if len(results["models"]) > 1:
        words += ["--candidate", results["candidate"]]
    for dataset in results["data"]:
        if dataset["name"] in _NO_FILE or dataset.get("kind") == OUTSIDE:
            continue
        flag = _FLAGS.get(dataset["name"])
        named = "--slice" if dataset.get("kind") == TIME_SLICE else "--domain"
        words += [flag, dataset["path"]] if flag else [named, f"{dataset['name']}={dataset['path']}"]
    return shlex.join(words)


def _import(results: Mapping[str, Any]) -> str:
    """Return the command that reads another tool's files again.

    A flag holds for all files, so that what differs between them was not given.
    """
    words = ["audit", "import", *(dataset["path"] for dataset in results["data"]), "--out", "DIR"]
    read = list(results["records"][0]["settings"].values())
    for name in ("metric", "better", "filter"):
        named = {own.get(name) for own in read}
        words += [f"--{name}", *named] if len(named) == 1 and None not in named else []
    return shlex.join([*words, "--model-name", results["candidate"]])


def _model(results: Mapping[str, Any]) -> str:
    """Return the checkpoint, or the folder that holds all checkpoints."""
    paths = [str(model["path"]) for model in results["models"]]
    return paths[0] if len(paths) == 1 else posixpath.dirname("".join(paths[:1])) or "."


def toml(config: Mapping[str, Any]) -> str:
    """Return recorded settings as a TOML file that gives the same settings.

    Settings that were not given are left out.
    """
    plain = {key: value for key, value in config.items() if not isinstance(value, Mapping)}
    lines = list(_pairs(plain))
    for key, value in config.items():
        if isinstance(value, Mapping):
            lines += _table((key,), value)
    return "\n".join(lines).strip() + "\n"


def _table(path: Sequence[str], table: Mapping[str, Any]) -> Iterator[str]:
    own = list(_pairs({key: value for key, value in table.items() if not isinstance(value, Mapping)}))
    if own:
        yield f"\n[{'.'.join(map(_key, path))}]"
        yield from own
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _table((*path, key), value)


def _pairs(table: Mapping[str, Any]) -> Iterator[str]:
    for key, value in table.items():
        if value is not None:
            yield f"{_key(key)} = {_value(value)}"


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _value(name)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{{ {', '.join(_pairs(value))} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    # JSON's strings, numbers and booleans are TOML's, but for DEL, which JSON does not escape.
    return json.dumps(value, ensure_ascii=False, allow_nan=False).replace("\x7f", "\\u007f")
