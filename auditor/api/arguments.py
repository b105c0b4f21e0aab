"""Arguments of the Python API → config, data and model, checked as those of the commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from auditor import config as configs
from auditor import data as reading
from auditor.config import Config
from auditor.data import Source
from auditor.errors import DataError, UsageError, is_text
from auditor.types import HOME

if TYPE_CHECKING:
    import datasets
    import pandas
    import transformers

Place: TypeAlias = str | Path
Rows: TypeAlias = "str | Path | pandas.DataFrame | datasets.Dataset | Sequence[Mapping[str, object]]"
"""Labelled rows: a path to a file, or rows in memory."""
Splits: TypeAlias = "datasets.DatasetDict"
"""Rows of several sets by name."""
Model: TypeAlias = "str | Path | tuple[Any, Any] | transformers.Pipeline"
"""A checkpoint folder or a folder of several; ``(model, tokenizer)``; a pipeline."""
_COLUMNS = {"text": "text_column", "label": "label_column", "group": "group_column"}


def configured(config: Place | None, changes: Mapping[str, object], where: str) -> Config:
    """The config of a file, or the defaults, with what the arguments say in place of its own. Raises ConfigError.

    ``changes``: tables as ``audit.toml`` holds them; None, and empty tables, say nothing.
    """
    base = configs.load(None if config is None else Path(config))
    return configs.overlaid(base, configs.of_document(_given(changes), where))


def _given(tables: Mapping[Any, object]) -> dict[str, object]:
    """Tables of plain values, without what says nothing."""
    named = {str(key): _given(value) if isinstance(value, Mapping) else _plain(value) for key, value in tables.items()}
    return {key: value for key, value in named.items() if value is not None and value != {}}


def _plain(value: Any) -> Any:
    """A value as ``audit.toml`` would hold it: no paths, no numpy numbers, no tuples."""
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, Path):
        return str(value)
    return value.item() if type(value).__module__ == "numpy" and hasattr(value, "item") else value


def data_table(labels: Mapping[Any, str] | None, columns: Mapping[str, str] | None) -> dict[str, object]:
    """``[data]`` as the arguments of that say it."""
    named = dict(columns or {})
    fields = {key: named.pop(name) for name, key in _COLUMNS.items() if name in named}
    return {"labels": dict(labels or {}), **fields, "columns": named}


def sets(
    data: Rows | Splits | None,
    train: Rows | None,
    validation: Rows | None,
    domains: Mapping[str, Rows] | None,
) -> dict[str, Source]:
    """``home``, ``train``, ``validation`` and domains → rows, of those that are given. Raises DataError, UsageError.

    A DatasetDict gives the first three by its names test, train and validation.
    """
    sources = _by_split(data, {HOME: "test", "train": "train", "validation": "validation"})
    if not sources and data is not None:
        sources[HOME] = reading.source(data, "data")
    sources |= _named(train=train, validation=validation)
    for name, rows in (domains or {}).items():
        _check_domain(name)
        sources[name] = reading.source(rows, f"domains[{name!r}]")
    return sources


def training_sets(data: Rows | Splits | None, validation: Rows | None) -> dict[str, Source]:
    """``train``, ``validation`` and ``test`` → rows, of those that are given. Raises DataError."""
    sources = _by_split(data, {name: name for name in ("train", "validation", "test")})
    if not sources and data is not None:
        sources["train"] = reading.source(data, "data")
    return {**sources, **_named(validation=validation)}


def _by_split(data: object, names: Mapping[str, str]) -> dict[str, Source]:
    """Set → the rows of its split of a DatasetDict, the first of which has to be there; empty for anything else."""
    if not reading.is_splits(data):
        return {}
    splits = reading.splits(data)
    needed = next(iter(names.values()))
    if needed not in splits:
        hint = f"give one of its splits, or rename it: {', '.join(splits)}"
        raise DataError(f"the DatasetDict has no split {needed!r}", where="data", hint=hint)
    return {name: reading.source(splits[split], f"data[{split!r}]") for name, split in names.items() if split in splits}


def _named(**rows: object) -> dict[str, Source]:
    return {name: reading.source(value, name) for name, value in rows.items() if value is not None}


def _check_domain(name: str) -> None:
    if not isinstance(name, str) or not name.strip() or not is_text(name) or name in configs.RESERVED:
        hint = f"taken: {', '.join(configs.RESERVED)}"
        raise UsageError(f"{name!r} cannot be a domain's name", where="domains", hint=hint)


def words(value: Place | Sequence[Place] | None, name: str) -> tuple[str, ...]:
    """Names, or files, of which one may stand alone. Raises UsageError for none at all, and for what is no name."""
    if value is None:
        return ()
    listed = (value,) if isinstance(value, str | Path) else tuple(value)
    if not listed:
        raise UsageError("is empty", where=name, hint="leave it out for all of them")
    for word in listed:
        if not isinstance(word, str | Path) or not str(word):
            raise UsageError(f"{word!r} is no name and no file", where=name)
    return tuple(map(str, listed))
